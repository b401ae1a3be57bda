package notifier

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestRedact(t *testing.T) {
	const hook = "https://hooks.example.com/services/T1/B2/notARealToken3?x=a%20b"
	tests := []struct{ name, text, secret, want string }{
		{"plain", "token abc123 is wrong", "abc123", "token [redacted] is wrong"},
		{"again and again", "abc123,abc123", "abc123", "[redacted],[redacted]"},
		{"nothing to hide", "token abc123", "", "token abc123"},
		{"no text", "", "abc123", ""},
		{"in JSON", `{"key":"a\"b\\c"}`, `a"b\c`, `{"key":"[redacted]"}`},
		{"in JSON with escaped slashes", `https:\/\/hooks.example.com\/services\/T1\/B2\/notARealToken3?x=a%20b`, hook, "[redacted]"},
		{"in a query", "?key=a%2Fb+c", "a/b c", "?key=[redacted]"},
		{"whole URL", "Post " + hook + ": refused", hook, "Post [redacted]: refused"},
		{"path of a URL", "no route for /services/T1/B2/notARealToken3?x=a%20b", hook, "no route for [redacted]"},
		{"path without query", "no route for /services/T1/B2/notARealToken3", hook, "no route for [redacted]"},
		{"end of a URL", "notARealToken3 was revoked", hook, "[redacted] was revoked"},
		{"a short end is a word", "hook not found", "https://example.com/hook", "hook not found"},
		{"password of a URL", "login ops:s3cr3t failed", "https://ops:s3cr3t@example.com/", "login ops:[redacted] failed"},
		{"log-in of a URL in base64", "Basic b3BzOnMzY3IzdA== is wrong", "https://ops:s3cr3t@example.com/", "Basic [redacted] is wrong"},
		{"token for a user", "no notARealToken3", "https://notARealToken3@example.com/", "no [redacted]"},
		{"middle of a URL", "no notARealToken3 here", "https://example.com/hooks/notARealToken3/v2", "no [redacted] here"},
		{"key of a query", "bad not%41RealToken3, notARealToken3", "https://example.com/hook?v=1&sig=not%41RealToken3", "bad [redacted], [redacted]"},
		{"in base64", "YS9iIGM/ZD5lZg== YS9iIGM_ZD5lZg", "a/b c?d>ef", "[redacted] [redacted]"},
		{"in JSON of other languages", `a\"<b>\u00e9, a\"<b>é`, `a"<b>é`, "[redacted], [redacted]"},
		{"in HTML in JSON", `\u0026lt;a\u0026#34;b\u0026gt;`, `<a"b>`, "[redacted]"},
		{"quoted again and again", `\"a\\\"b\\\\c\"`, `a"b\c`, `\"[redacted]\"`},
		{"escaped here and there", "a%2fb+c/d%252Fe", "a/b c/d/e", "[redacted]"},
		{"line ends", `-----\nAB\\n-----`, "-----\nAB\n-----", "[redacted]"},
		{"beyond the first plane", `k\ud83d\ude00 k%F0%9F%98%80`, "k😀", "[redacted] [redacted]"},
		{"in the word that takes its place", "abc", "abc", "[redacted]"},
		{"in HTML", "&lt;a&#34;b&gt;", `<a"b>`, "[redacted]"},
		{"in a URL in small letters", "?key=a%2fb+c", "a/b c", "?key=[redacted]"},
		{"a text with characters that no text should have", "a\x00b\ue000c abc123", "abc123", "a\x00b\ue000c [redacted]"},
		{"host of a URL stays", "dial tcp: lookup hooks.example.com", hook, "dial tcp: lookup hooks.example.com"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Redact(tt.text, tt.secret); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// Who knows which mark is tried next can have written all of them: a log of 1 MiB took a minute.
func TestRedactIsFastWhateverATextHolds(t *testing.T) {
	var b strings.Builder
	b.WriteByte(0)
	for c := '\uE000'; b.Len() < 1<<20; c++ {
		b.WriteRune(c)
	}
	begin := time.Now()
	if got := Redact(b.String()+"abc123", "abc123"); got != b.String()+Redacted {
		t.Error("what is left is not the text without the secret")
	}
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("took %s", took)
	}
}

func TestRedactTakesTheLongestFirst(t *testing.T) {
	if got, want := Redact("abcdef abc", "abc", "abcdef"), "[redacted] [redacted]"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAnswerRedactCoversBodyAndError(t *testing.T) {
	untouched := errors.New("connection refused")
	a := &Answer{Body: []byte("bad key abc123"), Err: untouched}
	a.Redact("abc123")
	if got := string(a.Body); got != "bad key [redacted]" {
		t.Errorf("got body %q", got)
	}
	if a.Err != untouched {
		t.Error("an error without a secret was replaced")
	}
	a.Err = errors.New(`malformed HTTP response "abc123"`)
	a.Redact("abc123")
	if strings.Contains(a.Err.Error(), "abc123") {
		t.Errorf("got error %v", a.Err)
	}
}

func TestAnswerRedactKnowsWhatTheRequestCarried(t *testing.T) {
	a := &Answer{Body: []byte("no user Basic b3BzOnMzY3IzdA== here"), known: []string{"b3BzOnMzY3IzdA=="}}
	a.Redact()
	if got, want := string(a.Body), "no user Basic [redacted] here"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
