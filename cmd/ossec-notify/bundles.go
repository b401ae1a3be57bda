package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/digest"
	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/noise"
	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/templates"
)

// kindWords says what a delivery is that is not the alert's first message; "" for one that is.
func kindWords(kind string) string {
	for _, k := range []struct{ begins, words string }{
		{outbox.StepKind, "step "}, {"again", "reminder "},
	} {
		if n, ok := strings.CutPrefix(kind, k.begins); ok {
			return k.words + n
		}
	}
	if ran, ok := strings.CutPrefix(kind, dispatch.ReportKind); ok {
		return reportWords(ran)
	}
	switch {
	case kind == "resolve":
		return "resolved"
	case kind == "acknowledge":
		return "acknowledgement"
	case kind == "quiet":
		return "end of the repeats"
	case strings.HasPrefix(kind, "seen"):
		return "count of repeats"
	}
	return kind
}

// reportWords says which program's end a report tells: of "block 2, resolve" the second attempt at what block is run for when all is
// over.
func reportWords(ran string) string {
	ran, about, _ := strings.Cut(ran, ", ")
	receiver, attempt, _ := strings.Cut(ran, " ")
	words := "report of " + receiver
	if attempt != "" && attempt != "1" {
		words += ", attempt " + attempt
	}
	if about != "" {
		words += ", " + kindWords(about)
	}
	return words
}

// bundles are those that are not told yet, by their ID.
type bundles map[string]noise.Open

func openBundles(ctx context.Context, db *outbox.DB) (bundles, error) {
	found, err := noise.OpenBundles(ctx, db)
	if err != nil {
		return nil, failed("%w", err)
	}
	out := bundles{}
	for _, b := range found {
		out[b.ID] = b
	}
	return out, nil
}

// toldAt is when a held delivery is told, as far as that is known; zero when nobody knows.
func (b bundles) toldAt(x outbox.Delivery) time.Time {
	if x.Bundle != "" {
		return b[x.Bundle].Due
	}
	return x.Due
}

// bundleWords says what a bundle is.
func bundleWords(b noise.Open) string {
	what := map[digest.Kind]string{
		digest.Group: "a group", digest.Scheduled: "a digest", digest.Window: "what waits for a window", digest.Throttle: "what is above the rate",
		digest.Storm: "what the storm brake holds", digest.Inhibit: "what is inhibited", digest.Silence: "what is silenced",
	}[b.Kind]
	if b.Route != "" {
		what += " of route " + b.Route
	}
	return what
}

// clockOf is a time for people: with its day only where that is not today.
func clockOf(at, now time.Time) string {
	at, now = at.Local(), now.Local()
	if at.YearDay() == now.YearDay() && at.Year() == now.Year() {
		return at.Format("15:04:05")
	}
	return at.Format("2006-01-02 15:04:05")
}

// summaryOf reads what a message about many alerts says; nil for any other.
func summaryOf(ctx context.Context, db *outbox.DB, x outbox.Delivery) (*digest.Summary, error) {
	if !noise.IsMessage(x.Alert.Identity) {
		return nil, nil
	}
	kept := x.Alert
	if kept.Raw == nil {
		var err error
		if kept, err = db.Alert(ctx, x.Alert.Identity, x.Alert.Occurrence); err != nil {
			return nil, err
		}
	}
	s := new(digest.Summary)
	if err := json.Unmarshal(kept.Raw, s); err != nil {
		return nil, fmt.Errorf("the message %s: %w", kept.Identity, err)
	}
	s.Receiver = x.Receiver
	return s, nil
}

// writeSummary prints the message about many alerts: its sentence, and a row for each kind.
func writeSummary(w io.Writer, s *digest.Summary) {
	d := templates.NewData(nil, alert.DefaultScale, templates.Context{Receiver: s.Receiver, Summary: s})
	fmt.Fprintf(w, "  %s\n", d.Sentence.Line())
	for _, f := range d.Facts {
		fmt.Fprintf(w, "    %-9s  %s\n", f.Label.Line(), display.ReplaceLineEnds(f.Value, "\n               "))
	}
	var some []string
	for _, x := range s.Samples {
		some = append(some, display.Quote(x.Identity).Line().String())
	}
	if len(some) > 0 {
		fmt.Fprintf(w, "    such as    %s\n", strings.Join(some, ", "))
	}
}
