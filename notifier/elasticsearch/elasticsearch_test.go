package elasticsearch

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/notifier/notifiertest"
	"github.com/ossec-notify/ossec-notify/sandbox"
)

const (
	keySecret = "k3y-of-the-cluster"
	apiKey    = "c29jOmszeS1vZi10aGUtY2x1c3Rlcg==" // soc:k3y-of-the-cluster
)

func bruteForce() notifier.Notification {
	return notifier.Notification{
		Action:   notifier.Trigger,
		Delivery: "01J9Z3",
		Alert:    "1795440502.8",
		Receiver: "siem",
		Severity: "medium",
		DedupKey: "manager/web-01/5712/203.0.113.9",
		Time:     time.UnixMilli(1795440502412).UTC(),
		Parts: map[string]display.Text{
			"document.json": display.Words("{\"@timestamp\":\"2026-11-23T13:28:22.412Z\",\n \"message\":\"<b>&\\u0022\",\"source\":{\"ip\":\"203.0.113.9\"}}\n"),
		},
	}
}

func newNotifier(t *testing.T, cfg Config, client *http.Client) *Notifier {
	t.Helper()
	n, err := New(cfg, client)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// created answers as a cluster does that takes everything.
func created(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	var items []string
	for range bytes.Count(body, []byte("\n")) / 2 {
		items = append(items, `{"create":{"_index":"ossec-alerts","status":201,"result":"created"}}`)
	}
	fmt.Fprintf(w, `{"took":1,"errors":false,"items":[%s]}`, strings.Join(items, ","))
}

func channel(cfg Config) notifiertest.Case {
	return notifiertest.Case{
		New: func(t *testing.T, url string, client *http.Client) notifier.Notifier {
			cfg.URL, cfg.Batch.Size = []string{url}, 1
			return newNotifier(t, cfg, client)
		},
		Notification: bruteForce(),
		Accept:       created,
	}
}

func TestChannel(t *testing.T) {
	t.Run("api key", func(t *testing.T) {
		c := channel(Config{APIKey: notifier.PlainSecret(apiKey)})
		c.Secrets = []string{apiKey, keySecret}
		c.Broken = map[string]func(*testing.T, string, *http.Client) notifier.Notifier{
			"key of two lines": func(t *testing.T, url string, client *http.Client) notifier.Notifier {
				return newNotifier(t, Config{URL: []string{url}, APIKey: notifiertest.FileSecret(t, apiKey+"\nX-Evil: 1")}, client)
			},
			"key that is not there": func(t *testing.T, url string, client *http.Client) notifier.Notifier {
				return newNotifier(t, Config{URL: []string{url, url + "/other"}, APIKey: notifiertest.MissingSecret(t)}, client)
			},
		}
		notifiertest.Run(t, c)
	})
	t.Run("basic, gzip", func(t *testing.T) {
		c := channel(Config{Gzip: true, BasicAuth: &notifier.BasicAuth{Username: "soc", Password: notifier.PlainSecret("p4ss:w0rd")}})
		c.Accept = func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, `{"items":[{"create":{"status":201}}]}`) }
		c.Secrets = []string{"p4ss:w0rd", "c29jOnA0c3M6dzByZA=="}
		notifiertest.Run(t, c)
	})
	t.Run("bearer", func(t *testing.T) {
		c := channel(Config{BearerToken: notifier.PlainSecret("b34r3r-t0ken")})
		c.Secrets = []string{"b34r3r-t0ken"}
		notifiertest.Run(t, c)
	})
}

func TestRequestIsTwoLinesADocument(t *testing.T) {
	requests := notifiertest.Requests(t, channel(Config{APIKey: notifier.PlainSecret("soc:" + keySecret), Pipeline: "enrich"}))
	if len(requests) != 1 {
		t.Fatalf("got %d requests, want 1", len(requests))
	}
	r := requests[0]
	if got, want := r.Method+" "+r.Path+" "+r.Header.Get("Content-Type")+" "+r.Header.Get("Authorization"), "POST /_bulk application/x-ndjson ApiKey "+apiKey; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	notifiertest.Golden(t, "bulk.ndjson", r.Body)
}

