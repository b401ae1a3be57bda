package dispatch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/outbox"
)

// attempt is one try at one delivery. The failure is nil when there was none, or when it says nothing about the
// receiver.
func (l *lane) attempt(ctx, grace context.Context, r *Receiver, known health, x outbox.Delivery) (outbox.Result, *notifier.Error) {
	result := outbox.Result{Seq: x.Seq}
	if alias := l.alias(); r == nil && alias != nil {
		return l.expand(alias, x, time.Now()), nil
	}
	if r == nil && !l.d.Site.Gone(l.name) { // the config was changed since the delivery was taken
		return putBack(x), nil
	}
	if r == nil {
		result.State, result.Reason = outbox.Dead, errNoReceiver.Error()
		l.d.givenUp(l.d.Log.With("delivery", x.ID, "alert", x.Alert.Identity, "rule", x.Alert.Rule, "receiver", l.name), slog.LevelError, isDead, l.name, result.Reason, "err", errNoReceiver)
		return result, nil
	}
	why := known.whyUntried(r, x)
	if instead := l.d.fallbacks(x, why); len(instead) > 0 {
		result.State, result.Reason, result.Fallback = outbox.Suppressed, fallbackReason(instead, known.failure), instead
		l.d.givenUp(l.d.Log.With("delivery", x.ID, "alert", x.Alert.Identity, "rule", x.Alert.Rule, "receiver", l.name), slog.LevelWarn, "fallback takes over, the receiver is down", l.name, names(instead), "to", names(instead))
		return result, nil
	}
	if why != "" && l.d.hasFallback(r) { // the lane goes on for what a fallback takes; this waits as if there were none
		result = putBack(x)
		result.Due = known.tryAt
		return result, nil
	}
	if err := l.pace(ctx); err != nil {
		return putBack(x), nil
	}
	start := time.Now()
	receipt, sent, err := l.send(grace, r, x)
	if errors.Is(err, errUnread) { // not the receiver's fault; the next turn meets it, too, and says it
		return putBack(x), nil
	}
	result.Attempt = &outbox.Attempt{Started: start, Duration: time.Since(start), Status: receipt.Status, Answer: answer(receipt), Request: sent}
	if err == nil {
		result.State, result.Receipt = outbox.Delivered, keeps(r, x, receipt)
		result.Also = l.d.reports(r, x, result, receipt.Ran)
		level := slog.LevelDebug
		if x.Attempts > 0 {
			level = slog.LevelInfo
		}
		if l.d.Log.Enabled(ctx, level) {
			l.log(x, r).Log(ctx, level, "delivered", "attempt", x.Attempts+1, "duration", result.Attempt.Duration.Round(time.Millisecond))
		}
		if receipt.Warning != "" {
			l.log(x, r).Warn("delivered, but", "warning", receipt.Warning)
		}
		return result, nil
	}
	log := l.log(x, r).With("attempt", x.Attempts+1, "duration", result.Attempt.Duration.Round(time.Millisecond))
	failure := notifier.Classify(err)
	result.Reason = failure.Error()
	result.Attempt.Status, result.Attempt.Error, result.Attempt.Ambiguous = failure.Status, failure.Error(), failure.Ambiguous
	why = known.why(r, failure)
	alone := time.Time{} // since when this message fails alone
	if failure.Alone && failure.Reason == notifier.Temporary {
		alone = l.d.failsSince(ctx, r, x, start)
		why = failedFor(alone, r, failure)
	}
	switch instead := l.d.fallbacks(x, why); {
	case len(instead) > 0:
		result.State, result.Reason, result.Fallback = outbox.Suppressed, fallbackReason(instead, failure), instead
		l.d.givenUp(log, slog.LevelError, "fallback takes over", l.name, result.Reason, "to", names(instead), "err", failure)
	case failure.Reason == notifier.Temporary:
		result.State = outbox.Pending
		if failure.Alone {
			result.Due = l.d.aloneUntil(r, alone, x.Attempts+1, failure, time.Now())
		}
		if failure.Alone && x.Reason != result.Reason { // others may fail alike: see tellFailed
			l.d.givenUp(log, slog.LevelWarn, "attempt failed, trying again", l.name, result.Reason, "err", failure)
		}
	default:
		result.State = outbox.Dead
		l.d.givenUp(log, slog.LevelError, isDead, l.name, result.Reason, "err", failure)
	}
	result.Also = l.d.reports(r, x, result, receipt.Ran)
	if result.State == outbox.Pending && failure.Alone {
		return result, nil
	}
	return result, failure
}

// tellFailed logs why attempts of a batch failed, where the receiver is why: it fails all that are under way at once, so those that came
// to the same are one line, of the first of them. A failure is told once, until it changes.
func (l *lane) tellFailed(r *Receiver, batch []outbox.Delivery, results []outbox.Result, failures []*notifier.Error) {
	alike := map[string]int{}
	var first []int
	for i, failure := range failures {
		if failure == nil || results[i].State != outbox.Pending || batch[i].Reason == results[i].Reason {
			continue
		}
		if alike[results[i].Reason]++; alike[results[i].Reason] == 1 {
			first = append(first, i)
		}
	}
	for _, i := range first {
		log := l.log(batch[i], r).With("attempt", batch[i].Attempts+1, "duration", results[i].Attempt.Duration.Round(time.Millisecond))
		if n := alike[results[i].Reason]; n > 1 {
			log = log.With("deliveries", n)
		}
		log.Warn("attempt failed, trying again", "err", failures[i])
	}
}

