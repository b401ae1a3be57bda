package outbox_test

import (
	"maps"
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/outbox"
)

// What a person sends or drops is told by no bundle; once a bundle was told, nothing leaves it.
func TestHandsTakeDeliveriesOutOfTheirBundle(t *testing.T) {
	db, _ := open(t, path(t), outbox.Options{Owner: true,
		DeliveryID: func(identity, receiver string, _ int) string { return identity + "-" + receiver }})
	now := time.Now()
	in := func(identity string, state outbox.State) outbox.Arrival {
		return outbox.Arrival{Identity: identity, Arrived: now, Deliveries: []outbox.NewDelivery{{Receiver: "soc", State: state, Bundle: "d-1", Reason: "x"}}}
	}
	if _, err := db.Accept(t.Context(), []outbox.Arrival{in("held", outbox.Held), in("silenced", outbox.Suppressed), in("dropped", outbox.Held), in("left", outbox.Held), in("quiet", outbox.Suppressed)}, nil); err != nil {
		t.Fatal(err)
	}
	members := func(wantAll, wantHeld int) {
		t.Helper()
		all, held, err := db.Members(t.Context(), "d-1")
		if err != nil || !maps.Equal(all, map[string]int{"soc": wantAll}) || !maps.Equal(held, map[string]int{"soc": wantHeld}) {
			t.Errorf("got %v, %v, %v; want %d, %d", all, held, err, wantAll, wantHeld)
		}
	}
	members(5, 3)
	for _, id := range []string{"held-soc", "silenced-soc"} {
		if n, err := db.Retry(t.Context(), outbox.Filter{IDs: []string{id}}, now); n != 1 || err != nil {
			t.Fatalf("retry of %s: %d, %v", id, n, err)
		}
	}
	if n, err := db.Drop(t.Context(), outbox.Filter{IDs: []string{"dropped-soc"}}, now); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	members(2, 1)
	// The bundle is told: its message is an alert of its name.
	if _, err := db.Accept(t.Context(), []outbox.Arrival{{Identity: "d-1", Arrived: now, Deliveries: []outbox.NewDelivery{{Receiver: "soc"}}}}, nil); err != nil {
		t.Fatal(err)
	}
	if n, err := db.Retry(t.Context(), outbox.Filter{IDs: []string{"quiet-soc"}}, now); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	members(2, 1)
}

func TestEscalationsAndAcksAreCounted(t *testing.T) {
	db, _ := open(t, path(t), outbox.Options{Owner: true,
		DeliveryID: func(identity, receiver string, _ int) string { return identity + "-" + receiver }})
	now := time.Now()
	later := now.Add(time.Hour)
	for _, id := range []string{"a", "b"} {
		arrival := outbox.Arrival{Identity: id, Arrived: now, Deliveries: []outbox.NewDelivery{
			{Receiver: "soc"}, {Receiver: "hook", State: outbox.Held, Due: later}, {Receiver: "mail", State: outbox.Held, Bundle: "d-1"},
			{Receiver: "backup", Kind: "step2", State: outbox.Held, Due: later}, {Receiver: "boss", Kind: "step3", State: outbox.Held, Due: later},
		}}
		if _, err := db.Accept(t.Context(), []outbox.Arrival{arrival}, nil); err != nil {
			t.Fatal(err)
		}
	}
	count := func(want int, via map[string]int) {
		t.Helper()
		if n, err := db.Escalations(t.Context()); n != want || err != nil {
			t.Errorf("%d escalations, %v; want %d", n, err, want)
		}
		if got, err := db.Acks(t.Context()); err != nil || !maps.Equal(got, via) {
			t.Errorf("acknowledgements: got %v, %v; want %v", got, err, via)
		}
	}
	count(2, map[string]int{})
	if _, first, err := db.Acknowledge(t.Context(), outbox.Ack{Identity: "a", By: "NAME", Via: "mail link", At: now}); !first || err != nil {
		t.Fatal(first, err)
	}
	count(1, map[string]int{"mail link": 1})
}

func TestRecentIsBoundedAndSaysSo(t *testing.T) {
	db, _ := open(t, path(t), outbox.Options{Owner: true, DeliveryID: func(identity, receiver string, _ int) string { return identity + receiver }})
	now := time.Now()
	for i, id := range []string{"a", "b", "c", "d"} {
		if _, err := db.Accept(t.Context(), []outbox.Arrival{{Identity: id, Arrived: now.Add(time.Duration(i-3) * time.Hour), Raw: []byte(id)}}, nil); err != nil {
			t.Fatal(err)
		}
	}
	for _, tc := range []struct {
		since time.Duration
		limit int
		want  string
		whole bool
	}{
		{4 * time.Hour, 10, "dcba", true},
		{4 * time.Hour, 4, "dcba", true},
		{4 * time.Hour, 3, "dcb", false},
		{90 * time.Minute, 10, "dc", true},
		{90 * time.Minute, 2, "dc", true},
		{90 * time.Minute, 1, "d", false},
	} {
		got := ""
		whole, err := db.Recent(t.Context(), now.Add(-tc.since), tc.limit, func(a outbox.Alert) { got += string(a.Raw) })
		if err != nil || got != tc.want || whole != tc.whole {
			t.Errorf("since %s, at most %d: got %q, whole %v, %v; want %q, %v", tc.since, tc.limit, got, whole, err, tc.want, tc.whole)
		}
	}
}
