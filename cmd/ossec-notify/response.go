package main

import (
	"encoding/json"
	"errors"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/spool"
)

// errNothing says that a record has nothing to tell.
var errNothing = errors.New("an active response that ends tells nobody")

// responseAlert is the alert that execd called an active response for. OSSEC names it by its id alone, in the
// arguments "add USER ADDRESS ID RULE [AGENT…]", so it is looked for in the manager's logs; where they do not hold
// it, what the arguments say is told. Wazuh passes the alert. The end of a response ("delete") is errNothing.
func responseAlert(r *spool.Record, logs *completer) ([]byte, error) {
	if len(r.Args) == 0 {
		if a := alert.Parse(r.Alert, alert.Options{}); a.Response != nil && a.Response.Command == "delete" {
			return nil, errNothing
		}
		return r.Alert, nil
	}
	if r.Args[0] == "delete" {
		return nil, errNothing
	}
	arg := func(i int) string {
		if i >= len(r.Args) || r.Args[i] == "-" {
			return ""
		}
		return r.Args[i]
	}
	if id := arg(3); id != "" {
		for _, name := range managerLogs {
			for a := range logs.candidates(name, id) {
				if a.ID == id {
					return a.Raw, nil
				}
			}
		}
	}
	// In Wazuh's form, which the program reads, too.
	type object map[string]any
	return json.Marshal(object{"version": 1, "command": r.Args[0], "parameters": object{"extra_args": r.Args, "alert": object{
		"id": arg(3), "rule": object{"id": arg(4)}, "data": object{"dstuser": arg(1), "srcip": arg(2)}, "location": arg(5),
	}}})
}
