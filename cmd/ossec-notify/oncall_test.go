package main

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ossec-notify/ossec-notify/config"
	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/oncall"
	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/sample"
	"github.com/ossec-notify/ossec-notify/site"
)

// fakeRESTToken is what the stand-in of PagerDuty's REST API takes.
const fakeRESTToken = "y_NbAkKc66ryYTWUXYEu"

// restAPI stands in for PagerDuty's REST API, as far as schedules go: PABC123 has Alice on call, PGAP001 nobody, PCAROL1
// somebody who has no receiver; PALONE1 is in no escalation policy.
type restAPI struct {
	mu    sync.Mutex
	down  bool
	asked int
}

func (f *restAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.asked++
	down := f.down
	f.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	answer := func(status int, body any) {
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(body)
	}
	refuse := func(status, code int, message string) {
		answer(status, map[string]any{"error": map[string]any{"code": code, "message": message}})
	}
	q := r.URL.Query()
	switch {
	case down:
		refuse(http.StatusServiceUnavailable, 2000, "An internal error has occurred")
	case r.Method != http.MethodGet || r.Header.Get("Accept") != "application/vnd.pagerduty+json;version=2":
		refuse(http.StatusBadRequest, 2001, "Invalid Input Provided")
	case r.Header.Get("Authorization") != "Token token="+fakeRESTToken:
		refuse(http.StatusUnauthorized, 2006, "Authentication failed")
	case r.URL.Path == "/oncalls" && q.Get("limit") == "100":
		people := map[string]map[string]any{
			"PABC123": {"id": "PALICE1", "type": "user", "name": "Alice Example", "email": "alice@example.com"},
			"PCAROL1": {"id": "PCAROL1", "type": "user", "name": "Carol \x1b[31mExample", "email": "carol@example.com"},
		}
		found := []any{}
		if who := people[q.Get("schedule_ids[]")]; who != nil {
			found = append(found, map[string]any{"user": who, "schedule": map[string]any{"id": q.Get("schedule_ids[]")}, "escalation_level": 1, "start": nil, "end": nil})
		}
		answer(http.StatusOK, map[string]any{"oncalls": found, "limit": 100, "offset": 0, "more": false, "total": nil})
	case r.URL.Path == "/schedules/PGAP001":
		answer(http.StatusOK, map[string]any{"schedule": map[string]any{"id": "PGAP001", "escalation_policies": []any{map[string]any{"id": "P1"}}}})
	case r.URL.Path == "/schedules/PALONE1":
		answer(http.StatusOK, map[string]any{"schedule": map[string]any{"id": "PALONE1", "escalation_policies": []any{}}})
	default:
		refuse(http.StatusNotFound, 2100, "Not Found")
	}
}

// An onCallSite is a home whose route pages whoever is on call.
func onCallSite(t *testing.T, api string) (home, state string) {
	home = write(t, map[string]string{"etc/ossec-notify.yaml": `
receivers:
  alice: {webhook: {url: "http://127.0.0.1:9/alice"}}
  soc: {webhook: {url: "http://127.0.0.1:9/soc"}}
  duty: {oncall: {pagerduty_schedule: PABC123, token: ` + fakeRESTToken + `, endpoint: "` + api + `", people: {alice@example.com: alice}, otherwise: [soc]}}
routes:
  - {name: page, match: {level: 7}, to: [duty]}
default: [soc]
`})
	state = filepath.Join(home, "queue", "ossec-notify")
	if err := os.MkdirAll(state, 0o700); err != nil {
		t.Fatal(err)
	}
	return home, state
}

// planned is whom the routes of a site choose now.
func planned(t *testing.T, s *site.Site) string {
	t.Helper()
	a, err := sample.Alert("5712")
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, x := range s.Dispatcher().Plan(a) {
		all = append(all, fmt.Sprintf("%s by %s as %s: %s", x.Receiver.Name, x.Route, x.Alias, x.Note))
	}
	return strings.Join(all, "; ")
}

