package oncall

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ossec-notify/ossec-notify/notifier"
)

func duty() Config {
	return Config{
		PagerDutySchedule: schedule1, Token: notifier.PlainSecret(testToken), Otherwise: []string{"soc"},
		People: map[string][]string{"Alice@Example.com": {"alice-slack", "alice-mail"}, "PBOB001": {"bob-mail"}, "Carol Example": {"carol-mail", "alice-mail"}},
	}
}

func TestMistakesInTheConfigAreTold(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Config)
		want   []string
	}{
		{"none", func(*Config) {}, nil},
		{"nothing", func(c *Config) { *c = Config{} }, []string{
			"pagerduty_schedule: is missing: the id of a schedule, which is the end of its address, …/schedules/PABC123",
			"token: is missing: make a read-only API key in PagerDuty under Integrations, API Access Keys",
			"people: is missing: the receivers of each person, such as people: {alice@example.com: alice-slack}",
			"otherwise: is missing: the receivers where nobody is on call, or PagerDuty does not say who",
		}},
		{"an address for an id", func(c *Config) { c.PagerDutySchedule = "https://example.pagerduty.com/schedules/PABC123" }, []string{"pagerduty_schedule: is no id of a schedule: copy it from the end of its address, …/schedules/PABC123"}},
		{"a way out of the path", func(c *Config) { c.PagerDutySchedule = "../users" }, []string{"pagerduty_schedule: is no id of a schedule: copy it from the end of its address, …/schedules/PABC123"}},
		{"a token of two lines", func(c *Config) { c.Token = notifier.PlainSecret("a\nb") }, []string{"token: holds a line end or another control character: give the value alone, on one line"}},
		{"region", func(c *Config) { c.Region = "de" }, []string{"region: is us or eu"}},
		{"region and endpoint", func(c *Config) { c.Region, c.Endpoint = "eu", "https://api.example.com" }, []string{"region: is of no use beside endpoint: keep one of them"}},
		{"endpoint", func(c *Config) { c.Endpoint = "api.pagerduty.com" }, []string{"endpoint: is not a URL such as https://api.pagerduty.com"}},
		{"a log-in in the endpoint", func(c *Config) { c.Endpoint = "https://a:b@api.example.com" }, []string{"endpoint: is not a URL such as https://api.pagerduty.com"}},
		{"nobody's name", func(c *Config) { c.People[" "] = []string{"soc"} }, []string{"people: has somebody without an address, id or name"}},
		{"no receiver", func(c *Config) { c.People["PBOB001"] = nil }, []string{`people: "PBOB001" has no receiver: name some, or leave the person out, for whom otherwise is told`}},
		{"one address twice", func(c *Config) { c.People["alice@example.com"] = []string{"soc"} }, []string{`people: "Alice@Example.com" and "alice@example.com" are one address: write it once`}},
		{"network", func(c *Config) { c.Network.Proxy = notifier.PlainSecret("proxy") }, []string{"network.proxy: is not a URL such as http://proxy.example.com:3128"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := duty()
			c.change(&cfg)
			var got []string
			if err := cfg.Validate(); err != nil {
				for _, e := range flat(err) {
					if field := (*notifier.FieldError)(nil); !errors.As(e, &field) {
						t.Errorf("%v is no FieldError", e)
					}
					got = append(got, e.Error())
				}
			}
			if diff := cmp.Diff(got, c.want); diff != "" {
				t.Errorf("(-got +want):\n%s", diff)
			}
			if _, err := New(cfg, http.DefaultClient, nil); (err == nil) != (c.want == nil) {
				t.Errorf("New: %v", err)
			}
		})
	}
}

func flat(err error) []error {
	many, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var all []error
	for _, e := range many.Unwrap() {
		all = append(all, flat(e)...)
	}
	return all
}

