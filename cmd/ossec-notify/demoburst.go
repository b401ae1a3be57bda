package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/enrich"
	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/page/inbox"
	"github.com/ossec-notify/ossec-notify/sample"
	"github.com/ossec-notify/ossec-notify/sandbox"
	"github.com/ossec-notify/ossec-notify/site"
)

// burstAlerts is how many alerts the demo lets come at once, of burstHosts attackers.
const (
	burstSample = "5712"
	burstAlerts = 50
	burstHosts  = 5
)

// burst lets many alerts come at once, through an outbox as in earnest, and shows what is made of them.
func (d *demo) burst(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "ossec-notify-demo-")
	if err != nil {
		return failed("%w", err)
	}
	defer os.RemoveAll(dir)
	box, _, err := outbox.Open(ctx, outbox.Path(dir), outbox.Options{Owner: true, DeliveryID: dispatch.DeliveryID})
	if err != nil {
		return failed("%w", err)
	}
	alerts, err := burstOf(burstSample)
	if err != nil {
		return errors.Join(failed("%w", err), box.Close())
	}
	before := len(d.stand.Messages())
	started := time.Now()
	source := &burstSource{ready: make(chan struct{})}
	for _, a := range alerts {
		a = d.cfg.Enrich.Enrich(a)
		h := site.Header{Received: a.Received, Added: enrich.Encode(a.Added)}
		source.arrivals = append(source.arrivals, dispatch.Arrival{Alert: a, Header: h.Encode(), Deliveries: d.d.Plan(a)})
	}
	working, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	deliverer := &dispatch.Deliverer{Box: box, Site: site.Of(d.cfg, d.d, discard), Log: discard, Sources: []dispatch.Source{source}}
	go func() { done <- deliverer.Run(working) }()
	told, err := untilTold(ctx, box)
	took := time.Since(started)
	stop()
	if err := errors.Join(err, <-done, box.Close()); err != nil {
		return failed("the burst: %w", err)
	}
	d.tellBurst(told, d.stand.Messages()[before:], took)
	return nil
}

// burstOf are alerts that differ in their id and address.
func burstOf(name string) ([]*alert.Alert, error) {
	raw, file, err := sample.Raw(name)
	if err != nil {
		return nil, err
	}
	of := alert.Parse(raw, alert.Options{FileName: file, Location: time.UTC})
	var out []*alert.Alert
	for i := range burstAlerts {
		each := bytes.ReplaceAll(raw, []byte(of.ID), []byte(of.ID+strconv.Itoa(100+i)))
		each = bytes.ReplaceAll(each, []byte("203.0.113.9"), fmt.Appendf(nil, "203.0.113.%d", 9+i%burstHosts))
		out = append(out, alert.Parse(each, alert.Options{FileName: file, Location: time.UTC, Received: time.Now()}))
	}
	return out, nil
}

// burstSource gives all that it has at once.
type burstSource struct {
	arrivals []dispatch.Arrival
	ready    chan struct{}
}

// Ready is never signalled: there is nothing more.
func (s *burstSource) Ready() <-chan struct{} { return s.ready }

// Take gives all.
func (s *burstSource) Take(context.Context, int) ([]dispatch.Arrival, map[string]string, func() error, error) {
	all := s.arrivals
	s.arrivals = nil
	return all, nil, nil, nil
}

// untilTold waits until nothing of the burst is open any more, and says how many deliveries each receiver has in each state.
func untilTold(ctx context.Context, box *outbox.DB) (map[string]outbox.Queue, error) {
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for {
		queues, err := box.Queues(ctx)
		if err != nil {
			return nil, err
		}
		open, total := 0, 0
		byName := map[string]outbox.Queue{}
		for _, q := range queues {
			byName[q.Receiver] = q
			open += q.Open()
			total += q.Counts[outbox.Delivered]
		}
		if open == 0 && total > 0 {
			return byName, nil
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-look.C:
		}
	}
}

// tellBurst tells how few messages people got, and that nothing was lost.
func (d *demo) tellBurst(told map[string]outbox.Queue, arrived []sandbox.Message, took time.Duration) {
	fmt.Fprintf(d.w, "%s\n", bold.Render(fmt.Sprintf("A burst: SSH brute force on web-01, %d times at once, from %d addresses", burstAlerts, burstHosts)))
	fmt.Fprintf(d.w, "  route logins: group_by [rule, agent]: one message for all that come within its group_wait\n")
	events := 0
	for _, m := range arrived {
		if m.Service == sandbox.Splunk {
			events++
			continue
		}
		fmt.Fprintf(d.w, "  → %-10s %-10s %d  %s\n", "soc", m.Service, m.Status, safe(inbox.Gist(m)))
	}
	fmt.Fprintf(d.w, "  → %-10s %-10s      %d times: who stands under \"always\" hears of each\n", "siem", sandbox.Splunk, told["siem"].Counts[outbox.Delivered])
	fmt.Fprintf(d.w, "  %s\n", faint.Render(fmt.Sprintf("%d alerts, %s to people, after %s; the outbox has each, told in that message",
		told["soc"].Counts[outbox.Suppressed], display.Count(len(arrived)-events, "message"), took.Round(10*time.Millisecond))))
	fmt.Fprintln(d.w)
}
