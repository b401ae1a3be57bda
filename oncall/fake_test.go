package oncall

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/notifier"
)

const (
	testToken = "y_NbAkKc66ryYTWUXYEu"
	schedule1 = "PABC123"
)

// fakePagerDuty is as much of PagerDuty's REST API as is asked. It is strict: what PagerDuty refuses, ignores or would
// answer otherwise than we mean it fails the test.
type fakePagerDuty struct {
	t     *testing.T
	clock func() time.Time

	mu        sync.Mutex
	oncalls   []map[string]any
	schedules map[string]map[string]any
	incidents []map[string]any // with the keys of their alerts under "alert_keys"
	script    []http.HandlerFunc
	asked     []*url.URL
	at        []time.Time
}

func newFake(t *testing.T) *fakePagerDuty {
	return &fakePagerDuty{t: t, clock: time.Now, schedules: map[string]map[string]any{}}
}

// serve answers on a socket.
func (f *fakePagerDuty) serve() *Source {
	s := httptest.NewServer(f)
	f.t.Cleanup(s.Close)
	client, err := notifier.NewClient(notifier.Network{}, nil, 1)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(client.CloseIdleConnections)
	return &Source{Token: notifier.PlainSecret(testToken), Endpoint: s.URL + "/", Client: client}
}

// inMemory answers without a socket, for tests whose time is not the clock's. A request ends with its context.
func (f *fakePagerDuty) inMemory() *Source {
	return &Source{Token: notifier.PlainSecret(testToken), Client: &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		w := httptest.NewRecorder()
		f.ServeHTTP(w, r)
		if err := r.Context().Err(); err != nil {
			return nil, err
		}
		return w.Result(), nil
	})}}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// next has the next requests answered otherwise.
func (f *fakePagerDuty) next(answers ...http.HandlerFunc) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.script = append(f.script, answers...)
}

func answering(status int, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// hanging does not answer.
func hanging(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

func (f *fakePagerDuty) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.asked)
}

