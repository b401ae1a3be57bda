package notifier

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestReceiptIsKeptAsAShortText(t *testing.T) {
	for want, r := range map[string]Receipt{
		"": {Status: 200, Channel: "C0000SOC1", Warning: "x"},
		`{"id":"1795440503.000100","channel":"C0000SOC1"}`: {Status: 200, ID: "1795440503.000100", Channel: "C0000SOC1", Warning: "x", Replaces: true},
		`{"id":"<0a1b@example.com>"}`:                      {Status: 250, ID: "<0a1b@example.com>"},
		`{"id":"-/web-01/5712/203.0.113.9 & \"x\""}`:       {Status: 202, ID: `-/web-01/5712/203.0.113.9 & "x"`},
	} {
		got := r.Ref()
		if got != want {
			t.Errorf("%+v: got %s, want %s", r, got, want)
		}
		back, ok := ParseRef(got)
		if wantBack := (Receipt{ID: r.ID, Channel: r.Channel}); ok != (r.ID != "") || (ok && back != wantBack) {
			t.Errorf("%s: got %+v, %v, want %+v", got, back, ok, wantBack)
		}
	}
	// What older versions kept is the ID alone: who needs a channel must not guess one.
	for _, s := range []string{"", "1795440503.000100", "<0a1b@example.com>", "7", "null", "{}", `{"channel":"C"}`, `{"id":""}`, `{"id":7}`, `{"id":"1"} x`, `["1"]`} {
		if r, ok := ParseRef(s); ok || r != (Receipt{}) {
			t.Errorf("%q: got %+v, %v, want none", s, r, ok)
		}
	}
}

func FuzzReceiptRoundTrip(f *testing.F) {
	f.Add("1795440503.000100", "C0000SOC1")
	f.Add("<0a1b@example.com>\r\n", "\x00\u2028")
	f.Fuzz(func(t *testing.T, id, channel string) {
		if !utf8.ValidString(id) || !utf8.ValidString(channel) {
			t.Skip("vendors' answers are text")
		}
		want := Receipt{ID: id, Channel: channel}
		ref := want.Ref()
		if strings.ContainsAny(ref, "\n\r\x00") {
			t.Errorf("%q is not one line of text", ref)
		}
		if got, ok := ParseRef(ref); ok != (id != "") || (ok && got != want) {
			t.Errorf("%q: got %+v, %v, want %+v", ref, got, ok, want)
		}
	})
}

// follower is told of what it says.
type follower struct {
	Notifier
	of Action
}

func (f follower) Follows(a Action) bool { return a == f.of || a == "open" }

func TestActionsThatAReceiverFollows(t *testing.T) {
	for _, c := range []struct {
		action                  Action
		common, updates, trials bool
	}{
		{Trigger, true, false, false}, {Acknowledge, true, false, true}, {Resolve, true, false, false}, {Digest, true, false, false},
		{Update, false, true, false}, {"open", false, false, false}, {"", false, false, false},
	} {
		common, updates, trials := Follows(nil, c.action), Follows(follower{of: Update}, c.action), Follows(follower{of: Acknowledge}, c.action)
		if common != c.common || updates != c.updates || trials != c.trials {
			t.Errorf("%q: got %v, %v, %v, want %v, %v, %v", c.action, common, updates, trials, c.common, c.updates, c.trials)
		}
	}
}
