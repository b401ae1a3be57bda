package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/config"
	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/draw"
	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/page/inbox"
	"github.com/ossec-notify/ossec-notify/sandbox"
	"github.com/ossec-notify/ossec-notify/testdata/injection"
)

// bulkConfig writes an alert to Elasticsearch and Loki in every way there is: by the default templates, by an operator's, and
// with its text in every setting that is a template.
const bulkConfig = `templates_dir: .
receivers:
  search:      {elasticsearch: {url: %[1]q, api_key: %[2]q, batch: {size: 1}}}
  search-own:  {elasticsearch: {url: %[1]q, api_key: %[2]q, index: "own-{{ .Agent.Name }}-{{ .Rule.Description }}"}, template: own.json.tmpl}
  search-text: {elasticsearch: {url: %[1]q, api_key: %[2]q, index: text}, template: own.tmpl}
  logs:        {loki: {url: %[3]q}}
  logs-fmt:    {loki: {url: %[3]q, format: logfmt}}
  logs-own:    {loki: {url: %[3]q, labels: {job: own, agent: "{{ .Agent.Name }}", json: "of {{ .Rule.Description }}"}}, template: own.json.tmpl}
  logs-text:   {loki: {url: %[3]q, labels: {job: text}}, template: own.tmpl}
always: [search, search-own, search-text, logs, logs-fmt, logs-own, logs-text]
`

var (
	bulkIndex = regexp.MustCompile(`^(ossec-alerts|own-[^A-Z\\/*?"<>| ,#:\x00-\x20]*|text)$`)
	bulkID    = regexp.MustCompile(`^[0-9A-Z]{16}-[0-9a-f]{8}$`)
)

// TestPayloadsStayValuesInDocumentsAndLines: whatever an alert says, a request holds one document or line, with the keys that a
// harmless alert has, and the stand-ins find nothing wrong with it.
func TestPayloadsStayValuesInDocumentsAndLines(t *testing.T) {
	t.Parallel()
	stand, err := sandbox.Start(sandbox.Options{ElasticStreams: []string{"ossec-alerts"}})
	if err != nil {
		t.Fatal(err)
	}
	defer stand.Close()
	dir := write(t, map[string]string{
		"own.json.tmpl":     `{"value": {{.Log}}, "string": "of {{.Log}}.", "list": [{{.Agent.Name}}, "{{.Agent.Name}}"]}`,
		"own.tmpl":          "Own {{.Rule.Description}}\n{{.Log}}",
		"ossec-notify.yaml": fmt.Sprintf(bulkConfig, stand.ElasticURL(), sandbox.FakeElasticKey, stand.LokiURL()),
	})
	cfg, problems, err := loadConfig(filepath.Join(dir, "ossec-notify.yaml"), dir)
	if err != nil || cfg == nil {
		t.Fatal(err, problems)
	}
	d, err := cfg.Dispatcher(config.Options{Log: discard})
	if err != nil {
		t.Fatal(err)
	}
	deliver := func(t *testing.T, s spot, text string) map[string]sandbox.Message {
		t.Helper()
		stand.Clear()
		a := s.make(text)
		a.Time = time.Now() // an old one would be stored as of now, after it was refused
		d.DeliverAll(t.Context(), d.Plan(a), func(o dispatch.Outcome) {
			if o.State != outbox.Delivered || o.TemplateErr != nil {
				t.Errorf("%s: %s, %v, %v", o.Delivery.Receiver.Name, o.State, o.Err, o.TemplateErr)
			}
		})
		byReceiver := map[string]sandbox.Message{}
		for _, m := range stand.Messages() {
			if !m.Accepted || m.Problems != nil {
				t.Errorf("%s found: %q in %.500s", m.Service, m.Problems, m.Body)
			}
			key := string(m.Service)
			for _, sign := range []string{`"_index":"text"`, `"_index":"own-`, `"job":"own"`, `"job":"text"`, `"family=`, `"app=`, `vendor_product=`} {
				if strings.Contains(string(m.Body[:min(len(m.Body), 5000)]), sign) {
					key += " " + strings.Trim(sign, `"=`)
					break
				}
			}
			byReceiver[key] = m
		}
		if len(byReceiver) != len(cfg.Receivers) {
			t.Errorf("%d kinds of request arrived, want %d: %q", len(byReceiver), len(cfg.Receivers), slices.Sorted(maps.Keys(byReceiver)))
		}
		return byReceiver
	}
	for n, file := range []string{"wazuh/5712-ssh-brute-force.json", "ossec/5712-ssh-brute-force.json", "wazuh/550-fim-changed.json"} {
		s, fields := everywhere(t, file), fieldsOf(t, file)
		log := fields[slices.IndexFunc(fields, func(f spot) bool { return strings.HasSuffix(f.name, ".full_log") })]
		want := map[string]bool{"source.port": true, "ossec.truncated": true} // the keys of a harmless alert's documents, and of one with a number or cut
		for _, harmlessly := range []spot{s, log} {
			for _, m := range deliver(t, harmlessly, harmless) {
				maps.Copy(want, keysOfBulk(t, m))
			}
		}
		for i, p := range injection.All() {
			if testing.Short() && i%8 > 0 || p.Large && n > 0 {
				continue
			}
			t.Run(file+"/"+p.Name, func(t *testing.T) {
				s := s
				if p.Large { // in every field it would be longer than the door lets pass
					s = log
				}
				for _, m := range deliver(t, s, p.Text) {
					for key := range keysOfBulk(t, m) {
						if !want[key] {
							t.Errorf("%s: the key %q comes from the alert", m.Service, key)
						}
					}
				}
			})
		}
	}
}

