package templates

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/notifier"
)

// The closed lists of the Elastic Common Schema (elastic.co "ECS categorization fields"), as far as they are used.
var (
	ecsKinds      = []string{"alert", "event"}
	ecsCategories = []string{"authentication", "configuration", "file", "host", "iam", "intrusion_detection", "network", "registry", "vulnerability", "web"}
	ecsTypes      = []string{"admin", "allowed", "change", "creation", "deletion", "denied", "info", "start"}
	ecsOutcomes   = []string{"", "success", "failure"}
)

func ecsDocument(t *testing.T, d *Data) map[string]any {
	t.Helper()
	parts, err := Default().Parts(d)
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal([]byte(parts["document.json"].Raw()), &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

// at is the value at a path of keys, or nil.
func at(doc any, path string) any {
	for key := range strings.SplitSeq(path, ".") {
		m, _ := doc.(map[string]any)
		doc = m[key]
	}
	return doc
}

func TestDocumentsOfTheWholeCorpusKeepToTheSchema(t *testing.T) {
	files, err := filepath.Glob("../testdata/alerts/*/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		a := alert.Parse(b, alert.Options{Location: time.UTC})
		a.Received = time.Unix(1795440502, 0)
		doc := ecsDocument(t, NewData(a, alert.DefaultScale, Context{Channel: "elasticsearch"}))
		one := func(path string, of []string) {
			if s, _ := at(doc, path).(string); !slices.Contains(of, s) {
				t.Errorf("%s: %s is %q", file, path, s)
			}
		}
		one("event.kind", ecsKinds)
		one("event.outcome", ecsOutcomes)
		for path, of := range map[string][]string{"event.category": ecsCategories, "event.type": ecsTypes} {
			list, _ := at(doc, path).([]any)
			for _, x := range list {
				if !slices.Contains(of, x.(string)) {
					t.Errorf("%s: %s has %q", file, path, x)
				}
			}
		}
		if s, _ := at(doc, "@timestamp").(string); s == "" {
			t.Errorf("%s: no time", file)
		} else if _, err := time.Parse(time.RFC3339, s); err != nil {
			t.Error(file, err)
		}
		for _, path := range []string{"source.ip", "destination.ip"} {
			if s, ok := at(doc, path).(string); ok {
				if _, err := netip.ParseAddr(s); err != nil {
					t.Errorf("%s: %s: %v", file, path, err)
				}
			}
		}
		if s, ok := at(doc, "event.original").(string); len(a.Original) > 0 && (!ok || !json.Valid([]byte(s))) {
			t.Errorf("%s: the alert as it came is %v", file, at(doc, "event.original"))
		}
	}
}

func TestDocumentsInTheSchema(t *testing.T) {
	var all bytes.Buffer
	enc := json.NewEncoder(&all)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	for _, file := range []string{"wazuh/5712-ssh-brute-force.json", "wazuh/550-fim-changed.json", "ossec/601-blocked.json"} {
		b, err := os.ReadFile("../testdata/alerts/" + file)
		if err != nil {
			t.Fatal(err)
		}
		a := alert.Parse(b, alert.Options{Location: time.UTC})
		a.Added = map[string]any{
			"srcip_geo":   map[string]any{"country": "DE", "country_name": "Germany", "city": "Berlin", "asn": int64(64500), "as_org": "Example Net", "latitude": 52.5, "longitude": 13.4},
			"dstip_geo":   nil,
			"srcip_class": []any{"public", "tor"},
			"asset":       map[string]any{"owner": "web team", "criticality": int64(3), "vlan": []any{int64(1), "2"}, "none": nil},
		}
		doc := ecsDocument(t, NewData(a, alert.DefaultScale, Context{Channel: "elasticsearch", Receiver: "search", Delivery: "01J9Z3"}))
		if err := enc.Encode(doc); err != nil {
			t.Fatal(err)
		}
	}
	const golden = "testdata/ecs.json"
	if *update {
		if err := os.WriteFile(golden, all.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil || !bytes.Equal(want, all.Bytes()) {
		t.Errorf("%v: got\n%s", err, all.Bytes())
	}
}

// A document about a program says how that ended, by the names of the webhook's document, and is no second alert.
func TestDocumentOfAProgramsEnd(t *testing.T) {
	a := alert.Parse([]byte(`{"rule":{"id":"5712","level":10}}`), alert.Options{})
	for _, sample := range []string{"", "5712"} {
		doc := ecsDocument(t, NewData(a, alert.DefaultScale, Context{Channel: "elasticsearch", Action: notifier.Report, Sample: sample,
			Ran: &notifier.Ran{Program: "block-ip", Receiver: "block", Status: 3, Took: time.Second, Output: "no route"}}))
		for path, want := range map[string]any{"event.kind": "event", "ossec.ran.program": "block-ip", "ossec.ran.status": 3.0, "ossec.ran.took_s": 1.0, "ossec.ran.output": "no route"} {
			if got := at(doc, path); got != want {
				t.Errorf("sample %q: %s is %v, want %v", sample, path, got, want)
			}
		}
	}
}

func TestLabelsAreFew(t *testing.T) {
	a := alert.Parse([]byte(`{"rule":{"id":"5712","level":15},"agent":{"id":"000","name":"manager"},"predecoder":{"hostname":"what-the-sender-says"},"manager":{"name":"manager"},"data":{"srcip":"203.0.113.9","srcuser":"root"}}`), alert.Options{})
	parts, err := Default().Parts(NewData(a, alert.DefaultScale, Context{Channel: "loki"}))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := parts["labels.json"].Raw(), `{"host":"manager","job":"ossec","level":"critical"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := parts["line.json"].Raw(); strings.Contains(got, "original") {
		t.Errorf("the line holds the alert twice: %s", got)
	}
}

// TestIndexTemplateOfTheManualHasAllFields: each field of a document, of any alert there is, has its type in the template that
// the manual gives, and the value fits it.
func TestIndexTemplateOfTheManualHasAllFields(t *testing.T) {
	b, err := os.ReadFile("../docs/elasticsearch-template.json")
	if err != nil {
		t.Fatal(err)
	}
	var manual struct {
		Template struct {
			Mappings struct{ Properties map[string]any }
		}
	}
	if err := json.Unmarshal(b, &manual); err != nil {
		t.Fatal(err)
	}
	types := map[string]string{}
	var list func(prefix string, properties map[string]any)
	list = func(prefix string, properties map[string]any) {
		for key, v := range properties {
			field := v.(map[string]any)
			if below, ok := field["properties"].(map[string]any); ok {
				list(prefix+key+".", below)
				continue
			}
			types[prefix+key] = field["type"].(string)
		}
	}
	list("", manual.Template.Mappings.Properties)
	used := map[string]bool{}
	var check func(file, path string, v any)
	check = func(file, path string, v any) {
		kind := types[path]
		switch v := v.(type) {
		case []any:
			for _, x := range v {
				check(file, path, x)
			}
			return
		case map[string]any:
			if kind == "object" || kind == "geo_point" {
				used[path] = true
				return
			}
			for key, x := range v {
				check(file, strings.TrimPrefix(path+"."+key, "."), x)
			}
			return
		case string:
			if kind == "keyword" || kind == "text" || kind == "ip" || kind == "date" {
				used[path] = true
				return
			}
		case float64:
			if kind == "long" && v == float64(int64(v)) || kind == "float" {
				used[path] = true
				return
			}
		case bool:
			if kind == "boolean" {
				used[path] = true
				return
			}
		}
		t.Errorf("%s: %s is %v, and %q in the manual's template", file, path, v, kind)
	}
	files, err := filepath.Glob("../testdata/alerts/*/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		a := alert.Parse(raw, alert.Options{Location: time.UTC})
		a.Received = time.Unix(1795440502, 0)
		place := map[string]any{"country": "DE", "country_name": "Germany", "city": "Berlin", "region": "Berlin", "asn": int64(64500), "as_org": "Example Net", "latitude": 52.5, "longitude": 13.4}
		a.Added = map[string]any{"srcip_geo": place, "dstip_geo": place, "asset": map[string]any{"owner": "web team"}}
		check(file, "", ecsDocument(t, NewData(a, alert.DefaultScale, Context{Channel: "elasticsearch", Receiver: "search", Delivery: "01J9Z3", Route: "all"})))
	}
	ran := notifier.Ran{Program: "block-ip", Receiver: "block", Delivery: "01J9Z4", Action: notifier.Resolve, Took: time.Second, Output: "x", Dropped: 1}
	for _, ended := range []string{"", "ended by us"} {
		if ran.Ended = ended; ended != "" {
			ran.Status = -1
		}
		check("a program's end", "", ecsDocument(t, NewData(alert.Parse([]byte(`{"rule":{"id":"1"}}`), alert.Options{}), alert.DefaultScale, Context{Channel: "elasticsearch", Action: notifier.Report, Ran: &ran})))
	}
	for path := range types {
		// Not of one alert, or of none in the corpus.
		if !used[path] && !slices.Contains([]string{"event.start", "event.end", "ossec.kind", "ossec.counts", "ossec.taken_by", "ossec.taken_via", "destination.user.name"}, path) {
			t.Errorf("no document has the field %s of the manual's template", path)
		}
	}
}

// TestTheManualsTemplateAddsToTheDocument reads the template of the manual as a user's.
func TestTheManualsTemplateAddsToTheDocument(t *testing.T) {
	page, err := os.ReadFile("../docs/siem.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(page), "```text\n{{define \"elasticsearch.document.json\"}}")
	text, _, found := strings.Cut(text, "```")
	if !found {
		t.Fatal("docs/siem.md shows no template of the document")
	}
	set, err := Load(Options{Dir: "d", ReadFile: func(path string) ([]byte, error) {
		if filepath.Base(path) != "elasticsearch.tmpl" {
			return nil, os.ErrNotExist
		}
		return []byte(`{{define "elasticsearch.document.json"}}` + text), nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	for sample, winlog := range map[string]any{
		"60122-windows-logon-failure.json": map[string]any{"event_id": "4625", "channel": "Security"},
		"5712-ssh-brute-force.json":        nil,
	} {
		b, err := os.ReadFile("../testdata/alerts/wazuh/" + sample)
		if err != nil {
			t.Fatal(err)
		}
		d := NewData(alert.Parse(b, alert.Options{Location: time.UTC}), alert.DefaultScale, Context{Channel: "elasticsearch"})
		want := ecsDocument(t, d)
		if winlog != nil {
			want["winlog"] = winlog
		}
		parts, err := set.Parts(d)
		if err != nil {
			t.Fatal(err)
		}
		var got map[string]any
		if err := json.Unmarshal([]byte(parts["document.json"].Raw()), &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", sample, diff)
		}
	}
}

func TestJoinedObjects(t *testing.T) {
	whole := map[string]any{"host": map[string]any{"name": "a", "ip": "192.0.2.1"}, "message": "m"}
	join(whole, map[string]any{
		"host": map[string]any{"name": "b", "os": ""}, "message": "", "none": nil, "empty": map[string]any{"of": map[string]any{}}, "n": 0, "tags": []any{"x"},
	})
	want := map[string]any{"host": map[string]any{"name": "b", "ip": "192.0.2.1"}, "message": "m", "n": 0, "tags": []any{"x"}}
	if diff := cmp.Diff(want, whole); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