func TestDocument(t *testing.T) {
	words, quote := display.Words, display.Quote
	at := time.Unix(1795440502, 412_000_000)
	for _, tt := range []struct {
		name  string
		parts map[string]display.Text
		want  string
	}{
		{"a receiver's own object", map[string]display.Text{"document.json": words(`{"a":1}`), "body.json": words("{\n\"b\": [1, 2]\n}")}, `{"@timestamp":"2026-11-23T13:28:22.412Z","b":[1,2]}`},
		{"a receiver's own text", map[string]display.Text{"document.json": words(`{"a":1}`), "body": display.Join(words("{"), quote(`","x":"`), words("}"))}, `{"@timestamp":"2026-11-23T13:28:22.412Z","message":"{\",\"x\":\"}"}`},
		{"a time of its own", map[string]display.Text{"body.json": words(`{"@timestamp":1,"b":2}`)}, `{"@timestamp":1,"b":2}`},
		{"an empty object", map[string]display.Text{"document.json": words(`{}`)}, `{"@timestamp":"2026-11-23T13:28:22.412Z"}`},
		{"bytes that are no text", map[string]display.Text{"document.json": words("{\"@timestamp\":1,\"a\":\"\xff\"}")}, "{\"@timestamp\":1,\"a\":\"\ufffd\"}"},
	} {
		got, err := source(notifier.Notification{Time: at, Parts: tt.parts})
		if err != nil || string(got) != tt.want {
			t.Errorf("%s: got %s, %v, want %s", tt.name, got, err, tt.want)
		}
	}
	for name, parts := range map[string]map[string]display.Text{
		"nothing": {}, "a list": {"document.json": words(`[1]`)}, "no JSON": {"document.json": words(`{"a":`)}, "two": {"document.json": words(`{}{}`)}, "a number": {"body.json": words("1")},
	} {
		if _, err := source(notifier.Notification{Parts: parts}); notifier.Classify(err).Reason != notifier.Permanent {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestIndexOfATemplateIsAName(t *testing.T) {
	for text, want := range map[string]string{
		"ossec-2026.11.23": "ossec-2026.11.23", "Web-01": "web-01", "": "ossec-alerts", "...": "ossec-alerts", ".kibana": "kibana", "_all": "all", "-x,+*": "x-+-",
		"<{now/d}>": "{now-d}-", "a b\tc:d#e": "a-b-c-d-e", "bücher": "b-cher", "../../etc": "----etc"[4:], strings.Repeat("x", 300): strings.Repeat("x", 255),
	} {
		if got := indexName(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	n := bruteForce()
	n.Parts["index"] = display.Join(display.Words("ossec-"), display.Quote("WEB 01\n"))
	d, err := newNotifier(t, Config{URL: []string{"http://127.0.0.1:1"}, Index: "ossec-{{ .Agent.Name }}"}, nil).document(n)
	if err != nil || !strings.HasPrefix(string(d.lines), `{"create":{"_index":"ossec-web-01","_id":"01J9Z3-`) {
		t.Errorf("got %s, %v", d.lines, err)
	}
}

func TestTwoAlertsOfNamelessManagersAreTwoDocuments(t *testing.T) {
	one, other := bruteForce(), bruteForce()
	other.DedupKey = "-/db-02/5712/203.0.113.9"
	if documentID(one) == documentID(other) {
		t.Error("the second would be taken for a repeat of the first")
	}
	if documentID(one) != documentID(bruteForce()) {
		t.Error("a repeat is another document")
	}
}

// TestVerdicts: what becomes of a document by what the cluster says of it.
func TestVerdicts(t *testing.T) {
	const delivered = notifier.Reason(-1)
	for _, tt := range []struct {
		item   string
		reason notifier.Reason
		says   string
	}{
		{`{"status":201,"result":"created"}`, delivered, ""},
		{`{"status":200}`, delivered, ""},
		{`{"status":409,"error":{"type":"version_conflict_engine_exception","reason":"document already exists"}}`, delivered, ""},
		{`{"status":201,"failure_store":"used"}`, delivered, "failure store"},
		{`{"status":429,"error":{"type":"es_rejected_execution_exception","reason":"rejected execution"}}`, notifier.Temporary, "rejected execution"},
		{`{"status":503,"error":{"type":"unavailable_shards_exception","reason":"primary shard is not active"}}`, notifier.Temporary, "primary shard"},
		{`{"status":403,"error":{"type":"cluster_block_exception","reason":"index [x] blocked by: [FORBIDDEN/12/index read-only / allow delete (api)]"}}`, notifier.Temporary, "disk of a node"},
		{`{"status":403,"error":{"type":"security_exception","reason":"action is unauthorized"}}`, notifier.Misconfigured, "create_doc"},
		{`{"status":404,"error":{"type":"index_not_found_exception","reason":"no such index [x]"}}`, notifier.Misconfigured, "create the index"},
		{`{"status":400,"error":{"type":"document_parsing_exception","reason":"[1:9] failed to parse","caused_by":{"type":"x","reason":"'any' is not an IP"}}}`, notifier.Permanent, "failed to parse: 'any' is not an IP"},
		{`{"status":400,"error":{"type":"illegal_argument_exception","reason":"Limit of total fields [1000] has been exceeded"}}`, notifier.Permanent, "too many fields"},
		{`{"status":400,"error":{"type":"illegal_argument_exception","reason":"pipeline with id [x] does not exist"}}`, notifier.Misconfigured, "create the ingest pipeline"},
		{`{"status":400,"error":{"type":"index_closed_exception","reason":"closed"}}`, notifier.Misconfigured, "open the index"},
		{`{"status":400,"error":{"type":"validation_exception","reason":"this action would add [2] shards, but this cluster currently has [1000]/[1000] maximum normal shards open"}}`, notifier.Misconfigured, "maximum normal shards open"},
		{`{"status":400,"error":"MapperParsingException[failed to parse]"}`, notifier.Permanent, "MapperParsingException"},
		{`{"status":400,"error":7}`, notifier.Permanent, "400"},
		{`{"status":500,"error":{"type":"exception","reason":"\u001b[31mred\n"}}`, notifier.Temporary, "red"},
		{`{}`, notifier.Permanent, "status 0"},
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, `{"took":1,"errors":true,"items":[{"create":%s}]}`, tt.item)
		}))
		receipt, err := newNotifier(t, Config{URL: []string{s.URL}}, s.Client()).Notify(t.Context(), bruteForce())
		s.Close()
		switch {
		case tt.reason == delivered:
			if err != nil || receipt.Status != 200 || !strings.Contains(receipt.Warning, tt.says) {
				t.Errorf("%s: got %+v, %v", tt.item, receipt, err)
			}
		case err == nil || notifier.Classify(err).Reason != tt.reason || !strings.Contains(err.Error(), tt.says) || strings.ContainsAny(err.Error(), "\x1b\n"):
			t.Errorf("%s: got %v %q, want %v with %q", tt.item, notifier.Classify(err).Reason, err, tt.reason, tt.says)
		}
	}
}

// TestIndexOfATemplateIsTheDocumentsOwn: what is wrong with an index or a pipeline is the receiver's where the config names it, and the
// document's where a template made it of the alert.
func TestIndexOfATemplateIsTheDocumentsOwn(t *testing.T) {
	const fixed, index, pipeline, part = 0, 1, 2, 3
	all := func(r notifier.Reason) map[int]notifier.Reason {
		return map[int]notifier.Reason{fixed: r, index: r, pipeline: r, part: r}
	}
	ofIndex := func(r notifier.Reason) map[int]notifier.Reason {
		return map[int]notifier.Reason{fixed: r, index: notifier.Permanent, pipeline: r, part: notifier.Permanent}
	}
	for _, tt := range []struct {
		item string
		want map[int]notifier.Reason
	}{
		{`{"status":403,"error":{"type":"security_exception","reason":"action is unauthorized"}}`, ofIndex(notifier.Misconfigured)},
		{`{"status":404,"error":{"type":"index_not_found_exception","reason":"no such index"}}`, ofIndex(notifier.Misconfigured)},
		{`{"status":400,"error":{"type":"index_closed_exception","reason":"closed"}}`, ofIndex(notifier.Misconfigured)},
		{`{"status":400,"error":{"type":"validation_exception","reason":"[1000]/[1000] maximum normal shards open"}}`, ofIndex(notifier.Misconfigured)},
		{`{"status":403,"error":{"type":"cluster_block_exception","reason":"index [x] blocked by: [FORBIDDEN/8/index write (api)]"}}`, ofIndex(notifier.Temporary)},
		{`{"status":429,"error":{"type":"cluster_block_exception","reason":"index [x] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark]"}}`, all(notifier.Temporary)},
		{`{"status":403,"error":{"type":"cluster_block_exception","reason":"index [x] blocked by: [FORBIDDEN/12/index read-only / allow delete (api)]"}}`, all(notifier.Temporary)},
		{`{"status":400,"error":{"type":"illegal_argument_exception","reason":"pipeline with id [p] does not exist"}}`, map[int]notifier.Reason{fixed: notifier.Misconfigured, index: notifier.Misconfigured, pipeline: notifier.Permanent, part: notifier.Misconfigured}},
		{`{"status":429,"error":{"type":"es_rejected_execution_exception","reason":"rejected execution"}}`, all(notifier.Temporary)}, // the cluster is busy
		{`{"status":503,"error":{"type":"unavailable_shards_exception","reason":"primary shard is not active"}}`, all(notifier.Temporary)},
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, `{"errors":true,"items":[{"create":%s}]}`, tt.item)
		}))
		for what, want := range tt.want {
			cfg, n := Config{URL: []string{s.URL}}, bruteForce()
			switch what {
			case fixed:
				cfg.Index, cfg.Pipeline = "soc", "p"
			case index:
				cfg.Index, n.Parts["index"] = "{{ .Agent.Name }}", display.Quote("SOC")
			case pipeline:
				cfg.Index, cfg.Pipeline, n.Parts["pipeline"] = "soc", "{{ .Family }}", display.Quote("p")
			case part: // of a template of the operator's
				n.Parts["index"] = display.Words("soc")
			}
			_, err := newNotifier(t, cfg, s.Client()).Notify(t.Context(), n)
			if e := notifier.Classify(err); err == nil || e.Reason != want || !strings.Contains(e.Error(), `the document for the index "soc": status `) {
				t.Errorf("%s, %d: got %v %v, want %v", tt.item, what, e.Reason, err, want)
			} else if alone := want == notifier.Temporary && (what == index || what == part) && !strings.Contains(tt.item, "rejected"); e.Alone != alone {
				t.Errorf("%s, %d: it waits alone: %v, want %v", tt.item, what, e.Alone, alone)
			}
		}
		s.Close()
	}
}

