package notifiertest

import (
	"context"
	"io"
	"net/http"
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

func TestSuitePassesAChannelThatKeepsTheRules(t *testing.T) {
	Run(t, Case{
		New: func(t *testing.T, url string, client *http.Client) notifier.Notifier {
			return plain{url: url, token: "s3cr3t-t0ken", client: client}
		},
		Notification: notifier.Notification{Delivery: "d1"},
		Secrets:      []string{"s3cr3t-t0ken"},
		Accept:       func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "ok") },
	})
}

func TestRequestsReturnsWhatWasSent(t *testing.T) {
	got := Requests(t, Case{
		New: func(t *testing.T, url string, client *http.Client) notifier.Notifier {
			return plain{url: url + "/hook?x=1", token: "s3cr3t-t0ken", client: client}
		},
		Notification: notifier.Notification{Delivery: "d1"},
		Accept:       func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "ok") },
	})
	if len(got) != 1 || got[0].Method != "POST" || got[0].Path != "/hook?x=1" || string(got[0].Body) != "d1" {
		t.Errorf("got %+v, want one POST of d1 to /hook?x=1", got)
	}
}
