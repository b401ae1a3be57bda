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

	"github.com/ossec-notify/ossec-notify/alert"
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
	const golden = "testdata/ecs.golden"
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