// TestWrongIndexesHarmNobodyElse: whichever documents of many go to indexes that are not there, all others are created once, without a
// failure that would stop the receiver, and in no more requests than without them.
func TestWrongIndexesHarmNobodyElse(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 4))
	good := []string{"ossec-alerts", "blocks", "web-01"}
	stand, err := sandbox.Start(sandbox.Options{ElasticIndexes: good, Keep: 10_000})
	if err != nil {
		t.Fatal(err)
	}
	defer stand.Close()
	const many, size = 400, 40
	share := random.IntN(100)
	n := newNotifier(t, Config{URL: []string{stand.ElasticURL()}, APIKey: notifier.PlainSecret(sandbox.FakeElasticKey), Index: "{{ .Agent.Name }}", Batch: notifier.Batching{Size: size}}, http.DefaultClient)
	var documents []document
	wrong := map[int]string{}
	for i := range many {
		x := bruteForce()
		x.Delivery = fmt.Sprint("d", i)
		name := good[random.IntN(len(good))]
		if random.IntN(100) < share {
			name = fmt.Sprint("wrong-", random.IntN(many))
			wrong[i] = name
		}
		x.Parts["index"] = display.Quote(name)
		d, err := n.document(x)
		if err != nil {
			t.Fatal(err)
		}
		documents = append(documents, d)
	}
	for from := 0; from < many; from += size {
		for i, r := range n.send(t.Context(), documents[from:from+size]) {
			name, isWrong := wrong[from+i]
			if e := notifier.Classify(r.Err); isWrong != (r.Err != nil) || isWrong && (e.Reason != notifier.Permanent || !strings.Contains(e.Error(), fmt.Sprintf("the index %q: status 404", name))) {
				t.Errorf("d%d for %q: %v", from+i, name, r.Err)
			}
		}
	}
	sent := map[string]int{}
	for _, m := range stand.Messages() {
		lines := strings.Split(string(m.Body), "\n")
		for i := 0; i+1 < len(lines); i += 2 {
			sent[lines[i]]++ // which names the document
		}
	}
	if got := len(stand.Messages()); got != many/size || len(sent) != many {
		t.Errorf("%d requests with %d documents, want %d with %d", got, len(sent), many/size, many)
	}
}

