package webhook_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf16"
	"unicode/utf8"
)

// sink is a vendor as strict as the vendor is, or stricter: it refuses what the vendor refuses, and what would be live for
// its readers, and answers in the vendor's words. It shares nothing with the presets, nor with what sends them.
type sink struct {
	vendor sinkVendor
	mu     sync.Mutex
	took   []sinkRequest // what was accepted
	why    []string      // why the others were not
	next   *sinkAnswer   // what is answered once, whatever comes
}

// sinkVendor says what a sink checks.
type sinkVendor struct {
	name string
	// path is where it listens, query the parameters that the address must have.
	path  string
	query url.Values
	// address is what the receiver's url has behind the server's name; settings are what else the receiver is given.
	address  string
	settings map[string]string
	// secrets are what the receiver knows: in no error and no preview.
	secrets []string
	yes     sinkAnswer
	// check says why the vendor would not take a request, and its answer. It sees those alone whose method and path are right.
	check func(r sinkRequest) error
	no    func(why error) sinkAnswer
}

type sinkRequest struct {
	*http.Request
	body []byte
}

type sinkAnswer struct {
	status int
	header map[string]string
	body   string
}

// refusal is a reason with the answer that the vendor gives for it, where that is not the usual one.
type refusal struct {
	error
	answer sinkAnswer
}

func (s *sink) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, 1<<20))
	r := sinkRequest{req, body}
	s.mu.Lock()
	defer s.mu.Unlock()
	answer := s.vendor.yes
	switch {
	case err != nil:
	case s.next != nil:
		answer, s.next = *s.next, nil
	case req.URL.Path != s.vendor.path:
		err = refusal{fmt.Errorf("path %s, want %s", req.URL.Path, s.vendor.path), sinkAnswer{404, nil, "404 page not found"}}
	case req.Method != http.MethodPost:
		err = refusal{fmt.Errorf("method %s", req.Method), sinkAnswer{405, nil, "method not allowed"}}
	default:
		for key, want := range s.vendor.query {
			if got := req.URL.Query()[key]; !slices.Equal(got, want) {
				err = errors.Join(err, fmt.Errorf("query %s is %q, want %q", key, got, want))
			}
		}
		if !utf8.Valid(body) {
			err = errors.Join(err, errors.New("the body is no UTF-8"))
		}
		err = errors.Join(err, s.vendor.check(r))
	}
	if err != nil {
		s.why = append(s.why, err.Error())
		answer = s.vendor.no(err)
		if special := (refusal{}); errors.As(err, &special) {
			answer = special.answer
		}
	} else {
		s.took = append(s.took, r)
	}
	for name, value := range answer.header {
		w.Header().Set(name, value)
	}
	w.WriteHeader(answer.status)
	_, _ = io.WriteString(w, answer.body)
}

// answer is what the sink says next, whatever comes.
func (s *sink) answer(a sinkAnswer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next = &a
}

// results are what was accepted and why the rest was not; the sink forgets both.
func (s *sink) results() (took []sinkRequest, why []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	took, why = s.took, s.why
	s.took, s.why = nil, nil
	return took, why
}

func newSink(t *testing.T, v sinkVendor) (*sink, string) {
	t.Helper()
	s := &sink{vendor: v}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return s, server.URL
}

// A shape says what is wrong with a JSON value; nil where nothing is.
type shape func(v any) error

// object is an object with these keys alone; a name that begins with ! must be there.
func object(keys map[string]shape) shape {
	return func(v any) error {
		m, ok := v.(map[string]any)
		if !ok {
			return fmt.Errorf("%T is no object", v)
		}
		var errs []error
		for _, name := range slices.Sorted(maps.Keys(m)) {
			check, known := keys[name]
			if !known {
				check, known = keys["!"+name]
			}
			if !known {
				errs = append(errs, fmt.Errorf("unknown key %q", name))
				continue
			}
			if err := check(m[name]); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", name, err))
			}
		}
		for name := range keys {
			if required, must := strings.CutPrefix(name, "!"); must {
				if _, ok := m[required]; !ok {
					errs = append(errs, fmt.Errorf("key %q is missing", required))
				}
			}
		}
		return errors.Join(errs...)
	}
}

// list is a list of 1 to most such values.
func list(most int, each shape) shape {
	return func(v any) error {
		l, ok := v.([]any)
		if !ok {
			return fmt.Errorf("%T is no list", v)
		}
		if len(l) == 0 || len(l) > most {
			return fmt.Errorf("%d elements, want 1 to %d", len(l), most)
		}
		var errs []error
		for i, x := range l {
			if err := each(x); err != nil {
				errs = append(errs, fmt.Errorf("%d: %w", i, err))
			}
		}
		return errors.Join(errs...)
	}
}

// words is a text of 1 to most code points that passes all tests.
func words(most int, tests ...func(string) error) shape {
	return func(v any) error {
		s, ok := v.(string)
		if !ok {
			return fmt.Errorf("%T is no text", v)
		}
		if n := utf8.RuneCountInString(s); strings.TrimSpace(s) == "" && s != " " || n > most {
			return fmt.Errorf("%d characters, want 1 to %d", n, most)
		}
		for _, test := range tests {
			if err := test(s); err != nil {
				return fmt.Errorf("%w in %q", err, s)
			}
		}
		return nil
	}
}