// TestCorpusFitsOneIndex: every alert there is goes into one index without a template, in which each field has the type that the
// first document gave it, and as a line to Loki.
func TestCorpusFitsOneIndex(t *testing.T) {
	t.Parallel()
	stand, err := sandbox.Start(sandbox.Options{ElasticStreams: []string{"ossec-alerts"}})
	if err != nil {
		t.Fatal(err)
	}
	defer stand.Close()
	dir := write(t, map[string]string{"ossec-notify.yaml": fmt.Sprintf("receivers:\n  search: {elasticsearch: {url: %q, api_key: %q}}\n  logs: {loki: {url: %q}}\nalways: [search, logs]\n",
		stand.ElasticURL(), sandbox.FakeElasticKey, stand.LokiURL())})
	cfg, problems, err := loadConfig(filepath.Join(dir, "ossec-notify.yaml"), dir)
	if err != nil || cfg == nil {
		t.Fatal(err, problems)
	}
	d, err := cfg.Dispatcher(config.Options{Log: discard})
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(corpusDir, "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	var all []dispatch.Delivery
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		a := alert.Parse(b, alert.Options{FileName: filepath.Base(file)})
		a.Received = time.Now()
		a.Time = a.Received
		all = append(all, d.Plan(a)...)
	}
	d.DeliverAll(t.Context(), all, func(o dispatch.Outcome) {
		if o.State != outbox.Delivered || o.TemplateErr != nil {
			t.Errorf("%s: %s, %v, %v", o.Delivery.Receiver.Name, o.State, o.Err, o.TemplateErr)
		}
	})
	documents, lines := 0, 0
	for _, m := range stand.Messages() {
		if !m.Accepted || m.Problems != nil {
			t.Errorf("%s found: %q", m.Service, m.Problems)
		}
		var push pushedLines
		if m.Service == sandbox.Elasticsearch {
			documents += strings.Count(string(m.Body), "\n") / 2
		} else if err := json.Unmarshal(m.Body, &push); err != nil {
			t.Error(err)
		}
		for _, s := range push.Streams {
			lines += len(s.Values)
		}
	}
	if documents != len(all)/2 || lines != len(all)/2 {
		t.Errorf("%d documents and %d lines of %d alerts", documents, lines, len(all)/2)
	}
}

// keysOfBulk are the paths of the keys in what a request holds: one document, or one line.
func keysOfBulk(t *testing.T, m sandbox.Message) map[string]bool {
	t.Helper()
	keys := map[string]bool{}
	if m.Service == sandbox.Elasticsearch {
		lines := strings.Split(strings.TrimSuffix(string(m.Body), "\n"), "\n")
		var action struct {
			Create struct {
				Index string `json:"_index"`
				ID    string `json:"_id"`
			}
		}
		if err := json.Unmarshal([]byte(lines[0]), &action); err != nil || len(lines) != 2 || !bulkIndex.MatchString(action.Create.Index) || !bulkID.MatchString(action.Create.ID) {
			t.Errorf("%d lines, %+v, %v", len(lines), action, err)
		}
		addKeys(t, keys, "", lines[len(lines)-1])
		return keys
	}
	var push pushedLines
	if err := json.Unmarshal(m.Body, &push); err != nil || len(push.Streams) != 1 || len(push.Streams[0].Values) != 1 {
		t.Fatalf("no push of one line: %v %.200s", err, m.Body)
	}
	var line string
	if err := json.Unmarshal(push.Streams[0].Values[0][1], &line); err != nil {
		t.Error(err)
	}
	for name := range push.Streams[0].Stream {
		keys["label "+name] = true
	}
	switch {
	case strings.HasPrefix(line, "{"):
		addKeys(t, keys, "line.", line)
	case push.Streams[0].Stream["job"] != "text":
		if strings.ContainsAny(line, "\n\r") {
			t.Errorf("logfmt of several lines: %q", line)
		}
		for _, key := range logfmtKeys(t, line) {
			keys["line."+key] = true
		}
	}
	return keys
}