// A guard before the cluster that takes what a log line says for an attack keeps that document out, and does not stop the receiver; one that
// knows nobody does.
func TestGuardBeforeTheCluster(t *testing.T) {
	requests, closed := 0, false
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests++
		body, _ := io.ReadAll(r.Body)
		if closed || bytes.Contains(body, []byte("attack")) {
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, "<html>Request blocked")
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		created(w, r)
	}))
	defer s.Close()
	n := newNotifier(t, Config{URL: []string{s.URL}}, s.Client())
	var documents []document
	for _, text := range []string{"a", "attack", "b", "c", "d", "e", "f", "attack"} {
		documents = append(documents, document{lines: []byte(`{"create":{}}` + "\n" + `{"message":"` + text + `"}` + "\n")})
	}
	for i, r := range n.send(t.Context(), documents) {
		if bad := i == 1 || i == 7; bad != (r.Err != nil) || bad && notifier.Classify(r.Err).Reason != notifier.Permanent {
			t.Errorf("%d: %v", i, r.Err)
		}
	}
	if requests > 2*len(documents) {
		t.Errorf("%d requests for %d documents", requests, len(documents))
	}
	requests, closed = 0, true
	for i, r := range n.send(t.Context(), documents) {
		if r.Err == nil || notifier.Classify(r.Err).Reason != notifier.Misconfigured {
			t.Errorf("%d: %v", i, r.Err)
		}
	}
	if requests != 2 {
		t.Errorf("%d requests to who takes none, want the documents and a question", requests)
	}
}

