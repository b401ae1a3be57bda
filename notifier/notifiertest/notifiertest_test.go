package notifiertest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/ossec-notify/ossec-notify/notifier"
)

// plain is the smallest channel that keeps all the rules.
type plain struct {
	url, token string
	client     *http.Client
}

func (p plain) Notify(ctx context.Context, n notifier.Notification) (notifier.Receipt, error) {
	if !n.Action.Known() {
		return notifier.Receipt{}, notifier.UnknownAction("plain", n.Action)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, strings.NewReader(n.Delivery))
	if err != nil {
		return notifier.Receipt{}, notifier.Errorf(notifier.Misconfigured, "url: %w", notifier.Unurl(err))
	}
	req.Header.Set("Authorization", "Bearer "+p.token)
	answer := notifier.Do(p.client, req)
	answer.Redact(p.token)
	if failure := answer.Failure("post"); failure != nil {
		return notifier.Receipt{}, failure
	}
	if string(answer.Body) != "ok" {
		return notifier.Receipt{}, notifier.Errorf(notifier.Temporary, "post: not the vendor's answer: %s", notifier.Snippet(answer.Body))
	}
	return notifier.Receipt{Status: answer.Status}, nil
}

// fromFile is the same with its token in a file.
type fromFile struct {
	token notifier.Secret
	plain
}

func (f fromFile) Notify(ctx context.Context, n notifier.Notification) (notifier.Receipt, error) {
	token, err := f.token.ReadHeader(ctx, "token")
	if err != nil {
		return notifier.Receipt{}, err
	}
	f.plain.token = token
	return f.plain.Notify(ctx, n)
}

func TestSuitePassesAChannelThatKeepsTheRules(t *testing.T) {
	Run(t, Case{
		New: func(t *testing.T, url string, client *http.Client) notifier.Notifier {
			return plain{url: url, token: "s3cr3t-t0ken", client: client}
		},
		Notification: notifier.Notification{Action: notifier.Trigger, Delivery: "d1"},
		Secrets:      []string{"s3cr3t-t0ken"},
		Broken: map[string]func(*testing.T, string, *http.Client) notifier.Notifier{
			"token of two lines": func(t *testing.T, url string, client *http.Client) notifier.Notifier {
				return fromFile{FileSecret(t, "s3cr3t-t0ken\nX-Evil: 1"), plain{url: url, client: client}}
			},
		},
		Accept: func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "ok") },
	})
}

func TestRequestsReturnsWhatWasSent(t *testing.T) {
	got := Requests(t, Case{
		New: func(t *testing.T, url string, client *http.Client) notifier.Notifier {
			return plain{url: url + "/hook?x=1", token: "s3cr3t-t0ken", client: client}
		},
		Notification: notifier.Notification{Action: notifier.Trigger, Delivery: "d1"},
		Accept:       func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "ok") },
	})
	if len(got) != 1 || got[0].Method != "POST" || got[0].Path != "/hook?x=1" || string(got[0].Body) != "d1" {
		t.Errorf("got %+v, want one POST of d1 to /hook?x=1", got)
	}
}

func TestKeysAreThoseOfAllMistakes(t *testing.T) {
	bad := func(key string) error { return &notifier.FieldError{Key: key, Message: "is wrong"} }
	tests := []struct {
		name string
		err  error
		want []string
	}{
		{"none", nil, nil},
		{"one", bad("url"), []string{"url"}},
		{"joined", errors.Join(bad("url"), bad("token")), []string{"url", "token"}},
		{"joined twice", errors.Join(bad("url"), errors.Join(bad("network.proxy"))), []string{"url", "network.proxy"}},
		{"another error", errors.Join(bad("url"), errors.New("x")), []string{"url", "no FieldError: x"}},
	}
	for _, tt := range tests {
		if got := Keys(tt.err); !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestSecretsInFiles(t *testing.T) {
	if got, err := FileSecret(t, "a\nb\n").Read(t.Context()); got != "a\nb" || err != nil {
		t.Errorf("got %q, %v, want both lines", got, err)
	}
	if _, err := MissingSecret(t).Read(t.Context()); err == nil {
		t.Error("a secret whose file is missing was read")
	}
}