func TestWhomToTell(t *testing.T) {
	now := time.Now()
	fresh := func(people ...Person) Known { return Known{People: people, Asked: now} }
	old := func(k Known, age time.Duration) Known {
		k.Age, k.Failing, k.Failure = age, now.Add(-age), "status 503\nand \x1b[31mmore"
		return k
	}
	carol, dan := Person{ID: "PCAROL1", Name: "Carol Example"}, Person{ID: "PDAN001", Name: "Dan <!channel>\u202e"}
	for _, c := range []struct {
		name  string
		known Known
		want  string
		note  string
	}{
		{"by address", fresh(alice), "alice-slack alice-mail", "Alice Example of schedule PABC123 is on call"},
		{"by address, written otherwise", fresh(Person{Email: "ALICE@example.COM"}), "alice-slack alice-mail", "ALICE@example.COM of schedule PABC123 is on call"},
		{"by id", fresh(Person{ID: "PBOB001", Name: "Robert"}), "bob-mail", "Robert of schedule PABC123 is on call"},
		{"by name", fresh(carol), "carol-mail alice-mail", "Carol Example of schedule PABC123 is on call"},
		{"a name is as it is written", fresh(Person{Name: "carol example"}), "soc", "carol example of schedule PABC123 has no receiver under people, so otherwise"},
		{"two", fresh(alice, carol), "alice-slack alice-mail carol-mail", "Alice Example, Carol Example of schedule PABC123 is on call"},
		{"one without", fresh(alice, dan), "alice-slack alice-mail", "Alice Example of schedule PABC123 is on call; Dan <!channel>\\u202e too, without a receiver under people"},
		{"all without", fresh(dan), "soc", "Dan <!channel>\\u202e of schedule PABC123 has no receiver under people, so otherwise"},
		{"nobody", fresh(), "soc", "nobody of schedule PABC123 is on call, so otherwise"},
		{"not asked yet", Known{}, "soc", "who is on call by schedule PABC123 is not known yet, so otherwise"},
		{"never answered", Known{Failing: now.Add(-3 * time.Hour), Failure: "status 503"}, "soc", "who is on call by schedule PABC123 is not known since 3 h, so otherwise: status 503"},
		{"stale", old(fresh(alice), 3*time.Hour), "alice-slack alice-mail", "Alice Example of schedule PABC123 is on call; PagerDuty said so 3 h ago, and has not answered since: status 503⏎and \\x1b[31mmore"},
		{"stale, nobody", old(fresh(), 3*time.Hour), "soc", "nobody of schedule PABC123 is on call, so otherwise; PagerDuty said so 3 h ago, and has not answered since: status 503⏎and \\x1b[31mmore"},
		{"a failure of a moment", old(fresh(alice), time.Minute), "alice-slack alice-mail", "Alice Example of schedule PABC123 is on call"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, note := duty().Resolve(c.known)
			if strings.Join(got, " ") != c.want || note != c.note {
				t.Errorf("got %q, %q\nwant %q, %q", got, note, c.want, c.note)
			}
		})
	}
}

func TestAReceiverStandsForWhoeverIsOnCall(t *testing.T) {
	f := newFake(t)
	s := f.serve()
	cfg := duty()
	cfg.Endpoint = s.Endpoint
	cache := NewCache(newMemory(), discard)
	defer cache.Close()
	r, err := New(cfg, s.Client, cache)
	if err != nil {
		t.Fatal(err)
	}
	f.onCall(schedule1, alice, time.Time{}, time.Time{})
	if got, _ := r.Resolve(time.Now()); !cmp.Equal(got, []string{"soc"}) {
		t.Errorf("got %q before anything is known", got)
	}
	asks(t, cache, r.Schedule())
	if got, _ := r.Resolve(time.Now()); !cmp.Equal(got, []string{"alice-slack", "alice-mail"}) {
		t.Errorf("got %q", got)
	}
	if got := r.Names(); !cmp.Equal(got, []string{"Alice Example"}) {
		t.Errorf("got %q", got)
	}
	if got, note, err := r.Ask(t.Context()); err != nil || !cmp.Equal(got, []string{"alice-slack", "alice-mail"}) || note != "Alice Example of schedule PABC123 is on call" {
		t.Errorf("got %q, %q, %v", got, note, err)
	}
	f.next(answering(401, ""))
	if _, _, err := r.Ask(t.Context()); err == nil || strings.Contains(err.Error(), testToken) {
		t.Errorf("got %v", err)
	}
}

func TestAccountsLiveInTheirRegion(t *testing.T) {
	for region, want := range map[string]string{"": "https://api.pagerduty.com", "us": "https://api.pagerduty.com", "eu": "https://api.eu.pagerduty.com"} {
		cfg := duty()
		cfg.Region = region
		if diff := cmp.Diff(cfg.Destinations(t.Context()), map[string]string{"region": want}); diff != "" {
			t.Errorf("%s (-got +want):\n%s", region, diff)
		}
		r, err := New(cfg, http.DefaultClient, nil)
		if err != nil || r.Schedule().Source.endpoint() != want {
			t.Errorf("%s: %v, %v", region, r, err)
		}
	}
	cfg := duty()
	cfg.Endpoint = "https://api.example.com/"
	if diff := cmp.Diff(cfg.Destinations(t.Context()), map[string]string{"endpoint": "https://api.example.com/"}); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
}