// TestEachDeliveryHasItsOwnOutcome sends many at once to a cluster that says something else of each, and refuses whole
// requests for one document in them; whatever went together, each delivery is told of its own document, and each document is
// created once at most.
func TestEachDeliveryHasItsOwnOutcome(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	answers := []string{
		`{"status":201}`, `{"status":201}`, `{"status":201}`, `{"status":409,"error":{"type":"version_conflict_engine_exception"}}`,
		`{"status":429,"error":{"type":"es_rejected_execution_exception"}}`, `{"status":400,"error":{"type":"document_parsing_exception"}}`,
		`{"status":403,"error":{"type":"security_exception"}}`, `{"status":404,"error":{"type":"index_not_found_exception"}}`,
	}
	const poison, fat = -1, -2
	plan := map[string]int{}
	const many = 200
	for i := range many {
		plan[fmt.Sprint("d", i)] = random.IntN(len(answers)+2) - 2
	}
	var mu sync.Mutex
	took := map[string]int{}
	sizes := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		lines := strings.Split(strings.TrimSuffix(string(body), "\n"), "\n")
		var items []string
		mu.Lock()
		defer mu.Unlock()
		sizes = max(sizes, len(lines)/2)
		ids := []string{}
		for i := 1; i < len(lines); i += 2 {
			var doc struct{ ID string }
			if err := json.Unmarshal([]byte(lines[i]), &doc); err != nil {
				t.Error(err)
			}
			ids = append(ids, doc.ID)
		}
		for _, id := range ids {
			switch plan[id] {
			case poison:
				w.WriteHeader(http.StatusBadRequest)
				fmt.Fprint(w, `{"error":{"type":"action_request_validation_exception","reason":"Validation Failed"},"status":400}`)
				return
			case fat:
				w.WriteHeader(http.StatusRequestEntityTooLarge)
				return
			}
		}
		for _, id := range ids {
			took[id]++
			items = append(items, fmt.Sprintf(`{"create":%s}`, answers[plan[id]]))
		}
		fmt.Fprintf(w, `{"errors":true,"items":[%s]}`, strings.Join(items, ","))
	}))
	defer s.Close()
	n := newNotifier(t, Config{URL: []string{s.URL}, Batch: notifier.Batching{Size: 40}}, s.Client())
	var callers sync.WaitGroup
	for id, what := range plan {
		callers.Go(func() {
			x := bruteForce()
			x.Delivery, x.Parts = id, map[string]display.Text{"document.json": display.Words(fmt.Sprintf(`{"id":%q}`, id))}
			_, err := n.Notify(t.Context(), x)
			var want int
			if what >= 0 {
				var o outcome
				_ = json.Unmarshal([]byte(answers[what]), &o)
				want = o.Status
			} else {
				want = map[int]int{poison: 400, fat: 413}[what]
			}
			if got := notifier.Classify(err).Status; (want == 201 || want == 409) != (err == nil) || err != nil && got != want {
				t.Errorf("%s: got %v (%d), want %d", id, err, got, want)
			}
		})
	}
	callers.Wait()
	if sizes < 2 {
		t.Errorf("the largest request held %d documents: nothing was sent together", sizes)
	}
	for id, times := range took {
		if times != 1 {
			t.Errorf("%s was judged %d times", id, times)
		}
	}
}