// TestWhoIsOnCallIsPagedOverRestartsWithoutPagerDuty starts a deliverer, and again when PagerDuty is down.
func TestWhoIsOnCallIsPagedOverRestartsWithoutPagerDuty(t *testing.T) {
	api := new(restAPI)
	server := httptest.NewServer(api)
	defer server.Close()
	home, state := onCallSite(t, server.URL)
	const want = "alice by page as duty: Alice Example of schedule PABC123 is on call"
	for _, down := range []bool{false, true} {
		api.mu.Lock()
		api.down = down
		api.mu.Unlock()
		d, closeBox, err := openDeliverer(t.Context(), home, state, discard)
		if err != nil {
			t.Fatal(err)
		}
		if got := planned(t, d.Site.(*site.Site)); got != want {
			t.Errorf("PagerDuty down: %v: got %s", down, got)
		}
		if err := closeBox(); err != nil {
			t.Fatal(err)
		}
	}
	api.mu.Lock()
	asked := api.asked
	api.mu.Unlock()

	// Commands that only show go by what the deliverer heard, and ask nobody.
	out := func(args ...string) string {
		var out strings.Builder
		run(t.Context(), append(args, "--home", home, "--state", state), strings.NewReader(""), &out, &out)
		return out.String()
	}
	if got := out("explain", "--sample", "5712"); !strings.Contains(got, "  Told: alice (as duty) by route page, because level 10 is at least 7.\n  duty now: Alice Example of schedule PABC123 is on call.\n") {
		t.Errorf("explain:\n%s", got)
	}
	if got := out("explain", "--sample", "5712", "--format", "json"); !strings.Contains(got, `"receivers":["alice"],"aliases":[{"receiver":"alice","alias":"duty","note":"Alice Example of schedule PABC123 is on call"}]`) {
		t.Errorf("explain --format json:\n%s", got)
	}
	if got := out("preview", "--sample", "5712"); !strings.Contains(got, "note: duty: Alice Example of schedule PABC123 is on call\n") || !strings.Contains(got, "alice (webhook), route page") {
		t.Errorf("preview:\n%s", got)
	}
	if got := out("check"); !strings.Contains(got, "(3 receivers, 1 route, ") || strings.Contains(got, "stands for") {
		t.Errorf("check:\n%s", got)
	}
	api.mu.Lock()
	defer api.mu.Unlock()
	if api.asked != asked {
		t.Errorf("PagerDuty was asked %d times by commands that only show", api.asked-asked)
	}
}

// TestAScheduleThatIsNotToldOfForTooLongIsTold sets back the copy that the outbox keeps.
func TestAScheduleThatIsNotToldOfForTooLongIsTold(t *testing.T) {
	api := new(restAPI)
	server := httptest.NewServer(api)
	defer server.Close()
	home, state := onCallSite(t, server.URL)
	_, closeBox, err := openDeliverer(t.Context(), home, state, discard)
	if err != nil {
		t.Fatal(err)
	}
	if err := closeBox(); err != nil {
		t.Fatal(err)
	}
	box, _, err := outbox.Open(t.Context(), outbox.Path(state), outbox.Options{Owner: true, DeliveryID: dispatch.DeliveryID})
	if err != nil {
		t.Fatal(err)
	}
	key := "oncall:" + server.URL + " PABC123"
	text, err := box.Meta(t.Context(), key)
	if err != nil || strings.Contains(text, fakeRESTToken) {
		t.Fatalf("kept %s, %v", text, err)
	}
	var kept map[string]any
	if err := json.Unmarshal([]byte(text), &kept); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	old := time.Now().Add(-3 * time.Hour)
	kept["answer"].(map[string]any)["asked"], kept["failing"], kept["failure"] = old, old, "status 503"
	b, _ := json.Marshal(kept)
	if err := box.SetMeta(t.Context(), key, string(b)); err != nil {
		t.Fatal(err)
	}
	if err := box.Close(); err != nil {
		t.Fatal(err)
	}
	const want = `it stands for alice now: Alice Example of schedule PABC123 is on call; PagerDuty said so 3 h ago, and has not answered since: status 503`
	for _, c := range []struct{ args, want string }{
		{"check", `ossec-notify.yaml:5:18: warning: receiver "duty": ` + want},
		{"doctor", `warning  oncall       receiver "duty": ` + want + `. To do: ossec-notify check --online asks now and says what is wrong`},
		{"preview --sample 5712", "note: duty: Alice Example of schedule PABC123 is on call; PagerDuty said so 3 h ago"},
	} {
		var out strings.Builder
		run(t.Context(), append(strings.Fields(c.args), "--home", home, "--state", state), strings.NewReader(""), &out, &out)
		if !strings.Contains(out.String(), c.want) {
			t.Errorf("%s:\n%s\nwant %s", c.args, out.String(), c.want)
		}
	}
}

// TestAnAliasThatCannotBeMadeStandsForThoseOtherwise has it trust a file that is not there, until it is.
func TestAnAliasThatCannotBeMadeStandsForThoseOtherwise(t *testing.T) {
	dir := write(t, map[string]string{"ossec-notify.yaml": `
receivers:
  soc: {webhook: {url: "http://127.0.0.1:9/soc"}}
  duty: {oncall: {pagerduty_schedule: PABC123, token: x, people: {alice@example.com: soc}, otherwise: [soc], network: {ca_file: ca.pem}}}
default: [duty]
`})
	cfg, problems := load(t, dir)
	if cfg == nil {
		t.Fatal(problems)
	}
	cache := oncall.Remembered(nil, discard)
	d, err := cfg.Dispatcher(config.Options{Log: discard, OnCall: cache})
	if err == nil || !strings.Contains(err.Error(), `receiver "duty": network.ca_file: open `) {
		t.Errorf("got %v", err)
	}
	got, note := d.Aliases["duty"].Resolve(time.Now())
	if !cmp.Equal(got, []string{"soc"}) || !strings.Contains(note, "who is on call cannot be asked, so otherwise: network.ca_file: open ") {
		t.Errorf("got %q, %q", got, note)
	}
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	if err := os.WriteFile(filepath.Join(dir, "ca.pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, note := d.Aliases["duty"].Resolve(time.Now()); note != "who is on call by schedule PABC123 is not known yet, so otherwise" {
		t.Errorf("got %q after the file was mended", note)
	}
}
