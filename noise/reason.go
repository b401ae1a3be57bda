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

// clock is a time in notes, as the clocks of the config's zone show it: with day and zone where that is not today.
func (c *Control) clock(at, now time.Time) string { return c.clockIn(nil, at, now) }

// clockIn is the same for a time that clocks of another zone were meant to show. The zone is named where they show another
// time than those of the config's, and where clocks change until then.
func (c *Control) clockIn(zone *time.Location, at, now time.Time) string {
	here := cmp.Or(c.Zone, time.UTC)
	zone = cmp.Or(zone, here)
	_, usual := at.In(here).Zone()
	at, now = at.In(zone), now.In(zone)
	_, then := at.Zone()
	_, today := now.Zone()
	sameDay := at.YearDay() == now.YearDay() && at.Year() == now.Year()
	if sameDay && then == usual && then == today {
		return at.Format("15:04:05")
	}
	layout := "15:04 MST"
	if at.Second() != 0 {
		layout = "15:04:05 MST"
	}
	if !sameDay {
		layout = "2006-01-02 " + layout
	}
	return at.Format(layout)
}

// How reasons begin: what was suppressed is recognised by these.
const (
	repeatOf   = "repeat of "
	silencedBy = "silence "
	insteadOf  = "others are told: "
	resolves   = "resolves "
	toldIn     = "told in "
)

// aloneAfterAll is the note of what was held and is told by itself.
const aloneAfterAll = "told by itself: nothing else came"

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