func TestAnswerThatTellsTooLittleIsNoSuccess(t *testing.T) {
	long := `{"items":[` + strings.Repeat(`{"create":{"status":201}},`, maxAnswer/20)
	for body, want := range map[string]notifier.Reason{
		`{"errors":false,"items":[{"create":{"status":201}},{"create":{"status":201}}]}`: notifier.Temporary,
		long:                            notifier.Temporary,
		`{"errors":false,"items":[]}`:   notifier.Misconfigured,
		`{"ok":true}`:                   notifier.Misconfigured,
		`{"errors":false,"items":[{}]}`: notifier.Permanent, // of the document nothing is told
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, body) }))
		_, err := newNotifier(t, Config{URL: []string{s.URL}}, s.Client()).Notify(t.Context(), bruteForce())
		s.Close()
		if err == nil || notifier.Classify(err).Reason != want {
			t.Errorf("%.60s: got %v", body, err)
		}
	}
}

// A document of which the server says more than is read keeps the others from no verdict of their own.
func TestAnswerThatIsTooLongIsAskedForInParts(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var items []string
		for line := range strings.Lines(string(body)) {
			switch {
			case strings.Contains(line, `"create"`):
			case strings.Contains(line, "poison"):
				items = append(items, `{"create":{"status":400,"error":{"type":"mapper_parsing_exception","reason":"`+strings.Repeat("x", maxAnswer/2)+`"}}}`)
			default:
				items = append(items, `{"create":{"status":201}}`)
			}
		}
		_, _ = io.WriteString(w, `{"errors":true,"items":[`+strings.Join(items, ",")+`]}`)
	}))
	defer s.Close()
	n := newNotifier(t, Config{URL: []string{s.URL}}, s.Client())
	var documents []document
	for _, text := range []string{"a", "poison", "b", "poison", "poison", "c"} {
		documents = append(documents, document{lines: []byte(`{"create":{}}` + "\n" + `{"message":"` + text + `"}` + "\n")})
	}
	for i, r := range n.send(t.Context(), documents) {
		poison := strings.Contains(string(documents[i].lines), "poison")
		if poison != (r.Err != nil) || poison && notifier.Classify(r.Err).Reason != notifier.Permanent {
			t.Errorf("%s: %v", documents[i].lines, r.Err)
		}
	}
}

