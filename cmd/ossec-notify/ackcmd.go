package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/noise"
	"github.com/ossec-notify/ossec-notify/outbox"
)

func ackCommand(e *env) *cobra.Command {
	var by string
	cmd := &cobra.Command{
		Use:   "ack ID...",
		Short: "say that you take an alert: nobody further is told",
		Long: `Says that you take an alert. What was to be told if nobody answers (escalate) is not told any more, and everybody who was
told gets to know who has it. The first who says so counts. ID is the alert's, as messages show it, or a delivery's.`,
		Example: "  ossec-notify ack 1795440502.8\n  ossec-notify ack 1795440502.8 --by NAME",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return fmt.Errorf("name an alert: its id stands in the last line of each message")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			db, err := e.box(cmd.Context())
			if err != nil {
				return err
			}
			defer db.Close()
			for _, id := range args {
				if err := e.ack(cmd.Context(), db, id, cmp.Or(by, whoRuns())); err != nil {
					return err
				}
			}
			return e.startDeliverer()
		},
	}
	cmd.Flags().StringVar(&by, "by", "", "who takes it (default: who runs this)")
	return cmd
}

func (e *env) ack(ctx context.Context, db *outbox.DB, id, by string) error {
	ref, err := ackable(ctx, db, id)
	if err != nil {
		return err
	}
	deliveries, err := db.Find(ctx, outbox.Filter{Identity: ref.Identity, Occurrence: ref.Occurrence})
	if err != nil {
		return failed("%w", err)
	}
	ack, first, err := db.Acknowledge(ctx, outbox.Ack{Identity: ref.Identity, Occurrence: ref.Occurrence, By: by, Via: "command line", At: time.Now()})
	if err != nil {
		return failed("%w", err)
	}
	if !first {
		fmt.Fprintf(e.stdout, "%s: taken by %s at %s (%s) already.\n", display.Quote(id).Line(), display.Quote(ack.By).Line(),
			ack.At.Local().Format("2006-01-02 15:04"), ack.Via)
		return nil
	}
	var told, spared []string
	cfg := e.loaded()
	for _, d := range deliveries {
		switch {
		case !hasReceiver(cfg, d.Receiver): // nobody can tell it anything
		case strings.HasPrefix(d.Kind, outbox.StepKind) && (d.State == outbox.Held || d.State == outbox.Pending):
			spared = append(spared, d.Receiver)
		case d.State == outbox.Delivered && (d.Kind == "" || strings.HasPrefix(d.Kind, outbox.StepKind)):
			told = append(told, d.Receiver)
		}
	}
	fmt.Fprintf(e.stdout, "%s is taken by %s.\n", display.Quote(id).Line(), display.Quote(by).Line())
	if len(spared) > 0 {
		fmt.Fprintf(e.stdout, "  Not told any more: %s.\n", strings.Join(spared, ", "))
	}
	if len(told) > 0 {
		fmt.Fprintf(e.stdout, "  Will be told that you have it: %s.\n", strings.Join(told, ", "))
	}
	return nil
}

// ackable finds what a person means by an id: an alert, with or without the manager's name, a delivery; and where the alert
// was told with others, the message about them.
func ackable(ctx context.Context, db *outbox.DB, id string) (noise.Ref, error) {
	ref := noise.Ref{Identity: id}
	kept, err := db.Alert(ctx, id, 0)
	if errors.Is(err, outbox.ErrNotFound) {
		if whole, wholeErr := db.Qualified(ctx, id); wholeErr == nil {
			kept, err = db.Alert(ctx, whole, 0)
		}
	}
	if errors.Is(err, outbox.ErrNotFound) {
		found, findErr := db.Find(ctx, outbox.Filter{IDs: []string{strings.ToUpper(id)}})
		if findErr != nil {
			return ref, failed("%w", findErr)
		}
		if len(found) == 0 {
			return ref, failed("the outbox holds no alert %s: its id stands in the last line of each message", display.Quote(id).Line())
		}
		kept, err = found[0].Alert, nil
	}
	if err != nil {
		return ref, failed("%w", err)
	}
	ref.Identity, ref.Occurrence = kept.Identity, kept.Occurrence
	deliveries, err := db.Find(ctx, outbox.Filter{Identity: ref.Identity, Occurrence: ref.Occurrence})
	if err != nil {
		return ref, failed("%w", err)
	}
	for _, d := range deliveries {
		if in := noise.ToldIn(d.Reason); d.State == outbox.Suppressed && in != "" {
			return noise.Ref{Identity: in, Occurrence: 1}, nil
		}
		if of := noise.RepeatOf(d.Reason); d.State == outbox.Suppressed && of != "" {
			if kept, err := db.Alert(ctx, of, 0); err == nil {
				return noise.Ref{Identity: kept.Identity, Occurrence: kept.Occurrence}, nil
			}
		}
	}
	return ref, nil
}
