package dispatch

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/rules"
	"github.com/ossec-notify/ossec-notify/templates"
)

// duty stands for one receiver by day, and for another by night.
type duty struct {
	hours int // asked for
	names [2][]string
}

func (d *duty) Resolve(at time.Time) ([]string, string) {
	d.hours++
	if h := at.UTC().Hour(); h >= 8 && h < 20 {
		return d.names[0], "by day"
	}
	return d.names[1], "by night"
}

func TestAnAliasIsReplacedByTheReceiversThatItStandsFor(t *testing.T) {
	day := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	policy := &rules.Policy{}
	for _, c := range []struct {
		name     string
		in, want []rules.Choice
		at       time.Time
	}{
		{"none", []rules.Choice{{Receiver: "soc", Route: "a"}}, []rules.Choice{{Receiver: "soc", Route: "a"}}, day},
		{"one, with all that the route asks for", []rules.Choice{{Receiver: "duty", Route: "a", Policy: policy, Step: 1, After: time.Minute}},
			[]rules.Choice{
				{Receiver: "alice", Route: "a", Policy: policy, Step: 1, After: time.Minute, Alias: "duty", Note: "by day"},
				{Receiver: "mail", Route: "a", Policy: policy, Step: 1, After: time.Minute, Alias: "duty", Note: "by day"},
			}, day},
		{"at another time", []rules.Choice{{Receiver: "duty"}}, []rules.Choice{{Receiver: "bob", Alias: "duty", Note: "by night"}}, day.Add(12 * time.Hour)},
		{"told already", []rules.Choice{{Receiver: "mail", Route: "always"}, {Receiver: "duty", Route: "a"}},
			[]rules.Choice{{Receiver: "mail", Route: "always"}, {Receiver: "alice", Route: "a", Alias: "duty", Note: "by day"}}, day},
		{"told again by a later step", []rules.Choice{{Receiver: "mail", Step: 1}, {Receiver: "duty", Step: 2, After: time.Minute}},
			[]rules.Choice{{Receiver: "mail", Step: 1}, {Receiver: "alice", Step: 2, After: time.Minute, Alias: "duty", Note: "by day"}, {Receiver: "mail", Step: 2, After: time.Minute, Alias: "duty", Note: "by day"}}, day},
		{"two aliases", []rules.Choice{{Receiver: "duty"}, {Receiver: "backup"}},
			[]rules.Choice{{Receiver: "alice", Alias: "duty", Note: "by day"}, {Receiver: "mail", Alias: "duty", Note: "by day"}, {Receiver: "bob", Alias: "backup", Note: "by day"}}, day},
	} {
		t.Run(c.name, func(t *testing.T) {
			one := &duty{names: [2][]string{{"alice", "mail"}, {"bob"}}}
			d := &Dispatcher{Aliases: map[string]Alias{"duty": one, "backup": &duty{names: [2][]string{{"mail", "bob"}, {"bob"}}}}}
			if diff := cmp.Diff(d.Aliases.Expand(c.in, c.at), c.want); diff != "" {
				t.Errorf("(-got +want):\n%s", diff)
			}
			if one.hours > 1 {
				t.Errorf("it was asked %d times", one.hours)
			}
		})
	}
}

func TestPlansGoToWhomAnAliasStandsFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // which begins at midnight
		d := testDispatcher(map[string]*scripted{"slack-alice": {}, "slack-bob": {}, "email-1": {}}, rules.Table{
			Always: []string{"email-1"}, Routes: []*rules.Route{{Name: "page", To: []string{"duty"}}}, Default: []string{"duty"},
		})
		d.Aliases = map[string]Alias{"duty": &duty{names: [2][]string{{"slack-alice", "email-1"}, {"slack-bob"}}}}
		plan := func() []string { return receiversOf(d.Plan(testAlert())) }
		if diff := cmp.Diff(plan(), []string{"email-1 by always", "slack-bob by page"}); diff != "" {
			t.Errorf("(-got +want):\n%s", diff)
		}
		time.Sleep(8 * time.Hour)
		if diff := cmp.Diff(plan(), []string{"email-1 by always", "slack-alice by page"}); diff != "" {
			t.Errorf("(-got +want):\n%s", diff)
		}
		planned := d.Plan(testAlert())
		if x := planned[1]; x.Alias != "duty" || x.Note != "by day" || x.ID != DeliveryID(x.Alert.Identity(), "slack-alice", 1) {
			t.Errorf("got %+v", x)
		}
		if diff := cmp.Diff(receiversOf(d.PlanChannel(testAlert(), "slack")), []string{"slack-alice by page"}); diff != "" {
			t.Errorf("(-got +want):\n%s", diff)
		}
		named, err := d.PlanReceivers(testAlert(), "duty")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(receiversOf(named), []string{"slack-alice by ", "email-1 by "}); diff != "" {
			t.Errorf("(-got +want):\n%s", diff)
		}
		if _, err := d.PlanReceivers(testAlert(), "dutty"); err == nil || err.Error() != `no receiver "dutty": did you mean "duty"?` {
			t.Errorf("got %v", err)
		}
		if _, err := d.PlanReceivers(testAlert(), "elsewhere"); err == nil || err.Error() != `no receiver "elsewhere": the config has "duty", "email-1", "slack-alice", "slack-bob"` {
			t.Errorf("got %v", err)
		}
	})
}

// shift is a duty with the name of a person.
type shift struct {
	duty
	person []string
}

func (s *shift) Names() []string { return s.person }

func TestAMessageKnowsWhoIsOnCall(t *testing.T) {
	both := func(name string) [2][]string { return [2][]string{{name}, {name}} }
	d := &Dispatcher{Aliases: map[string]Alias{
		"duty":    &shift{duty{names: both("alice-mail")}, []string{"Alice Example"}},
		"backup":  &shift{duty{names: both("bob-mail")}, []string{"Bob Example", "Carol Example"}},
		"network": &shift{duty{names: both("bob-mail")}, []string{"Carol Example"}},
		"unmade":  &duty{names: both("alice-mail")},
	}}
	for receiver, want := range map[string][]string{
		"alice-mail": {"Alice Example"}, "bob-mail": {"Bob Example", "Carol Example"},
		"soc": {"Bob Example", "Carol Example", "Alice Example"}, // by no schedule: all, by the names of the aliases
	} {
		if diff := cmp.Diff(d.Aliases.onCall(receiver), want); diff != "" {
			t.Errorf("%s (-got +want):\n%s", receiver, diff)
		}
	}
	if got := Aliases(nil).onCall("soc"); got != nil {
		t.Errorf("without schedules: %q", got)
	}
	set, err := templates.Default().WithText("t.tmpl", `{{define "email.text"}}On call: {{range .OnCall}}{{.}}; {{end}}{{end}}`)
	if err != nil {
		t.Fatal(err)
	}
	a := alert.Parse([]byte(`{"rule":{"level":12,"id":"5710"},"id":"1.1","full_log":"x"}`), alert.Options{Received: time.Now()})
	d.Scale = alert.DefaultScale
	n, err := d.Notification(Delivery{Alert: a, Receiver: &Receiver{Name: "bob-mail", Channel: "email", Templates: set}, Occurrence: 1})
	if got := n.Parts["text"].String(); err != nil || got != "On call: Bob Example; Carol Example; " {
		t.Errorf("got %q, %v", got, err)
	}
}
