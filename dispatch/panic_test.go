package dispatch

import (
	"context"
	"strings"
	"testing"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/rules"
)

// mistaken is a notifier with a mistake.
type mistaken struct{ secret *string }

func (b mistaken) Notify(context.Context, notifier.Notification) (notifier.Receipt, error) {
	if b.secret != nil {
		panic("POST https://hooks.example.com/" + *b.secret)
	}
	return notifier.Receipt{ID: *b.secret}, nil
}

func TestAMistakeOfOursCostsOneMessage(t *testing.T) {
	secret := "hunter2"
	for _, tc := range []struct {
		with mistaken
		want string
	}{
		{mistaken{}, "invalid memory address or nil pointer dereference, in dispatch.mistaken.Notify (panic_test.go:"},
		{mistaken{&secret}, "a panic with a string, in dispatch.mistaken.Notify (panic_test.go:"},
	} {
		d := testDispatcher(map[string]*scripted{"soc": {}}, rules.Table{Default: []string{"soc"}})
		d.Receivers["soc"].Notifier = tc.with
		out := d.Deliver(t.Context(), d.Plan(testAlert())[0])
		if out.State != outbox.Dead || out.Err == nil || !strings.Contains(out.Err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", out.State, out.Err, tc.want)
		}
		if out.Err != nil && strings.Contains(out.Err.Error(), secret) {
			t.Errorf("the error shows the secret: %v", out.Err)
		}
	}
}

func TestAnAlertThatBringsAMistakeToLightIsTold(t *testing.T) {
	d := testDispatcher(map[string]*scripted{"soc": {}}, rules.Table{Default: []string{"soc"}})
	d.Receivers["soc"].Templates = nil
	x := d.Plan(alert.Parse([]byte("** Alert 1.2: - x,\nthe log\n"), alert.Options{}))[0]
	n, err := d.Notification(x)
	if err == nil || !strings.Contains(err.Error(), "please report it") {
		t.Errorf("error = %v", err)
	}
	body := n.Parts["body"].String()
	if !strings.Contains(body, "the log") || !strings.Contains(body, "could not make a message of") || n.DedupKey == "" || n.Severity == "" || n.Action != notifier.Trigger {
		t.Errorf("notification = %+v", n)
	}
}