func (f *fakePagerDuty) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.asked, f.at = append(f.asked, r.URL), append(f.at, f.clock())
	var scripted http.HandlerFunc
	if len(f.script) > 0 {
		scripted, f.script = f.script[0], f.script[1:]
	}
	f.mu.Unlock()
	w.Header().Set("Date", f.clock().UTC().Format(http.TimeFormat))
	for name, want := range map[string]string{
		"Authorization": "Token token=" + testToken, "Accept": "application/vnd.pagerduty+json;version=2", "User-Agent": "ossec-notify",
	} {
		if got := r.Header.Get(name); got != want {
			f.t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	if r.Method != http.MethodGet { // a read-only key may do no more
		f.t.Errorf("%s %s", r.Method, r.URL.Path)
	}
	if scripted != nil {
		scripted(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	body, err := f.answer(r.URL)
	if err != nil {
		w.WriteHeader(err.status)
		body = map[string]any{"error": map[string]any{"message": err.message, "code": err.code, "errors": err.details}}
	}
	_ = json.NewEncoder(w).Encode(body)
}

type refusal struct {
	status, code int
	message      string
	details      []string
}

func invalid(format string, args ...any) *refusal {
	return &refusal{400, 2001, "Invalid Input Provided", []string{fmt.Sprintf(format, args...)}}
}

func (f *fakePagerDuty) answer(u *url.URL) (map[string]any, *refusal) {
	f.mu.Lock()
	defer f.mu.Unlock()
	q := u.Query()
	known := func(keys ...string) {
		for k := range q {
			if !slices.Contains(keys, k) {
				f.t.Errorf("%s has no parameter %q", u.Path, k)
			}
		}
	}
	switch {
	case u.Path == "/oncalls":
		known("limit", "offset", "include[]", "schedule_ids[]", "since", "until", "time_zone")
		until, refused := f.when(q.Get("until"))
		if refused != nil {
			return nil, refused
		}
		if slices.Contains(q["include[]"], "user") || !slices.Contains(q["include[]"], "users") {
			f.t.Errorf("include[] is %q: addresses come with users only", q["include[]"])
		}
		now := f.clock()
		var found []map[string]any
		for _, x := range f.oncalls {
			from, to := bound(x["start"]), bound(x["end"])
			if slices.Contains(q["schedule_ids[]"], x["schedule"].(map[string]any)["id"].(string)) &&
				(from.IsZero() || !from.After(until)) && (to.IsZero() || to.After(now)) {
				found = append(found, x)
			}
		}
		return page(f.t, q, "oncalls", found)
	case u.Path == "/incidents":
		known("limit", "offset", "incident_key", "date_range", "sort_by", "time_zone")
		if q.Get("date_range") != "all" || q.Get("sort_by") != "created_at:desc" || !q.Has("incident_key") {
			f.t.Errorf("asked for incidents with %q", u.RawQuery)
		}
		var found []map[string]any
		for _, x := range slices.Backward(f.incidents) { // they are in the order in which they were made
			if keys := x["alert_keys"].([]string); slices.Contains(keys, q.Get("incident_key")) || x["incident_key"] == q.Get("incident_key") {
				found = append(found, x)
			}
		}
		return page(f.t, q, "incidents", found)
	case strings.HasPrefix(u.Path, "/incidents/"):
		for _, x := range f.incidents {
			if "/incidents/"+x["id"].(string) == u.Path {
				return map[string]any{"incident": x}, nil
			}
		}
	case strings.HasPrefix(u.Path, "/schedules/"):
		known("time_zone")
		if x := f.schedules[strings.TrimPrefix(u.Path, "/schedules/")]; x != nil {
			return map[string]any{"schedule": x}, nil
		}
	default:
		f.t.Errorf("asked for %s", u)
	}
	return nil, &refusal{404, 2100, "Not Found", nil}
}

// when reads `until`: not before now, and at most 90 days from now.
func (f *fakePagerDuty) when(text string) (time.Time, *refusal) {
	if text == "" {
		return f.clock(), nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil || t.Before(f.clock()) || t.After(f.clock().AddDate(0, 0, 90)) {
		return t, &refusal{400, 2004, "Invalid time values in 'since' and/or 'until' parameters", nil}
	}
	return t, nil
}

func bound(v any) time.Time {
	text, _ := v.(string)
	t, _ := time.Parse(time.RFC3339, text)
	return t
}

func page(t *testing.T, q url.Values, key string, all []map[string]any) (map[string]any, *refusal) {
	limit, err := strconv.Atoi(q.Get("limit"))
	offset, _ := strconv.Atoi(q.Get("offset"))
	if err != nil || limit < 1 || limit > 100 {
		t.Errorf("limit is %q: PagerDuty gives 100 at most, and 25 unasked", q.Get("limit"))
		return nil, invalid("limit")
	}
	if offset+limit > 10000 {
		return nil, invalid("offset and limit must not be more than 10000")
	}
	end := min(offset+limit, len(all))
	part := append([]map[string]any{}, all[min(offset, end):end]...)
	return map[string]any{key: part, "limit": limit, "offset": offset, "more": end < len(all), "total": nil}, nil
}

// onCall adds a shift of a person in a schedule. from and to are zero where it has no bound.
func (f *fakePagerDuty) onCall(schedule string, p Person, from, to time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	at := func(t time.Time) any {
		if t.IsZero() {
			return nil
		}
		return t.UTC().Format(time.RFC3339)
	}
	f.oncalls = append(f.oncalls, map[string]any{
		"user":     map[string]any{"id": p.ID, "type": "user", "summary": p.Name, "name": p.Name, "email": p.Email, "time_zone": "UTC", "role": "user", "avatar_url": "https://example.com/a.png"},
		"schedule": map[string]any{"id": schedule, "type": "schedule_reference", "summary": "Security"}, "escalation_policy": map[string]any{"id": "PPOLICY", "type": "escalation_policy_reference"},
		"escalation_level": p.Level, "start": at(from), "end": at(to),
	})
}

// incident adds an incident. changes are laid over it.
func (f *fakePagerDuty) incident(id string, keys []string, changes map[string]any) {
	x := map[string]any{
		"id": id, "type": "incident", "html_url": "https://example.pagerduty.com/incidents/" + id, "status": "triggered", "incident_key": nil,
		"alert_keys": keys, "acknowledgements": []any{}, "resolved_at": nil, "resolve_reason": nil,
		"last_status_change_by": map[string]any{"id": "PSERVICE", "type": "service_reference", "summary": "Servers"},
	}
	for k, v := range changes {
		x[k] = v
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.incidents = slices.DeleteFunc(f.incidents, func(x map[string]any) bool { return x["id"] == id })
	f.incidents = append(f.incidents, x)
}

func agent(kind, name string) map[string]any {
	return map[string]any{"id": "PAGENT1", "type": kind, "summary": name}
}

// memory is a store.
type memory struct {
	mu    sync.Mutex
	kept  map[string][]byte
	saves int
	err   error
}

func newMemory() *memory { return &memory{kept: map[string][]byte{}} }

func (m *memory) Load(key string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.kept[key], m.err
}

func (m *memory) Save(key string, value []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.saves++
	if m.err == nil {
		m.kept[key] = value
	}
	return m.err
}

func (m *memory) text() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var b strings.Builder
	for k, v := range m.kept {
		fmt.Fprintf(&b, "%s %s\n", k, v)
	}
	return b.String()
}

// logged is a log that is read.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *logged) log() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// asks waits for an answer of the cache.
func asks(t *testing.T, c *Cache, s Schedule) Known {
	t.Helper()
	known, err := c.Refresh(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return known
}

func names(k Known) string { return strings.Join(k.People.Names(), ", ") }

var errGone = errors.New("gone")
