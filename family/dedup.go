package family

import (
	"cmp"

	"github.com/ossec-notify/ossec-notify/alert"
)

// DedupKey is manager/agent/rule/object: what has the same key is the same incident. What is missing is "-". It is
// as long as the names in it: a channel whose vendor has a limit shortens it.
func DedupKey(a *alert.Alert, r *Reading) string {
	agent := a.Agent.Name
	switch {
	case agent == "":
		agent = a.Host
	case !cleanHost(agent) && a.Agent.ID != "":
		agent = a.Agent.ID
	}
	return cmp.Or(a.Manager, "-") + "/" + cmp.Or(agent, "-") + "/" + cmp.Or(a.Rule.ID, "-") + "/" + cmp.Or(r.Object, "-")
}