// units is words with a limit in UTF-16 units, which Java, Scala and JavaScript count: an emoji has two.
func units(most int, tests ...func(string) error) shape {
	text := words(most, tests...)
	return func(v any) error {
		s, _ := v.(string)
		if n := len(utf16.Encode([]rune(s))); n > most {
			return fmt.Errorf("%d UTF-16 units, want at most %d", n, most)
		}
		return text(v)
	}
}

// whole is a whole number of that range.
func whole(from, to float64) shape {
	return func(v any) error {
		n, ok := v.(float64)
		if !ok || n != math.Trunc(n) || n < from || n > to {
			return fmt.Errorf("%v is no whole number from %v to %v", v, from, to)
		}
		return nil
	}
}

// exactly is one of these values.
func exactly(values ...any) shape {
	return func(v any) error {
		if !slices.Contains(values, v) {
			return fmt.Errorf("%v is none of %v", v, values)
		}
		return nil
	}
}

// lacks refuses texts that hold what the expression finds.
func lacks(what, expression string) func(string) error {
	re := regexp.MustCompile(expression)
	return func(s string) error {
		if found := re.FindString(s); found != "" {
			return fmt.Errorf("%s %q", what, found)
		}
		return nil
	}
}

// unseen refuses what a reader would not see, but for the one space of no width that presets put into what must not be live.
func unseen(s string) error {
	before := rune(0)
	for _, r := range s {
		last := before
		before = r
		switch {
		case r == '\n', r == '\t', r == '\u200b', r == '\u200d' && last > '\u2000': // it joins two emoji
		case r < ' ', r >= 0x7f && r < 0xa0, r >= '\u200c' && r <= '\u200f', r >= '\u202a' && r <= '\u202e', r >= '\u2066' && r <= '\u2069', r == '\ufeff':
			return fmt.Errorf("hidden character %U", r)
		}
	}
	return nil
}

// operators is where links of the operator lead.
var operators = []string{"https://wazuh.example.com/", "https://wiki.example.com/", "https://ack.example.com/"}

// ours refuses addresses that are not the operator's.
func ours(s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" {
		return errors.New("no absolute address")
	}
	if !slices.ContainsFunc(operators, func(o string) bool { return strings.HasPrefix(s, o) }) {
		return errors.New("not the operator's address")
	}
	return nil
}

// decode reads one JSON document and nothing behind it, with no key twice.
func decode(body []byte) (any, error) {
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		return nil, err
	}
	return v, twice(json.NewDecoder(bytes.NewReader(body)))
}

// twice finds a key that stands twice in an object: readers disagree which one counts.
func twice(dec *json.Decoder) error {
	t, err := dec.Token()
	if err != nil {
		return err
	}
	open, ok := t.(json.Delim)
	if !ok {
		return nil
	}
	seen := map[string]bool{}
	for dec.More() {
		if open == '{' {
			key, err := dec.Token()
			if err != nil {
				return err
			}
			if name := key.(string); seen[name] {
				return fmt.Errorf("key %q twice", name)
			} else {
				seen[name] = true
			}
		}
		if err := twice(dec); err != nil {
			return err
		}
	}
	_, err = dec.Token()
	return err
}

// jsonBody checks the type of the content, the size and the shape of a JSON body.
func jsonBody(r sinkRequest, most int, s shape) error {
	if kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); kind != "application/json" {
		return fmt.Errorf("content type %q", r.Header.Get("Content-Type"))
	}
	if len(r.body) > most {
		return fmt.Errorf("%d bytes, want at most %d", len(r.body), most)
	}
	v, err := decode(r.body)
	if err != nil {
		return err
	}
	return s(v)
}

// post sends a body to a sink, for tests of the sink itself.
func post(t *testing.T, method, address string, header map[string]string, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range header {
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(got)
}

// sinkCase is a request to a sink: what it does with it, and a piece of why.
type sinkCase struct {
	name, method, path string
	header             map[string]string // beside those of the vendor
	body               string
	why                string // "" where it is taken
}

// testSink sees that a sink takes what it must, and refuses each mistake for that mistake.
func testSink(t *testing.T, v sinkVendor, header map[string]string, cases []sinkCase) {
	t.Helper()
	s, base := newSink(t, v)
	target := v.path
	if len(v.query) > 0 {
		target += "?" + v.query.Encode()
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			h := maps.Clone(header)
			maps.Copy(h, c.header)
			address, method := target, http.MethodPost
			if c.path != "" {
				address = c.path
			}
			if c.method != "" {
				method = c.method
			}
			status, body := post(t, method, base+address, h, c.body)
			took, why := s.results()
			if c.why == "" {
				if len(took) != 1 || status != v.yes.status {
					t.Fatalf("refused: %q, status %d: %s", why, status, body)
				}
				return
			}
			if len(why) != 1 || !strings.Contains(why[0], c.why) {
				t.Errorf("got reasons %q, want %q", why, c.why)
			}
			if len(took) != 0 {
				t.Error("taken")
			}
		})
	}
}
