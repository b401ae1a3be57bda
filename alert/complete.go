package alert

import (
	"iter"
	"strings"
)

// Complete finds the original of an alert that came through the shell file, which holds neither id, groups,
// agent nor users, and whose log is masked and cut. Candidates are what the manager's own log (alerts.json,
// alerts.log) holds of that time. The original is the one candidate with the same rule, level, second and
// location whose log gives the same text when it is masked and cut as integratord does it. Where no candidate
// or more than one fits, the answer is nil: when in doubt the alert stays as it is.
func Complete(a *Alert, candidates iter.Seq2[*Alert, error]) *Alert {
	if a.Format != FormatShell || a.Time.IsZero() {
		return nil
	}
	var found *Alert
	for c, err := range candidates {
		if err != nil {
			break // what was read so far counts
		}
		if !isOriginal(a, c) {
			continue
		}
		if found != nil && found.ID != c.ID {
			return nil
		}
		found = c
	}
	if found == nil {
		return nil
	}
	whole := *found
	whole.FileName, whole.Received = a.FileName, a.Received
	return &whole
}

func isOriginal(shell, c *Alert) bool {
	return c.Format != FormatShell && c.ID != "" && c.Problem.Kind == "" &&
		c.Rule.ID == shell.Rule.ID && c.Rule.Level == shell.Rule.Level &&
		c.Time.Unix() == shell.Time.Unix() &&
		(c.Location == shell.Location || c.LogFile == shell.Location) &&
		(shell.Source.IP == "" || c.Source.IP == shell.Source.IP) &&
		masks(c.Log, shell.Log)
}

// masks reports whether integratord makes shell of log. OSSEC's takes the first line and cuts it at 465
// characters, Wazuh's takes all and cuts at max_log; both mark a cut with dots in place of the last three.
func masks(log, shell string) bool {
	first, _, _ := strings.Cut(log, "\n")
	for _, text := range []string{first, log} {
		text = mask(text)
		if strings.TrimRight(text, " ") == strings.TrimRight(shell, " ") {
			return true
		}
		if head, cut := strings.CutSuffix(shell, "..."); cut && len(text) > len(head) && strings.HasPrefix(text, head) {
			return true
		}
	}
	return false
}

// mask is what both integratords do to a log, byte by byte.
func mask(s string) string {
	b := []byte(s)
	for i, c := range b {
		switch {
		case c < 32 || c > 122 || strings.IndexByte("'`\"!$", c) >= 0:
			b[i] = ' '
		case c == '\\':
			b[i] = '/'
		case c == ';':
			b[i] = ','
		}
	}
	return string(b)
}
