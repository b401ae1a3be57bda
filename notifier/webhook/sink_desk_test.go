package webhook_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"
)

// desk is a vendor with a memory: what it takes depends on what it took before, and it has more than one address. Like a sink it
// is as strict as the vendor, or stricter, and shares nothing with the presets.
type desk struct {
	// handle is the vendor's answer; with an error, which may be a refusal with an answer of its own, it takes nothing.
	handle func(r sinkRequest) (sinkAnswer, error)

	mu   sync.Mutex
	took []sinkRequest
	why  []string
	next *sinkAnswer // what is answered once, whatever comes
}

func (d *desk) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, 4<<20))
	r := sinkRequest{req, body}
	d.mu.Lock()
	defer d.mu.Unlock()
	var answer sinkAnswer
	switch {
	case err != nil:
	case d.next != nil:
		answer, d.next = *d.next, nil
	case !utf8.Valid(body):
		err = errors.New("the body is no UTF-8")
	case req.Header.Get("User-Agent") == "":
		err = errors.New("no User-Agent")
	default:
		answer, err = d.handle(r)
	}
	if err != nil {
		d.why = append(d.why, err.Error())
		answer = sinkAnswer{400, nil, `{"message":"Bad Request"}`}
		if special := (refusal{}); errors.As(err, &special) {
			answer = special.answer
		}
	} else {
		d.took = append(d.took, r)
	}
	for name, value := range answer.header {
		w.Header().Set(name, value)
	}
	w.WriteHeader(answer.status)
	_, _ = io.WriteString(w, answer.body)
}

// answer is what the desk says next, whatever comes.
func (d *desk) answer(a sinkAnswer) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.next = &a
}

// results are what was accepted and why the rest was not; the desk forgets both.
func (d *desk) results() (took []sinkRequest, why []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	took, why = d.took, d.why
	d.took, d.why = nil, nil
	return took, why
}

// refuse is a reason with the vendor's answer.
func refuse(status int, body, format string, args ...any) error {
	return refusal{fmt.Errorf(format, args...), sinkAnswer{status, nil, body}}
}

// asked checks method and path.
func asked(r sinkRequest, path, missing string) error {
	switch {
	case r.URL.Path != path:
		return refuse(404, missing, "path %s, want %s", r.URL.Path, path)
	case r.Method != http.MethodPost:
		return refuse(405, missing, "method %s", r.Method)
	}
	return nil
}

// header checks one header.
func header(r sinkRequest, name, want, answer string) error {
	if got := r.Header.Get(name); got != want {
		return refuse(401, answer, "%s is not as it must be", name)
	}
	return nil
}

// table is an object with names that pass a test, of 1 to most entries.
func table(most int, name func(string) error, each shape) shape {
	return func(v any) error {
		m, ok := v.(map[string]any)
		if !ok {
			return fmt.Errorf("%T is no object", v)
		}
		if len(m) == 0 || len(m) > most {
			return fmt.Errorf("%d entries, want 1 to %d", len(m), most)
		}
		var errs []error
		for k, x := range m {
			if err := errors.Join(name(k), each(x)); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", k, err))
			}
		}
		return errors.Join(errs...)
	}
}

// answerCase is an answer of a vendor's and what it must mean.
type answerCase struct {
	name   string
	answer sinkAnswer
	reason string // delivered, temporary, permanent, misconfigured
	text   string // a piece of the error
	hint   string // a piece of the hint
	wait   time.Duration
}

// maybe is a text that may be empty, else what words says.
func maybe(most int, tests ...func(string) error) shape {
	return orNothing(words(most, tests...))
}

func orNothing(full shape) shape {
	return func(v any) error {
		if v == "" {
			return nil
		}
		return full(v)
	}
}

// has wants the expression's form.
func has(what, form string) func(string) error {
	not := lacks(what, form)
	return func(s string) error {
		if not(s) == nil {
			return fmt.Errorf("no %s", what)
		}
		return nil
	}
}

// ourDocument is the document of docs/webhook.md.
func ourDocument(v any) error {
	m, _ := v.(map[string]any)
	if m["version"] != 1.0 || m["delivery"] == nil || m["dedup_key"] == nil || m["title"] == nil {
		return fmt.Errorf("%T is no document of version 1", v)
	}
	return nil
}

// eachText goes through all texts of a JSON value, keys too.
func eachText(v any, each func(string) error) error {
	var errs []error
	switch x := v.(type) {
	case string:
		errs = append(errs, each(x))
	case []any:
		for _, e := range x {
			errs = append(errs, eachText(e, each))
		}
	case map[string]any:
		for k, e := range x {
			errs = append(errs, each(k), eachText(e, each))
		}
	}
	return errors.Join(errs...)
}

// deskCase is a request to a desk, and what it does with it.
type deskCase struct {
	name, method, path string
	header             map[string]string // beside the usual ones; an empty value takes one away
	body               string
	status             int
	why                string // a piece of why; "" where it is taken
}

// testDesk sees that a desk takes what it must, and refuses each mistake for that mistake. The cases follow one another.
func testDesk(t *testing.T, d *desk, usual map[string]string, path string, cases []deskCase) {
	t.Helper()
	server := httptest.NewServer(d)
	t.Cleanup(server.Close)
	for _, c := range cases {
		h := map[string]string{}
		for _, m := range []map[string]string{usual, c.header} {
			for k, v := range m {
				h[k] = v
			}
		}
		if c.path == "" {
			c.path = path
		}
		if c.method == "" {
			c.method = http.MethodPost
		}
		status, body := post(t, c.method, server.URL+c.path, h, c.body)
		took, why := d.results()
		switch {
		case c.why == "" && len(took) != 1:
			t.Errorf("%s: refused: %q, status %d: %s", c.name, why, status, body)
		case c.why != "" && (len(took) != 0 || !slices.ContainsFunc(why, func(s string) bool { return strings.Contains(s, c.why) })):
			t.Errorf("%s: got reasons %q, want %q", c.name, why, c.why)
		case c.status != 0 && status != c.status:
			t.Errorf("%s: got status %d, want %d", c.name, status, c.status)
		}
	}
}
