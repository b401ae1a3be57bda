package site

import (
	"encoding/json"
	"errors"

	"github.com/ossec-notify/ossec-notify/managerlog"
)

// ErrNothing says that a record has nothing to tell.
var ErrNothing = errors.New("an active response that ends tells nobody")

// responseAlert is the alert that OSSEC's execd called an active response for. It names it by its id alone, in the
// arguments "add|delete USER ADDRESS ID RULE [AGENT…]", so it is looked for in the manager's logs. Where they do not
// hold it, and at the end of a response, it is a call in Wazuh's form with what the arguments say.
func responseAlert(args []string, logs *managerlog.Logs) ([]byte, error) {
	arg := func(i int) string {
		if i >= len(args) || args[i] == "-" {
			return ""
		}
		return args[i]
	}
	if id := arg(3); id != "" && args[0] != "delete" {
		if a := logs.ByID(id); a != nil {
			return a.Raw, nil
		}
	}
	type object map[string]any
	return json.Marshal(object{"version": 1, "command": args[0], "parameters": object{"extra_args": args, "alert": object{
		"id": arg(3), "rule": object{"id": arg(4)}, "data": object{"dstuser": arg(1), "srcip": arg(2)}, "location": arg(5),
	}}})
}
