package noise

import (
	"math"
	"strconv"
	"time"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/digest"
	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/rules"
)

// bucket is what is left of a throttle: so many messages at a time, and more since.
type bucket struct {
	Tokens float64   `json:"tokens"`
	At     time.Time `json:"at"`
}

// take takes one message out of a throttle's bucket. When it is empty, next says when there will be one.
func take(tx *outbox.Tx, scope string, t *rules.Throttle, now time.Time) (left int, next time.Time, ok bool, err error) {
	key := bucketKey + scope
	b, found, err := get[bucket](tx, key)
	if err != nil {
		return 0, next, false, err
	}
	burst := float64(max(t.Burst, 1))
	each := t.Per / time.Duration(max(t.Count, 1)) // the time in which there is one more
	switch since := now.Sub(b.At); {
	case !found:
		b.Tokens = burst
	case since > 0:
		b.Tokens = min(burst, b.Tokens+float64(since)/float64(each))
	}
	b.At = now
	if ok = b.Tokens >= 1-epsilon; ok {
		b.Tokens = max(b.Tokens-1, 0)
	} else {
		next = now.Add(time.Duration(math.Ceil((1 - b.Tokens) * float64(each))))
	}
	full := now.Add(time.Duration(math.Ceil((burst - b.Tokens) * float64(each))))
	return int(b.Tokens + epsilon), next, ok, set(tx, key, b, full)
}

// epsilon is what adding fractions of a message may lose.
const epsilon = 1e-6

func throttleWords(t *rules.Throttle) string {
	units := map[time.Duration]string{time.Second: "s", time.Minute: "m", time.Hour: "h", 24 * time.Hour: "d"}
	unit := units[t.Per]
	if unit == "" {
		unit = t.Per.String()
	}
	return strconv.Itoa(t.Count) + "/" + unit
}

// overflow holds what is above a throttle. An alert waits behind others that wait already. opener is as in join.
func overflow(tx *outbox.Tx, scope, route string, t *rules.Throttle, opener string, now time.Time, v *verdict) error {
	_, open, err := get[bundle](tx, (&bundle{Kind: digest.Throttle, Key: scope}).stateKey())
	if err != nil {
		return err
	}
	var next time.Time
	if !open {
		left, at, ok, err := take(tx, scope, t, now)
		if err != nil {
			return err
		}
		if ok {
			v.note("throttle %s: %d left", throttleWords(t), left)
			return nil
		}
		next = at
	}
	b, _, err := join(tx, bundle{Kind: digest.Throttle, Key: scope, Route: route, Why: throttleWords(t), Limit: t, Scope: scope}, opener, now, next)
	if err != nil {
		return err
	}
	v.hold(b, "throttle %s: above the rate, comes as a digest", throttleWords(t))
	return nil
}

// throttle is the route's.
func (p *planning) throttle(route string, policy *rules.Policy, v *verdict) error {
	if policy.Throttle == nil {
		return nil
	}
	return overflow(p.tx, routeScope(route), route, policy.Throttle, encode(p.in.ref), p.in.now, v)
}

// limits are a receiver's own: its throttle, and the storm brake.
func (p *planning) limits(receiver string, severity alert.Severity, v *verdict) error {
	r := p.Receiver(receiver)
	if r == nil {
		return nil
	}
	if r.Throttle != nil {
		if err := overflow(p.tx, receiverScope(receiver), "", r.Throttle, encode(p.in.ref), p.in.now, v); err != nil || v.decided() {
			return err
		}
	}
	if !r.brakes() || severity > alert.Medium {
		return nil
	}
	s, on, err := get[storm](p.tx, stormKey+receiver)
	if err != nil || !on || !s.brakes(severity) {
		return err
	}
	b, _, err := p.join(stormBundle(receiver), time.Time{}) // it is told when the storm is looked at
	if err != nil {
		return err
	}
	v.hold(b, "storm brake: %s has more waiting than it takes, comes as a digest", receiver)
	return nil
}

func receiverScope(name string) string { return "receiver/" + name }
func routeScope(path string) string    { return "route/" + path }

func (r *Receiver) brakes() bool { return r.Rate > 0 && r.StormAfter > 0 && !r.Pages }
