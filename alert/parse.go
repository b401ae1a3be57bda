package alert

import (
	"bytes"
	"fmt"
	"time"
)

// DefaultLimit is how many bytes of one alert are kept unless [Options.Limit] says otherwise.
const DefaultLimit = 1 << 20

// Options says what an alert does not say of itself.
type Options struct {
	// FileName is the base name of the file the alert came in, "" for standard input.
	FileName string
	// Location is the zone of dates that are written without one (shell, ossec, log); nil is time.Local.
	Location *time.Location
	// Limit is how many bytes of one alert are kept; 0 is DefaultLimit. The rest is cut, see Problem.CutAt.
	Limit int
	// Cut says that the text is what is left of a longer one: somebody before us has cut it at the limit.
	Cut bool
	// Received is when the alert reached us; it may be zero.
	Received time.Time
}

func (o Options) withDefaults() Options {
	if o.Location == nil {
		o.Location = time.Local
	}
	if o.Limit <= 0 {
		o.Limit = DefaultLimit
	}
	return o
}

const (
	shellStart = "alertdate='"
	logStart   = "** Alert "
	byteOrder  = "\uFEFF"
	// blanks are what may stand around an alert without being part of it. A file that was being written when the
	// machine went down ends in NUL bytes.
	blanks = " \t\r\n\x00"
)

// Parse reads one alert in any format. It never fails: what is wrong with the text stands in Problem. The alert
// keeps raw; the caller must not change it afterwards.
func Parse(raw []byte, opt Options) *Alert {
	opt = opt.withDefaults()
	a := &Alert{
		Format:   FormatUnknown,
		Rule:     Rule{Level: -1},
		Original: map[string]any{},
		Raw:      raw,
		Received: opt.Received,
		FileName: opt.FileName,
	}
	if len(raw) > opt.Limit {
		a.Raw = raw[:opt.Limit:opt.Limit]
		a.Problem.CutAt = opt.Limit
	} else if opt.Cut {
		a.Problem.CutAt = len(raw)
	}
	text := bytes.TrimRight(trimStart(a.Raw), blanks)
	switch {
	case len(text) == 0:
		a.Problem.Kind, a.Problem.ReadsAs = ProblemEmpty, "nothing"
	case text[0] == '{':
		parseJSON(a, text, len(a.Raw)-len(trimStart(a.Raw)), opt.Location)
	case bytes.HasPrefix(text, []byte(shellStart)):
		// Not trimmed: the law about the log holds for the bytes as they were written.
		parseShell(a, string(trimStart(a.Raw)), opt.Location)
	case bytes.HasPrefix(text, []byte(logStart)):
		parseLog(a, string(text), opt.Location)
	default:
		a.Problem.Kind, a.Problem.ReadsAs = ProblemUnknown, "text"
		if bytes.IndexByte(text, 0) >= 0 {
			a.Problem.ReadsAs = "binary data"
		}
		a.Log = string(a.Raw)
	}
	if a.Problem.CutAt > 0 && a.Problem.Kind == "" {
		a.broken(ProblemTruncated, "cut at byte %d", a.Problem.CutAt)
	}
	return a
}

// trimStart drops what editors and broken writes leave before an alert.
func trimStart(raw []byte) []byte {
	return bytes.TrimLeft(bytes.TrimPrefix(raw, []byte(byteOrder)), blanks)
}

// broken notes that an alert of a known format did not come whole. The words must be ours: people read them as such.
func (a *Alert) broken(kind ProblemKind, format string, args ...any) {
	a.Problem.Kind = kind
	a.Problem.ReadsAs = a.Format.Words() + ", " + fmt.Sprintf(format, args...)
}

// level makes a rule level of a number: -1 for what OSSEC cannot have meant.
func level(n int) int {
	if n < 0 || n > 16 {
		return -1
	}
	return n
}
