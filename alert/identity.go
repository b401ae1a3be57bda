package alert

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// Identity is the name under which an alert is told once to each receiver, by whatever way it came: the
// manager's id behind the name of the cluster node or manager ("node01/1795440502.8"; ids are unique on one
// node only). An alert without an id, as all in shell files, is named after its content: "h-" and 16 hex digits
// of the SHA-256 of date, location, rule, log and file name, as they stand in the alert.
func (a *Alert) Identity() string {
	if a.ID != "" {
		if name := cmp.Or(a.Node, a.Manager); name != "" {
			return name + "/" + a.ID
		}
		return a.ID
	}
	o := object(a.Original)
	date, location, log := o.text("timestamp"), o.text("location"), a.Log
	if a.Format == FormatShell {
		date, location = o.text("alertdate"), o.text("alertlocation")
	}
	if a.Problem.Kind != "" {
		log = string(a.Raw) // the fields may all be missing, and two wrecks are still two
	}
	sum := sha256.Sum256([]byte(strings.Join([]string{date, location, a.Rule.ID, log, a.FileName}, "\n")))
	return "h-" + hex.EncodeToString(sum[:8])
}