func addKeys(t *testing.T, keys map[string]bool, prefix, document string) {
	t.Helper()
	var object map[string]any
	if err := json.Unmarshal([]byte(document), &object); err != nil {
		t.Errorf("no JSON: %v: %.200s", err, document)
	}
	var walk func(prefix string, v any)
	walk = func(prefix string, v any) {
		if o, ok := v.(map[string]any); ok {
			for key, below := range o {
				walk(prefix+"."+key, below)
			}
			return
		}
		keys[prefix] = true
	}
	for key, v := range object {
		walk(prefix+key, v)
	}
}

var logfmtPair = regexp.MustCompile(`^([^ =" ]+)=("(?:[^"\\]|\\.)*"|[^ "=]*)(?: |$)`)

// logfmtKeys reads logfmt as Loki does.
func logfmtKeys(t *testing.T, line string) []string {
	t.Helper()
	var keys []string
	for line != "" {
		pair := logfmtPair.FindStringSubmatch(line)
		if pair == nil {
			t.Errorf("no logfmt: %.200q", line)
			break
		}
		keys, line = append(keys, pair[1]), line[len(pair[0]):]
	}
	return keys
}

func TestRequestsOfSeveralAreDrawnAndTold(t *testing.T) {
	t.Parallel()
	bulk := "{\"create\":{\"_index\":\"a\"}}\n{\"message\":\"SSH brute force\",\"ossec\":{\"severity\":\"medium\"}}\n{\"create\":{\"_index\":\"a\"}}\n{\"message\":\"x\"}\n"
	push := `{"streams":[{"stream":{"job":"ossec","a\u202e":"b"},"values":[["1","{\"severity\":\"medium\",\"description\":\"SSH brute force\"}",{"src":"203.0.113.9"}],["2","plain text"]]},{"stream":{"job":"x"},"values":[["3"]]}]}`
	for _, m := range []sandbox.Message{{Service: sandbox.Elasticsearch, Body: []byte(bulk)}, {Service: sandbox.Loki, Body: []byte(push)}} {
		if got := inbox.Gist(m); !strings.HasPrefix(got, "medium: SSH brute force, and ") {
			t.Errorf("%s: got %q", m.Service, got)
		}
	}
	flat := func(nodes []draw.Node) string {
		b, err := json.Marshal(nodes)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	if got := flat(draw.Documents([]byte(bulk))); strings.Count(got, "_index") != 2 {
		t.Errorf("got %s", got)
	}
	got := flat(draw.PushedLines([]byte(push)))
	for _, want := range []string{"SSH brute force", "203.0.113.9", "plain text", "ossec"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in %s", want, got)
		}
	}
	if strings.Contains(got, "\u202e") {
		t.Errorf("a character that turns the line is shown: %s", got)
	}
	for document, want := range map[string]string{`{"message":"idx from 192.0.2.1"}`: "idx from 192.0.2.1", `{"message":"m","ossec":{"severity":"high"}}`: "high: m"} {
		if got := inbox.Gist(sandbox.Message{Service: sandbox.Elasticsearch, Body: []byte(`{"create":{}}` + "\n" + document + "\n")}); got != want {
			t.Errorf("%s: got %q, want %q", document, got, want)
		}
	}
	for _, odd := range []string{"", "{", "\n\n", `{"streams":[{"values":[[]]}]}`, `{"streams":null}`, strings.Repeat("{}\n", 1000)} {
		_, _ = draw.Documents([]byte(odd)), draw.PushedLines([]byte(odd)) // which do not panic
		for _, s := range []sandbox.Service{sandbox.Elasticsearch, sandbox.Loki} {
			if got := inbox.Gist(sandbox.Message{Service: s, Body: []byte(odd)}); got == "" {
				t.Errorf("%s: nothing is said of %.20q", s, odd)
			}
		}
	}
}

// pushedLines is a push to Loki as it is read here.
type pushedLines struct {
	Streams []struct {
		Stream map[string]string   `json:"stream"`
		Values [][]json.RawMessage `json:"values"`
	} `json:"streams"`
}