func TestNextServerTakesOver(t *testing.T) {
	stand, err := sandbox.Start(sandbox.Options{ElasticStreams: []string{"ossec-alerts"}})
	if err != nil {
		t.Fatal(err)
	}
	defer stand.Close()
	ill := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }))
	defer ill.Close()
	n := newNotifier(t, Config{URL: []string{ill.URL, stand.ElasticURL()}, APIKey: notifier.PlainSecret(sandbox.FakeElasticKey), Gzip: true}, http.DefaultClient)
	host := func(url string) string { return strings.Split(url, "/")[2] }
	for _, want := range []string{ // the second time it is there already, and nothing is told twice
		host(ill.URL) + " takes nothing for now (status 503): " + host(stand.ElasticURL()) + " takes what is sent", "",
	} {
		receipt, err := n.Notify(t.Context(), bruteForce())
		if err != nil {
			t.Fatal(err)
		}
		if receipt.Warning != want {
			t.Errorf("got the warning %q, want %q", receipt.Warning, want)
		}
	}
	messages := stand.Messages()
	if len(messages) != 2 || !messages[0].Accepted || messages[0].Problems != nil {
		t.Errorf("got %+v", messages)
	}
	if err := n.Probe(t.Context()); err == nil || !strings.Contains(err.Error(), "503") {
		t.Errorf("the probe is silent about the first: %v", err)
	}
	if err := newNotifier(t, Config{URL: []string{stand.ElasticURL()}, APIKey: notifier.PlainSecret(sandbox.FakeElasticKey)}, http.DefaultClient).Probe(t.Context()); err != nil {
		t.Error(err)
	}
	if err := newNotifier(t, Config{URL: []string{stand.ElasticURL()}, APIKey: notifier.PlainSecret("eDp5")}, http.DefaultClient).Probe(t.Context()); err == nil || notifier.Classify(err).Reason != notifier.Misconfigured {
		t.Errorf("got %v", err)
	}
}

func TestProbeAsksForThePrivilege(t *testing.T) {
	status, body := http.StatusForbidden, `{"has_all_requested":false}`
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" {
			w.WriteHeader(status) // who may only write may not ask for that
			return
		}
		if b, _ := io.ReadAll(r.Body); !strings.Contains(string(b), `"names":["soc"]`) {
			t.Errorf("asked %s", b)
		}
		fmt.Fprint(w, body)
	}))
	defer s.Close()
	n := newNotifier(t, Config{URL: []string{s.URL}, APIKey: notifier.PlainSecret(apiKey), Index: "soc"}, s.Client())
	if err := n.Probe(t.Context()); err == nil || !strings.Contains(err.Error(), "create documents in soc") {
		t.Errorf("got %v", err)
	}
	body = `{"has_all_requested":true}`
	if err := n.Probe(t.Context()); err != nil {
		t.Error(err)
	}
	status = http.StatusOK // an empty page
	if err := n.Probe(t.Context()); err == nil {
		t.Error("a page that is no cluster's passed for one")
	}
}

func TestOneSlowServerLeavesTimeForTheNext(t *testing.T) {
	release := make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-release
	}))
	defer slow.Close()
	defer close(release)
	fast := httptest.NewServer(http.HandlerFunc(created))
	defer fast.Close()
	n := newNotifier(t, Config{URL: []string{slow.URL, fast.URL}, Batch: notifier.Batching{Size: 1}}, http.DefaultClient)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	if _, err := n.Notify(ctx, bruteForce()); err != nil {
		t.Error(err)
	}
}

func TestValidate(t *testing.T) {
	good := Config{URL: []string{"https://es.example.com:9200"}}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	key := notifier.PlainSecret(apiKey)
	for want, change := range map[string]func(*Config){
		"url":                 func(c *Config) { c.URL = nil },
		"api_key":             func(c *Config) { c.APIKey, c.BearerToken = key, key },
		"index":               func(c *Config) { c.Index = "Ossec Alerts" },
		"basic_auth.username": func(c *Config) { c.BasicAuth = &notifier.BasicAuth{Password: key} },
		"batch.size":          func(c *Config) { c.Batch.Size = 1000 },
		"network.key_file":    func(c *Config) { c.Network.CertFile = "x" },
	} {
		cfg := good
		change(&cfg)
		if keys := notifiertest.Keys(cfg.Validate()); len(keys) != 1 || keys[0] != want {
			t.Errorf("got %q, want %q", keys, want)
		}
	}
	cfg := Config{URL: []string{"https://a.example.com", "https://b.example.com"}, Index: "{{ .Agent.Name }}", Pipeline: "p", Batch: notifier.Batching{Size: 7}}
	if got := cfg.TemplateSettings(); len(got) != 1 || got["index"] != cfg.Index || cfg.Parallel() != 7 {
		t.Errorf("got %v, %d", got, cfg.Parallel())
	}
	if cfg.Unbatched(); cfg.Batch.Size != 1 || len(cfg.URL) != 1 {
		t.Errorf("got %+v", cfg)
	}
}
