package alert

// Whole reports whether a line is a JSON object from end to end. It may say no of one that is; see [Parse].
func Whole(line []byte) bool { _, ok := quick(string(line)); return ok }

// IsLogHeader reports whether a text begins as an alert of alerts.log does: "** Alert 1795440503.34:".
func IsLogHeader(text []byte) bool { return isLogHeader(text) }
