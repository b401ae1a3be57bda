package sandbox

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

var (
	elasticHeader = header{"Authorization": "ApiKey " + FakeElasticKey, "Content-Type": "application/x-ndjson"}
	lokiHeader    = header{"Content-Type": "application/json"}
)

// told is what a stand-in answers.
func told(t *testing.T, url string, h header, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range h {
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func TestElasticsearchRefusesWholeRequests(t *testing.T) {
	s := start(t, Options{})
	const create, doc = `{"create":{"_index":"a","_id":"1"}}`, `{"x":1}`
	for name, c := range map[string]struct {
		h            header
		body, reason string
		status       int
	}{
		"no key":              {header{"Content-Type": "application/x-ndjson"}, create + "\n" + doc + "\n", "unable to authenticate", 401},
		"wrong key":           {elasticHeader.also(header{"Authorization": "ApiKey eDp5"}), create + "\n" + doc + "\n", "unable to authenticate", 401},
		"text":                {elasticHeader.also(header{"Content-Type": "text/plain"}), create + "\n" + doc + "\n", "is not supported", 406},
		"empty":               {elasticHeader, "", "request body is required", 400},
		"no line end":         {elasticHeader, create + "\n" + doc, "must be terminated by a newline", 400},
		"no document":         {elasticHeader, create + "\n", "no document follows", 400},
		"document set out":    {elasticHeader, create + "\n{\n\"x\":1\n}\n", "Malformed action/metadata line [3]", 400},
		"index, not create":   {elasticHeader, `{"index":{"_index":"a"}}` + "\n" + doc + "\n", "Malformed action/metadata line [1]", 400},
		"unknown parameter":   {elasticHeader, `{"create":{"_index":"a","_type":"x"}}` + "\n" + doc + "\n", "Malformed action/metadata line [1]", 400},
		"no index":            {elasticHeader, `{"create":{}}` + "\n" + doc + "\n", "index is missing", 400},
		"id of 513 bytes":     {elasticHeader, `{"create":{"_index":"a","_id":"` + strings.Repeat("x", 513) + `"}}` + "\n" + doc + "\n", "id is too long", 400},
		"a list, not objects": {elasticHeader, "[" + create + "]\n" + doc + "\n", "Malformed action/metadata line [1]", 400},
	} {
		if status, body := told(t, s.ElasticURL()+"/_bulk", c.h, c.body); status != c.status || !strings.Contains(strings.ReplaceAll(body, `\\n`, `\n`), c.reason) {
			t.Errorf("%s: got %d %s, want %d %s", name, status, body, c.status, c.reason)
		}
	}
	for _, m := range s.Messages() {
		if m.Accepted || len(m.Problems) == 0 || m.Service != Elasticsearch {
			t.Errorf("%s accepted %v, problems %q", m.Service, m.Accepted, m.Problems)
		}
	}
}

func TestElasticsearchJudgesEachDocument(t *testing.T) {
	s := start(t, Options{ElasticStreams: []string{"logs-ossec"}})
	deep := strings.Repeat(`{"a":`, 25) + "1" + strings.Repeat("}", 25)
	many := `{"n0":0`
	for i := range 1000 {
		many += fmt.Sprintf(`,"m%d":0`, i)
	}
	many += "}"
	steps := []struct {
		index, id, document string
		status              int
		reason              string
	}{
		{"a", "1", `{"data":{"x":"7"},"n":1}`, 201, ""},
		{"a", "1", `{"data":{"x":"7"},"n":1}`, 409, "version_conflict_engine_exception"},
		{"a", "2", `{"data":"7"}`, 400, "failed to parse field [data]"},
		{"a", "3", `{"n":"seven"}`, 400, "failed to parse field [n]"},
		{"a", "4", `{"data":{"x":8}}`, 201, ""},
		{"a", "5", `{"source":{"ip":"any"}}`, 400, "is not an IP string literal"},
		{"a", "6", `{"event":{"severity":"high"}}`, 400, "failed to parse field [event.severity]"},
		{"a", "7", `{"@timestamp":"yesterday"}`, 400, "failed to parse date field"},
		{"a", "8", `{"x":1,"x":2}`, 400, "Duplicate field 'x'"},
		{"a", "9", `{"l":[{"x":1},{"x":2}]}`, 201, ""},
		{"a", "10", deep, 400, "mapping depth"},
		{"many", "11", many, 400, "Limit of total fields"},
		{"a", "12", `[1]`, 400, "not an object"},
		{"A", "13", `{"x":1}`, 400, "must be lowercase"},
		{"_a", "14", `{"x":1}`, 400, "must not start with"},
		{"logs-ossec", "15", `{"x":1}`, 400, "[@timestamp] is missing"},
		{"logs-ossec", "16", `{"@timestamp":"2026-11-23T13:28:22.000Z"}`, 201, ""},
	}
	var body strings.Builder
	for _, step := range steps {
		fmt.Fprintf(&body, "{\"create\":{\"_index\":%q,\"_id\":%q}}\n%s\n", step.index, step.id, step.document)
	}
	status, answered := told(t, s.ElasticURL()+"/_bulk", elasticHeader, body.String())
	var reply struct {
		Errors bool
		Items  []map[string]struct {
			Status int
			Error  json.RawMessage
		}
	}
	if err := json.Unmarshal([]byte(answered), &reply); err != nil || status != 200 || !reply.Errors || len(reply.Items) != len(steps) {
		t.Fatalf("got %d %s: %v", status, answered, err)
	}
	for i, step := range steps {
		if got := reply.Items[i]["create"]; got.Status != step.status || !strings.Contains(string(got.Error), step.reason) {
			t.Errorf("%s: got %d %s, want %d %s", step.document, got.Status, got.Error, step.status, step.reason)
		}
	}
	if m := s.Messages()[0]; !m.Accepted || len(m.Problems) == 0 {
		t.Errorf("accepted %v, problems %q", m.Accepted, m.Problems)
	}
}

func TestLokiTakesWhatItCanOfAPush(t *testing.T) {
	now := time.Date(2026, 11, 23, 13, 0, 0, 0, time.UTC)
	s := start(t, Options{Now: func() time.Time { return now }})
	push := func(labels, at, line, metadata string) string {
		return fmt.Sprintf(`{"streams":[{"stream":%s,"values":[[%s,%s%s]]}]}`, labels, at, line, metadata)
	}
	ns := func(t time.Time) string { return fmt.Sprintf(`"%d"`, t.UnixNano()) }
	const ok = `{"job":"ossec"}`
	labels16 := `{"l0":"x"`
	for i := range 15 {
		labels16 += fmt.Sprintf(`,"l%d":"x"`, i+1)
	}
	labels16 += "}"
	metadata129 := `,{"m":"x"`
	for i := range 128 {
		metadata129 += fmt.Sprintf(`,"m%d":"x"`, i)
	}
	metadata129 += "}"
	for _, c := range []struct {
		name, body, reason string
		status             int
	}{
		{"a line", push(ok, ns(now), `"x"`, ""), "", 204},
		{"metadata", push(ok, ns(now), `"x"`, `,{"src":"203.0.113.9"}`), "", 204},
		{"empty", `{"streams":[]}`, "", 204},
		{"no labels", push(`{}`, ns(now), `"x"`, ""), "at least one label pair", 400},
		{"label's name", push(`{"a-b":"x"}`, ns(now), `"x"`, ""), "Error parsing labels", 400},
		{"16 labels", push(labels16, ns(now), `"x"`, ""), "16 label names; limit 15", 400},
		{"label's value", push(`{"a":"`+strings.Repeat("x", 2049)+`"}`, ns(now), `"x"`, ""), "label value too long", 400},
		{"time is a number", push(ok, "1", `"x"`, ""), "are not texts", 400},
		{"time is a date", push(ok, `"2026-11-23"`, `"x"`, ""), "not in nanoseconds", 400},
		{"seconds", push(ok, fmt.Sprintf(`"%d"`, now.Unix()), `"x"`, ""), "timestamp too old", 400},
		{"a week ago", push(ok, ns(now.Add(-8*24*time.Hour)), `"x"`, ""), "timestamp too old", 400},
		{"tomorrow", push(ok, ns(now.Add(time.Hour)), `"x"`, ""), "timestamp too new", 400},
		{"two hours behind", push(ok, ns(now.Add(-2*time.Hour)), `"x"`, ""), "entry too far behind", 400},
		{"half an hour behind", push(ok, ns(now.Add(-time.Hour/2)), `"x"`, ""), "", 204},
		{"line is an object", push(ok, ns(now), `{}`, ""), "are not texts", 400},
		{"long line", push(ok, ns(now), `"`+strings.Repeat("x", 256<<10+1)+`"`, ""), "Max entry size", 400},
		{"metadata is a number", push(ok, ns(now), `"x"`, `,{"m":1}`), "no object of texts", 400},
		{"metadata, many", push(ok, ns(now), `"x"`, metadata129), "too many structured metadata labels", 400},
	} {
		if status, body := told(t, s.LokiURL()+"/loki/api/v1/push", lokiHeader, c.body); status != c.status || !strings.Contains(body, c.reason) {
			t.Errorf("%s: got %d %s, want %d %s", c.name, status, body, c.status, c.reason)
		}
	}
	s.Clear()
	both := fmt.Sprintf(`{"streams":[{"stream":%s,"values":[[%s,"old"],[%s,"new"]]}]}`, ok, ns(now.Add(-30*24*time.Hour)), ns(now))
	if status, _ := told(t, s.LokiURL()+"/loki/api/v1/push", lokiHeader, both); status != 400 || !s.Messages()[0].Accepted || len(s.Messages()[0].Problems) != 1 {
		t.Errorf("got %d, %+v", status, s.Messages()[0])
	}
	for name, h := range map[string]header{"token": {"Authorization": "Bearer x"}, "user": {"Authorization": "Basic c29jOng="}} {
		if status, _ := told(t, s.LokiURL()+"/loki/api/v1/push", lokiHeader.also(h), push(ok, ns(now), `"x"`, "")); status != 401 {
			t.Errorf("%s: got %d", name, status)
		}
	}
	tenant := start(t, Options{LokiTenant: "soc"})
	if status, body := told(t, tenant.LokiURL()+"/loki/api/v1/push", lokiHeader, push(ok, ns(now), `"x"`, "")); status != 401 || body != "no org id" {
		t.Errorf("got %d %s", status, body)
	}
}
