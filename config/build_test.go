package config

import (
	"errors"
	"testing"

	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/notifier/slack"
)

func TestReceiverThatIsMadeLaterFollowsWhatItsNotifierDoes(t *testing.T) {
	missing := true
	u := &unmade{make: func() (notifier.Notifier, error) {
		if missing {
			return nil, errors.New("no such file")
		}
		return slack.New(slack.Config{Token: notifier.PlainSecret("xoxb-1"), Channel: "#soc"}, nil)
	}}
	if notifier.Follows(u, notifier.Update) || !notifier.Follows(u, notifier.Resolve) {
		t.Error("before it is made, it is not like most receivers")
	}
	missing = false
	if !notifier.Follows(u, notifier.Update) {
		t.Error("a bot's receiver does not follow updates")
	}
}
