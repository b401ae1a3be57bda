package family

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"unicode/utf8"

	"github.com/ossec-notify/ossec-notify/alert"
)

// maxDedupKey is the longest dedup_key that PagerDuty's Events API v2 takes, in characters.
const maxDedupKey = 255

// DedupKey is manager/agent/rule/object: what has the same key is the same incident. What is missing is "-". A
// key that is too long for PagerDuty becomes "sha256:" and its hash.
func DedupKey(a *alert.Alert, r *Reading) string {
	agent := a.Agent.Name
	switch {
	case agent == "":
		agent = a.Host
	case !cleanHost(agent) && a.Agent.ID != "":
		agent = a.Agent.ID
	}
	key := cmp.Or(a.Manager, "-") + "/" + cmp.Or(agent, "-") + "/" + cmp.Or(a.Rule.ID, "-") + "/" + cmp.Or(r.Object, "-")
	if utf8.RuneCountInString(key) > maxDedupKey {
		sum := sha256.Sum256([]byte(key))
		return "sha256:" + hex.EncodeToString(sum[:])
	}
	return key
}
