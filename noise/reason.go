package noise

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/rules"
)

// values are an alert's by fields: as a short key, and in words. lacks are the fields that it does not have: two alerts that
// lack one are not the same in it.
func values(a *alert.Alert, by []rules.Field) (key, words string, lacks []string) {
	h := sha256.New()
	var said []string
	for _, f := range by {
		v := f.Value(a)
		if v == "" {
			lacks = append(lacks, f.Key)
		}
		fmt.Fprintf(h, "%d:%s%d:%s", len(f.Key), f.Key, len(v), v)
		said = append(said, f.Key+" "+shown(v))
	}
	return hex.EncodeToString(h.Sum(nil)[:8]), strings.Join(said, ", "), lacks
}

// shown is a value of an alert in notes: quoted unless it is plain, and bounded.
func shown(v string) string {
	const most = 80
	if v == "" {
		return "-"
	}
	cut := ""
	if len(v) > most {
		v, cut = v[:most], "…"
	}
	for _, c := range []byte(v) {
		if c <= ' ' || c >= 0x7f || c == '"' {
			return strconv.Quote(v) + cut
		}
	}
	return v + cut
}

// clock is a time in notes: with the day only where that is not today.
func (c *Control) clock(at, now time.Time) string {
	zone := cmp.Or(c.Zone, time.UTC)
	at, now = at.In(zone), now.In(zone)
	if at.YearDay() == now.YearDay() && at.Year() == now.Year() {
		return at.Format("15:04:05")
	}
	return at.Format("2006-01-02 15:04:05")
}

// How reasons begin: what was suppressed is recognised by these.
const (
	repeatOf   = "repeat of "
	silencedBy = "silence "
	insteadOf  = "others are told: "
	resolves   = "resolves "
	toldIn     = "told in "
)

// ToldIn is the identity of the message in which an alert was told with others, of the reason of its delivery; else "".
func ToldIn(reason string) string {
	id, _ := strings.CutPrefix(reason, toldIn)
	if id == reason {
		return ""
	}
	return id
}

// RepeatOf is the identity of the alert that another is a repeat of, of the reason of its delivery; else "".
func RepeatOf(reason string) string {
	rest, ok := strings.CutPrefix(reason, repeatOf)
	if !ok {
		return ""
	}
	id, _, _ := strings.Cut(rest, ": ")
	return id
}
