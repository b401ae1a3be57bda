package noise

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/ossec-notify/ossec-notify/digest"
	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/rules"
)

// Open is a bundle that has not been told yet, for people who look.
type Open struct {
	// ID is what its deliveries name it by, and the identity of the message about it.
	ID   string
	Kind digest.Kind
	// Route is the one whose setting it is, or "". Why and By are as in [digest.Summary].
	Route, Why, By string
	Opened         time.Time
	// Due is when it is told, as far as that is known now; zero when nobody knows.
	Due time.Time
}

// OpenBundles lists the bundles that have not been told yet.
func OpenBundles(ctx context.Context, db *outbox.DB) ([]Open, error) {
	kept, err := db.StatesUnder(ctx, bundleKey)
	if err != nil {
		return nil, err
	}
	out := make([]Open, 0, len(kept))
	for _, k := range kept {
		var b bundle
		if err := json.Unmarshal([]byte(k.Value), &b); err != nil {
			return nil, fmt.Errorf("state %s: %w", k.Key, err)
		}
		due, err := dueOf(ctx, db, &b, k.Due)
		if err != nil {
			return nil, err
		}
		out = append(out, Open{b.ID, b.Kind, b.Route, b.Why, b.By, b.Opened, due})
	}
	return out, nil
}

// dueOf is when a bundle is told whose own time is due: two kinds are told by another one.
func dueOf(ctx context.Context, db *outbox.DB, b *bundle, due time.Time) (time.Time, error) {
	key := map[digest.Kind]string{digest.Inhibit: freshKey, digest.Storm: stormKey}[b.Kind] + b.Key
	if key == b.Key {
		return due, nil
	}
	kept, err := db.StatesUnder(ctx, key)
	if err != nil {
		return due, err
	}
	for _, k := range kept {
		if k.Key != key {
			continue
		}
		var f fresh
		var s storm
		switch {
		case b.Kind == digest.Inhibit && json.Unmarshal([]byte(k.Value), &f) == nil:
			due = later(due, f.Until)
		case b.Kind == digest.Storm && json.Unmarshal([]byte(k.Value), &s) == nil:
			due = s.Told.Add(stormDigestEvery)
		}
	}
	return due, nil
}

// Braked is a receiver that the storm brake holds.
type Braked struct {
	Receiver string
	Since    time.Time
	// Level is the severity up to which its alerts come as digests, Alerts how many have come so in Digests of them.
	Level, Digests, Alerts int
}

// BrakedNow lists the receivers that are braked, by name.
func BrakedNow(ctx context.Context, db *outbox.DB) ([]Braked, error) {
	kept, err := db.StatesUnder(ctx, stormKey)
	if err != nil {
		return nil, err
	}
	var out []Braked
	for _, k := range kept {
		var s storm
		if err := json.Unmarshal([]byte(k.Value), &s); err != nil {
			return nil, fmt.Errorf("state %s: %w", k.Key, err)
		}
		out = append(out, Braked{s.Receiver, s.Since, s.Level, s.Digests, s.Alerts})
	}
	return out, nil
}

// Causes for which an alert is not told by itself and at once. The others, those of bundles, have the words of package digest.
const (
	CauseRepeat  = "repeat"
	CauseResolve = "resolve"
)

// Cause is why an alert was not told by itself and at once, of the reason of its delivery as it was entered; "" for reasons
// of another kind.
func Cause(reason string) string {
	for _, c := range []struct{ begins, cause string }{
		{repeatOf, CauseRepeat}, {silencedBy, string(digest.Silence)}, {"inhibited by ", string(digest.Inhibit)},
		{"window: ", string(digest.Window)}, {insteadOf + "window: ", string(digest.Window)}, {"digest: ", string(digest.Scheduled)}, {"group (", string(digest.Group)},
		{"throttle ", string(digest.Throttle)}, {"storm brake: ", string(digest.Storm)}, {resolves, CauseResolve},
	} {
		if strings.HasPrefix(reason, c.begins) {
			return c.cause
		}
	}
	return ""
}

// FirstCause is the cause for which a delivery was kept back first, of its notes; "" where it never was. What keeps one back in
// the end may be another: a message that is above a throttle by then waits on for that.
func FirstCause(notes string) string {
	for note := range strings.Lines(notes) {
		note = strings.TrimSuffix(note, "\n")
		switch cause := Cause(note); {
		case cause == "":
		case cause == string(digest.Window) && !strings.Contains(note, ", held until ") && !strings.HasPrefix(note, insteadOf): // it was open
		case cause == string(digest.Throttle) && strings.HasSuffix(note, " left"): // it was not above the rate
		default:
			return cause
		}
	}
	return ""
}

// ToldAlone reports, of its notes, a delivery that was kept back and is told by itself after all, for nothing else came.
func ToldAlone(notes string) bool { return strings.Contains(notes, aloneAfterAll) }

// Shut reports whether a policy's windows let nothing out any more.
func Shut(p *rules.Policy, at time.Time) bool {
	if p == nil || len(p.Active)+len(p.Mute) == 0 {
		return false
	}
	open, _ := openNow(p, at)
	opens, _ := opensAt(p, at)
	return !open && opens.IsZero()
}
