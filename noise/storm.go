package noise

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/digest"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/rules"
)

// storm is a receiver that has more waiting than it takes.
type storm struct {
	Receiver string    `json:"receiver"`
	Channel  string    `json:"channel"`
	Since    time.Time `json:"since"`
	// Level is the severity up to which is held.
	Level int `json:"level"`
	// Digests and Alerts are how many were told so far, and of how many.
	Digests int `json:"digests"`
	Alerts  int `json:"alerts"`
	// Looked is when was looked last, and Held how many were in the bundle then; Told when the last digest was.
	Looked time.Time `json:"looked"`
	Held   int       `json:"held"`
	Told   time.Time `json:"told"`
}

// stormDigestEvery is how often is told of what a storm brake holds, stormLookEvery how often is looked whether it is over.
const (
	stormDigestEvery = 5 * time.Minute
	stormLookEvery   = time.Minute
)

func stormBundle(receiver string) bundle {
	return bundle{Kind: digest.Storm, Key: receiver, Why: receiver}
}

func stormKeyOf(receiver string) string {
	b := stormBundle(receiver)
	return b.stateKey()
}

// Brake looks at a receiver's queue, in which so many wait, and brakes it if it must.
func (c *Control) Brake(ctx context.Context, db *outbox.DB, receiver string, waiting int, now time.Time) error {
	r := c.Receiver(receiver)
	if r == nil || !r.brakes() || byArgv(receiver) || r.takesFor(waiting) <= r.calm() {
		return nil
	}
	if r.takesFor(waiting) <= r.StormAfter {
		kept, err := db.StatesUnder(ctx, stormKey+receiver)
		if err != nil || !slices.ContainsFunc(kept, func(k outbox.Kept) bool { return k.Key == stormKey+receiver }) {
			return err
		}
	}
	return db.Update(ctx, "brake a receiver", func(tx *outbox.Tx) error {
		s, on, err := get[storm](tx, stormKey+receiver)
		if err != nil {
			return err
		}
		if on && s.Level >= int(alert.Medium) {
			return nil // all that may be held is
		}
		before := s.Level
		if !on {
			s = storm{Receiver: receiver, Channel: r.Channel, Since: now, Looked: now, Told: now, Level: int(alert.Info)}
		}
		b, open, err := get[bundle](tx, stormKeyOf(receiver))
		if err != nil {
			return err
		}
		if !open {
			b = stormBundle(receiver)
			b.Opened, b.ID = now, messageID(b.Kind, b.Key, now.UnixNano(), "")
		}
		untold, err := tx.Waiting(receiver)
		if err != nil {
			return err
		}
		if open {
			_, in, err := tx.Members(b.ID)
			if err != nil {
				return err
			}
			untold += in[receiver]
		}
		held := 0
		for level := alert.Low; level <= alert.Medium; level++ {
			n, err := tx.Brake(receiver, int(lowest(level)), int(level), outbox.Spared{Route: rules.Always, Identities: messageGlob}, b.ID,
				fmt.Sprintf("storm brake: %s has more waiting than it takes, comes as a digest", receiver), now)
			if err != nil {
				return err
			}
			held += n
			s.Level = int(level)
			left, err := tx.Waiting(receiver)
			if err != nil {
				return err
			}
			if r.takesFor(left) <= r.calm() {
				break
			}
		}
		if held == 0 && on && s.Level == before {
			return nil
		}
		if err := set(tx, b.stateKey(), b, time.Time{}); err != nil { // it is told when the storm is looked at
			return err
		}
		if err := set(tx, stormKey+receiver, s, now.Add(stormLookEvery)); err != nil {
			return err
		}
		if on && s.Level == before { // it was said
			return nil
		}
		c.Log.Warn("storm brake: low severities come as digests", "receiver", receiver, "up to", alert.Severity(s.Level), "waiting", untold, "held", held)
		return c.notice(tx, &s, digest.StormBegins, untold, now)
	})
}

// Storms reports whether so many messages that wait for a receiver begin a storm.
func (c *Control) Storms(receiver string, waiting int) bool {
	r := c.Receiver(receiver)
	return r != nil && r.brakes() && !byArgv(receiver) && r.takesFor(waiting) > r.StormAfter
}

