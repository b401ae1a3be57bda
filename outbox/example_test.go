package outbox_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/ossec-notify/ossec-notify/outbox"
)

// What a deliverer does, without its errors and its loops.
func Example() {
	ctx := context.Background()
	dir, _ := os.MkdirTemp("", "")
	defer os.RemoveAll(dir)
	db, _, err := outbox.Open(ctx, filepath.Join(dir, "outbox.db"), outbox.Options{
		Owner:      true, // it holds the lock
		DeliveryID: func(identity, receiver string, n int) string { return fmt.Sprintf("%s-%s-%d", identity, receiver, n) },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()

	arrived := time.Date(2026, 11, 23, 13, 28, 22, 0, time.UTC)
	_, _ = db.Accept(ctx, []outbox.Arrival{{
		Identity: "manager/1795440502.1", Arrived: arrived, Raw: []byte(`{"rule":{"level":10}}`),
		Deliveries: []outbox.NewDelivery{{Receiver: "oncall", Channel: "pagerduty", Severity: 3}},
	}}, nil)
	// Now the spool record may go.

	taken, _ := db.Next(ctx, "oncall", arrived.Add(time.Second), 1)
	for _, d := range taken {
		fmt.Printf("post %s for %s\n", d.Alert.Raw, d.Receiver)
		_ = db.Finish(ctx, arrived.Add(2*time.Second), []outbox.Result{{
			Seq: d.Seq, State: outbox.Dead, Reason: "status 401",
			Attempt:  &outbox.Attempt{Started: arrived.Add(time.Second), Duration: time.Second, Status: 401, Error: "status 401"},
			Fallback: []outbox.NewDelivery{{Receiver: "root-mail", Channel: "email", Severity: 3}},
		}})
	}

	found, _ := db.Find(ctx, outbox.Filter{Identity: "manager/1795440502.1"})
	for _, d := range found {
		fmt.Printf("%s is %s: %q\n", d.Receiver, d.State, d.Reason)
	}
	// Output:
	// post {"rule":{"level":10}} for oncall
	// root-mail is pending: ""
	// oncall is dead: "status 401"
}
