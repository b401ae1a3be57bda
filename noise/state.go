package noise

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/ossec-notify/ossec-notify/outbox"
)

// Keys of what is kept in the outbox. What stands behind a / may be anything.
const (
	dedupKey    = "dedup/"
	groupKey    = "group/"
	bundleKey   = "bundle/"
	bucketKey   = "throttle/"
	freshKey    = "fresh/"
	incidentKey = "incident/"
	stormKey    = "storm/"
	ruleKey     = "rule/"
	lostKey     = "lost/"
	stepsKey    = "steps/"
)

// get reads what is kept under a key. What cannot be read is as if it were not there: no alert can be accepted otherwise, and
// to be told once too often does less harm.
func get[T any](tx *outbox.Tx, key string) (v T, found bool, err error) {
	v, _, found, err = getDue[T](tx, key)
	return v, found, err
}

func getDue[T any](tx *outbox.Tx, key string) (v T, due time.Time, found bool, err error) {
	text, due, found, err := tx.State(key)
	if err != nil || !found {
		return v, due, false, err
	}
	if json.Unmarshal([]byte(text), &v) != nil {
		var none T
		if strings.HasPrefix(key, bundleKey) {
			err = lost(tx)
		}
		return none, time.Time{}, false, err
	}
	return v, due, true, nil
}

// lost notes that there was a bundle that cannot be read. See [Control.Recover].
func lost(tx *outbox.Tx) error { return tx.SetState(lostKey, "", time.Unix(1, 0)) }

func set(tx *outbox.Tx, key string, v any, due time.Time) error {
	return tx.SetState(key, encode(v), due)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