// takesFor is how long a receiver takes for so many messages.
func (r *Receiver) takesFor(messages int) time.Duration {
	return time.Duration(float64(messages) / r.Rate * float64(time.Second))
}

// calm is how long a queue may take in a storm: what is held is enough then. It is less than what begins one, or a braked
// receiver would go on to be told as much as it can take.
func (r *Receiver) calm() time.Duration { return r.StormAfter / 10 }

// stormDue tells of what is held, and looks whether the storm is over.
func (c *Control) stormDue(ctx context.Context, db *outbox.DB, k outbox.Kept, now time.Time) error {
	var s storm
	if err := json.Unmarshal([]byte(k.Value), &s); err != nil {
		c.Log.Error("state cannot be read and is forgotten", "key", k.Key, "err", err)
		return db.Update(ctx, "forget a storm", func(tx *outbox.Tx) error { return errors.Join(tx.DropState(k.Key), lost(tx)) })
	}
	b, held, waiting, err := c.stormNow(ctx, db, s.Receiver)
	if err != nil {
		return err
	}
	r := c.Receiver(s.Receiver)
	came := held - s.Held // since the last look
	over := r == nil || waiting == 0 && float64(came) <= r.Rate*now.Sub(s.Looked).Seconds()
	s.Looked, s.Held = now, held
	if !over && now.Sub(s.Told) < stormDigestEvery {
		return db.Update(ctx, "look at a storm", func(tx *outbox.Tx) error {
			return set(tx, k.Key, s, now.Add(stormLookEvery))
		})
	}
	also := func(tx *outbox.Tx) error {
		if b != nil && held > 0 {
			s.Digests++
			s.Alerts += held
			s.Told, s.Held = now, 0
		}
		if !over {
			return set(tx, k.Key, s, now.Add(stormLookEvery))
		}
		if err := tx.DropState(k.Key); err != nil {
			return err
		}
		return c.notice(tx, &s, digest.StormOver, 0, now)
	}
	if b == nil {
		return db.Update(ctx, "look at a storm", also)
	}
	return c.tell(ctx, db, b, now, also)
}

// stormNow is what a braked receiver has: in its bundle, which may not be there, and in its queue.
func (c *Control) stormNow(ctx context.Context, db *outbox.DB, receiver string) (b *bundle, held, waiting int, err error) {
	err = db.Update(ctx, "look at a storm", func(tx *outbox.Tx) error {
		found, open, err := get[bundle](tx, stormKeyOf(receiver))
		if err != nil {
			return err
		}
		if open {
			b = &found
			_, in, err := tx.Members(found.ID)
			if err != nil {
				return err
			}
			held = in[receiver]
		}
		waiting, err = tx.Waiting(receiver)
		return err
	})
	return b, held, waiting, err
}

// notice tells the receiver itself that a storm has begun, that more is held in it, or that it is over.
func (c *Control) notice(tx *outbox.Tx, s *storm, kind digest.Kind, waiting int, now time.Time) error {
	summary := &digest.Summary{Kind: kind, From: s.Since, To: now, Opened: s.Since, Closed: now,
		Waiting: waiting, Digests: s.Digests, Total: s.Alerts, Highest: s.Level, Level: -1}
	if kind == digest.StormBegins {
		for level := alert.Info; level <= alert.Severity(s.Level); level++ { // where that rises, another notice says so
			summary.Braked = append(summary.Braked, int(level))
		}
	}
	title, severity := "storm brake", alert.High // before what it is about
	if kind == digest.StormOver {
		title, severity = "storm over", alert.Unknown // and behind that
	}
	return c.enterSummary(tx, messageID(kind, s.Receiver, now.UnixNano(), s.Level), encode(summary), title, []outbox.NewDelivery{{
		Receiver: s.Receiver, Channel: s.Channel, Severity: int(severity),
		About: (&About{Action: notifier.Digest, Opened: s.Since}).text(),
	}}, now)
}

// lowest is the least severity that is held with one. What has no level may be anything, and is held with the medium ones.
func lowest(level alert.Severity) alert.Severity {
	if level >= alert.Medium {
		return alert.Unknown
	}
	return alert.Info
}

// brakes reports whether a storm holds what comes with a severity.
func (s *storm) brakes(severity alert.Severity) bool {
	return severity >= lowest(alert.Severity(s.Level)) && int(severity) <= s.Level
}