// isDead is what the log says of a dead letter.
const isDead = "delivery is dead"

// answer is what an attempt keeps of what came back: the service's name for the message, or what a program printed.
func answer(receipt notifier.Receipt) string {
	if ran := receipt.Ran; ran != nil {
		return strings.TrimSpace(ran.Output)
	}
	return receipt.ID
}

// fallbackReason says of a delivery that is suppressed who is told instead, and why.
func fallbackReason(instead []outbox.NewDelivery, failure error) string {
	return fallbackTo + names(instead) + ": " + failure.Error()
}

const fallbackTo = "fallback to "

// FellBack takes the reason of a suppressed delivery apart: who was told in its receiver's stead, and why. ok is false of any other.
func FellBack(reason string) (to, why string, ok bool) {
	rest, ok := strings.CutPrefix(reason, fallbackTo)
	to, why, _ = strings.Cut(rest, ": ")
	return to, why, ok
}

// names are the receivers of deliveries.
func names(deliveries []outbox.NewDelivery) string {
	var out []string
	for _, x := range deliveries {
		out = append(out, x.Receiver)
	}
	return strings.Join(out, ", ")
}

// errUnread: the outbox could not be read.
var errUnread = errors.New("the alert cannot be read")

func (l *lane) log(x outbox.Delivery, r *Receiver) *slog.Logger {
	return l.d.Log.With("delivery", x.ID, "alert", x.Alert.Identity, "rule", x.Alert.Rule, "receiver", l.name, "channel", r.Channel)
}

// send renders a delivery and sends it, unless the vendor says that an earlier attempt arrived. sent is what was sent,
// for people.
func (l *lane) send(ctx context.Context, r *Receiver, x outbox.Delivery) (receipt notifier.Receipt, sent string, err error) {
	delivery, err := l.delivery(ctx, r, x)
	if err != nil {
		return receipt, "", fmt.Errorf("%w: %w", errUnread, err)
	}
	d := l.d.Site.Dispatcher()
	var earlier search
	if x.Ambiguous {
		earlier = d.search(ctx, r, delivery.unrendered(), x.Alert.Arrived, x.Attempts)
	}
	if earlier.settled {
		if earlier.err == nil {
			l.log(x, r).Info("an earlier attempt had arrived, nothing is sent again")
		}
		return earlier.receipt, "", earlier.err
	}
	if why := earlier.why; why != nil && l.said.Swap(why.Error()) != why.Error() {
		l.log(x, r).Warn("cannot look for an earlier copy, so a second one may come", "err", why)
	}
	delivery.PossibleRepeat = earlier.repeat
	if late := time.Since(x.Queued); late > lateAfter && delivery.Instead == "" {
		delivery.Late = late.Round(time.Minute)
		delivery.LateWhy = x.Reason
	}
	n, ackURL, err := d.rendered(delivery)
	if err != nil {
		l.log(x, r).Warn("template failed, sending the default form", "err", err)
	}
	receipt, err = d.attempt(ctx, r, n)
	return receipt, withoutPermission(sentParts(n), ackURL), err
}

// splitFallback takes a fallback's route apart: no route, and whose place it takes.
func splitFallback(route string) (name, instead string) {
	if why, ok := strings.CutPrefix(route, fallbackPrefix); ok {
		receiver, what, _ := strings.Cut(why, ": ")
		return "", receiver + " " + what
	}
	return route, ""
}

// withoutPermission is text without what makes a link permit its reader to take the alert: who may look at what was sent is
// not who was asked. That is what stands behind the last slash, however a template has written the rest.
func withoutPermission(text, ackURL string) string {
	token := ackURL[strings.LastIndexByte(ackURL, '/')+1:]
	if token == "" {
		return text
	}
	return strings.ReplaceAll(text, token, notifier.Redacted)
}

// unmarked is JSON of a template without what it holds for the channel alone: characters that are for use within a program.
func unmarked(j string) string {
	return strings.Map(func(r rune) rune {
		if r >= 0xfdd0 && r <= 0xfdef {
			return -1
		}
		return r
	}, j)
}

// inString is a quotation in a string of JSON that a preset made.
func inString(s string) string {
	j, _ := json.Marshal(s) // a text can be written
	return string(j[1 : len(j)-1])
}

// sentParts is what was sent, as the template made it, as a JSON object: it holds no secret but a link to take the alert by,
// for a template can see no other. What is JSON itself stands in it as it is.
func sentParts(n notifier.Notification) string {
	size := 0
	for name, text := range n.Parts {
		size += len(name) + text.Size() + 8
	}
	var b strings.Builder
	b.Grow(size)
	for i, name := range slices.Sorted(maps.Keys(n.Parts)) {
		b.WriteByte("{,"[min(i, 1)])
		b.WriteString(strconv.Quote(name))
		b.WriteByte(':')
		text := n.Parts[name]
		if strings.HasSuffix(name, ".json") {
			j := text.Raw()
			if text.HasQuote() {
				j = text.Render(unmarked, inString)
			}
			b.WriteString(j)
			continue
		}
		quoted, err := json.Marshal(text.String())
		if err != nil {
			continue // a text can be written
		}
		b.Write(quoted)
	}
	if b.Len() == 0 {
		return ""
	}
	b.WriteByte('}')
	return b.String()
}
