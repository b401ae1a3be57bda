package loki

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/ossec-notify/ossec-notify/notifier"
)

// overFor is how long a stream that Loki would not begin is not asked for again.
const overFor = 10 * time.Minute

// spared is a line in the stream of the receiver's own labels, and with those that its alert makes as metadata: Loki has a limit of streams,
// and an alert that made one too many is better there than nowhere. Nor does it keep up the others: of those whose streams there
// are already, none is refused.
func (e entry) spared() entry {
	metadata := maps.Clone(e.metadata)
	if metadata == nil {
		metadata = map[string]string{}
	}
	for name, value := range e.labels {
		if _, has := metadata[name]; !has && e.spare[name] != value {
			metadata[name] = value
		}
	}
	e.labels, e.metadata = e.spare, metadata
	return e
}

// isSpared reports whether there is nothing left to leave out of the labels.
func (e entry) isSpared() bool { return maps.Equal(e.labels, e.spare) }

// place puts a line into another stream where its own is known to be one too many.
func (l *Notifier) place(e entry) entry {
	if since := l.over.of(e.stream()); !since.IsZero() && time.Since(since) < overFor {
		return e.spared()
	}
	return e
}

// pushStreams pushes entries of a request in which some stream was one too many, stream by stream. Loki does not say for
// certain which it was, and has stored the others, which it ignores now.
func (l *Notifier) pushStreams(ctx context.Context, r *request, entries []entry, results []notifier.Result, refused error) {
	of := map[string][]int{}
	var names []string // in their order
	for i, e := range entries {
		name := e.stream()
		if of[name] == nil {
			names = append(names, name)
		}
		of[name] = append(of[name], i)
	}
	if len(names) > 1 {
		for _, name := range names {
			l.pushSome(ctx, r, entries, of[name], results, func(e entry) entry { return e })
		}
		return
	}
	if slices.ContainsFunc(entries, entry.isSpared) { // not even that one
		for i := range results {
			results[i].Err = refused
		}
		return
	}
	l.over.note(names[0], time.Now())
	l.pushSome(ctx, r, entries, of[names[0]], results, entry.spared)
	if results[0].Err == nil && l.toldOver.CompareAndSwap(false, true) {
		results[0].Receipt.Warn("Loki has too many streams (max_global_streams_per_user); what would begin a new one goes without the labels that alerts make, which are metadata there")
	}
}
