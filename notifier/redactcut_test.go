package notifier

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
)

// cutSecret has in its first eight characters what is escaped and what is not, so "s3cr3" is a piece of it that is too much.
const cutSecret = `p"<s3cr3tC0re>/&+é-and-m0re`

// spelled are the ways in which Redact knows a secret.
func spelled(secret string) map[string]string {
	inJSON, _ := json.Marshal(secret)
	twice, _ := json.Marshal(string(inJSON))
	return map[string]string{
		"plain":          secret,
		"query":          url.QueryEscape(secret),
		"path":           url.PathEscape(secret),
		"query twice":    url.QueryEscape(url.QueryEscape(secret)),
		"JSON":           string(inJSON[1 : len(inJSON)-1]),
		"JSON in JSON":   string(twice[1 : len(twice)-1]),
		"ASCII":          strings.Trim(strconv.QuoteToASCII(secret), `"`),
		"HTML":           html.EscapeString(secret),
		"HTML twice":     html.EscapeString(html.EscapeString(secret)),
		"base64":         base64.StdEncoding.EncodeToString([]byte(secret)),
		"base64 for URL": base64.RawURLEncoding.EncodeToString([]byte(secret)),
	}
}

// shows reports whether a text has too much of the secret's beginning.
func shows(text string) bool {
	for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
		if strings.Contains(text, enc.EncodeToString([]byte(cutSecret))[:11]) {
			return true
		}
	}
	return strings.Contains(text, "s3cr3")
}

func TestBeginningOfASecretIsTakenOut(t *testing.T) {
	for name, text := range spelled(cutSecret) {
		t.Run(name, func(t *testing.T) {
			seen := 0
			for cut := range len(text) + 1 {
				for _, after := range []string{"", `"`, `"}`, "…", "..."} {
					said := "bad key: " + text[:cut] + after
					if shows(said) {
						seen++
					}
					if got := RedactCut(said, "another", cutSecret); shows(got) || !strings.HasPrefix(got, "bad key: ") {
						t.Fatalf("cut at %d: %q becomes %q", cut, said, got)
					}
				}
			}
			if seen == 0 {
				t.Error("the test would see nothing")
			}
		})
	}
}

func TestBeginningOfALongSecretIsTakenOut(t *testing.T) {
	var long strings.Builder
	for i := range 80 {
		fmt.Fprintf(&long, "%03d/é.", i)
	}
	for name, text := range spelled(long.String()) {
		for _, cut := range []int{60, 200, 450} {
			text := text[:min(cut, len(text)-3)]
			if got := RedactCut("no: "+text, long.String()); strings.Contains(got, "001") || strings.Contains(got, text[:20]) || !strings.HasPrefix(got, "no: ") {
				t.Errorf("%s, cut at %d: got %.200q", name, cut, got)
			}
		}
	}
}

func TestBeginningOfAURLIsTakenOut(t *testing.T) {
	const hook, proxy = "https://hooks.example.com/services/T1/notARealToken3?x=a", "http://soc:notAPassw0rd@proxy.example.com:3128"
	for _, tt := range []struct{ text, want string }{
		{"Post https://hooks.example.com/services/T1/notAR", "Post [redacted]"},
		{"no /services/T1/n", "no [redacted]"},
		{"no notARealTok", "no [redacted]"},
		{"see https://hooks.example.com", "see https://hooks.example.com"},
		{"see https://hooks.example.com/", "see https://hooks.example.com/"},
		{"via http://soc:notAPas", "via http://[redacted]"},
		{"via http://soc:", "via http://soc:"},
		{"Basic " + base64.StdEncoding.EncodeToString([]byte("soc:notAPassw0rd"))[:16], "Basic [redacted]"},
		{"via " + base64.StdEncoding.EncodeToString([]byte(proxy))[:27], "via [redacted]"},
	} {
		if got := RedactCut(tt.text, hook, proxy); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.text, got, tt.want)
		}
	}
}

func TestEndOfATextThatIsNoSecretStays(t *testing.T) {
	for _, text := range []string{"ok", `{"ok":true}`, "status 500: internal", "the pas", "xoxb", "k"} {
		if got := RedactCut(text, "kept-s3cret", "password1", "xoxb-12345-67890", "abc"); got != text {
			t.Errorf("%q becomes %q", text, got)
		}
	}
}

// TestAnswerThatIsCutWithinASecret has servers whose answers end within a secret: at the end of what is read of them, or
// because they hang up.
func TestAnswerThatIsCutWithinASecret(t *testing.T) {
	for name, text := range spelled(cutSecret) {
		t.Run(name, func(t *testing.T) {
			var body string
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusBadRequest)
				_, _ = io.WriteString(w, body)
			}))
			defer s.Close()
			for cut := 8; cut < len(text); cut += 3 {
				body = strings.Repeat(" ", maxAnswer-cut) + text + " is wrong"
				a := Do(s.Client(), request(t, t.Context(), s.URL))
				if len(a.Body) != maxAnswer || !strings.HasSuffix(string(a.Body), text[:cut]) {
					t.Fatalf("got %d bytes, which end with %q", len(a.Body), a.Body[len(a.Body)-cut:])
				}
				a.Redact(cutSecret)
				if got := a.Failure("post").Error(); shows(got) || shows(string(a.Body)) {
					t.Fatalf("cut at %d: %s", cut, got)
				}
			}
		})
	}
}

// TestNetworkErrorsAreShort has a server that says no HTTP, at length, and stops within a secret.
func TestNetworkErrorsAreShort(t *testing.T) {
	for _, said := range []string{strings.Repeat("x", maxAnswer-12) + cutSecret, strings.Repeat("x", 300) + cutSecret[:12], cutSecret[:12]} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
			_, _ = conn.Read(make([]byte, 4<<10))
			_, _ = io.WriteString(conn, said)
			_ = conn.(*net.TCPConn).CloseWrite()
			_, _ = io.Copy(io.Discard, conn)
		}()
		client, err := NewClient(Network{}, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		a := Do(client, request(t, t.Context(), "http://"+l.Addr().String()))
		l.Close()
		client.CloseIdleConnections()
		if a.Err == nil {
			t.Fatal("got an answer")
		}
		a.Redact(cutSecret)
		if got := a.Failure("post"); len(got.Error()) > 2*maxCause || shows(got.Error()) {
			t.Errorf("got %d bytes: %.2000s", len(got.Error()), got)
		}
	}
}
