package templates

import (
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/family"
	"github.com/ossec-notify/ossec-notify/notifier"
)

// incidentFacts adds what is to be said first: that it is over, or how often it came.
func (d *Data) incidentFacts(facts []Fact) []Fact {
	if r := d.Ran; r != nil {
		value := display.Join(called(r.Program), display.Words(": "+r.Words()+", for "), called(r.Receiver))
		switch r.Action {
		case notifier.Resolve:
			value = display.Join(value, display.Words(", because it is over"))
		case notifier.Acknowledge:
			value = display.Join(value, display.Words(", because somebody has taken it"))
		}
		facts = append(facts, Fact{display.Words("Ran"), value})
	}
	if r := d.Resolved; r != nil {
		over := display.Words("after " + display.Span(r.After))
		if r.By != nil {
			over = display.Join(over, display.Words(": "), family.Read(r.By).Sentence)
			if r.By.Rule.ID != "" {
				over = display.Join(over, display.Words(" (rule "), checked(r.By.Rule.ID), display.Words(")"))
			}
		}
		facts = append(facts, Fact{display.Words("Over"), over})
	}
	switch {
	case d.Quiet != nil:
		facts = append(facts, Fact{display.Words("Quiet"), display.Words("for " + display.Span(d.Quiet.For) + ". " + display.Thousands(d.Quiet.Total) + " in all.")})
	case d.Seen != nil && d.Seen.Count > 1:
		facts = append(facts, Fact{display.Words("Seen"), display.Words(d.Seen.words(d.zone()))})
	}
	return facts
}

func (s *Seen) words(zone *time.Location) string {
	text := display.Thousands(s.Count) + " times"
	span := s.Last.Sub(s.Since)
	if !s.Since.IsZero() && span >= time.Second {
		text += " in " + display.Span(span)
	}
	if !s.Last.IsZero() {
		text += ", last " + clock(s.Last, zone, span >= day, true)
	}
	return text
}

// stepFacts adds the place in an escalation, and who took the incident.
func (d *Data) stepFacts(facts []Fact) []Fact {
	if s := d.Step; s != nil && s.N > 1 { // at the first step there is nothing to say yet
		who, have := display.Words("nobody"), " has answered"
		for i, name := range s.Who {
			switch {
			case i == 0:
				who, have = called(name), " has not answered"
			case i == len(s.Who)-1:
				who, have = display.Join(who, display.Words(" and "), called(name)), " have not answered"
			default:
				who = display.Join(who, display.Words(", "), called(name))
			}
		}
		step := display.Join(display.Words(strconv.Itoa(s.N)+" of "+strconv.Itoa(s.Of)+": "), who, display.Words(have+" for "+display.Span(s.After)))
		facts = append(facts, Fact{display.Words("Step"), step})
	}
	if t := d.Taken; t != nil {
		taken := display.Text{}
		if t.By != "" {
			taken = display.Join(display.Words("by "), display.Quote(t.By))
		}
		if !t.At.IsZero() {
			began := d.Opened
			if began.IsZero() {
				began = d.Time
			}
			far := !began.IsZero() && t.At.Sub(began) >= day
			taken = display.Join(taken, display.Words(" at "+clock(t.At, d.zone(), far, false)))
		}
		if t.Via != "" {
			taken = display.Join(taken, display.Words(" ("), way(t.Via), display.Words(")"))
		}
		facts = append(facts, Fact{display.Words("Taken"), taken.Trim()})
	}
	return facts
}

// called is a name: words if it looks like one of the operator's config, else a quotation.
func called(name string) display.Text {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-" // no _, which is markup to Slack
	if len(name) <= 40 && strings.Trim(name, letters) == "" {
		return display.Words(name)
	}
	return display.Quote(name)
}

// way is how somebody took an incident.
func way(via string) display.Text {
	switch via {
	case "command line", "mail link", "Slack link", "link", "PagerDuty", "PagerDuty, resolved":
		return display.Words(via)
	}
	return display.Quote(via)
}

// tellRan makes the message one of what a program did: its output is the evidence.
func (d *Data) tellRan() {
	d.Next = display.Text{}
	if !d.Ran.OK() {
		d.Next = display.Words("See why it failed. To run it again: ossec-notify outbox retry " + d.Ran.Delivery)
	}
	r := *d.Reading // others share it
	r.Evidence = family.Evidence{Text: strings.TrimRight(d.Ran.Output, " \t\r\n")}
	if d.Ran.Dropped > 0 {
		r.Evidence.CutBy, r.Evidence.CutChars = "ossec-notify", utf8.RuneCountInString(d.Ran.Output)
	}
	d.Reading = &r
}

// often is how often the alert came, or 0 where that is not known.
func (d *Data) often() int {
	switch {
	case d.Quiet != nil:
		return d.Quiet.Total
	case d.Seen != nil:
		return d.Seen.Count
	}
	return 0
}

// Often is what stands behind the severity where the message is about more than one alert: " x37", ", 12 alerts".
func (d *Data) Often() display.Text {
	switch {
	case d.Summary != nil && d.Summary.Total != 1:
		return display.Words(", " + display.Thousands(d.Summary.Total) + " alerts")
	case d.often() > 1:
		return display.Words(" x" + display.Thousands(d.often()))
	}
	return nil
}

// State is the word that a message begins with which only says what became of an alert: RESOLVED, TAKEN, QUIET, RAN or FAILED. It is
// empty where something happened, and where the message takes the place of the one that says so, but for what is over.
func (d *Data) State() display.Text {
	switch {
	case d.Ran != nil && d.Ran.OK():
		return display.Words("RAN")
	case d.Ran != nil:
		return display.Words("FAILED")
	case d.Resolved != nil:
		return display.Words("RESOLVED")
	case d.Edit:
	case d.Taken != nil && d.Action == notifier.Acknowledge:
		return display.Words("TAKEN")
	case d.Quiet != nil:
		return display.Words("QUIET")
	}
	return nil
}

// Calm reports a message that only says what became of an alert: it is for nobody to act on, whatever the severity.
func (d *Data) Calm() bool { return !d.State().IsZero() }

// Lasted stands behind that word: how long it took until it was over, who took it, after how many it was quiet, what ran.
func (d *Data) Lasted() display.Text {
	switch {
	case d.Ran != nil:
		return display.Join(display.Words(" "), called(d.Ran.Program))
	case d.Resolved != nil:
		return display.Words(" after " + display.Span(d.Resolved.After))
	case !d.Calm():
	case d.Action == notifier.Acknowledge:
		if name(d.Taken.By) { // else it stands in the facts
			return display.Join(display.Words(" by "), display.Quote(d.Taken.By))
		}
	case d.Quiet.Total > 1:
		return display.Words(" after " + display.Thousands(d.Quiet.Total))
	}
	return nil
}

// name reports whether a text is short and harmless enough for the first line. People's names are not of ASCII alone.
func name(s string) bool {
	const most = 40
	return s != "" && len(s) <= most && display.Tricks(s) == "" && strings.IndexFunc(s, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsDigit(r) && !strings.ContainsRune(" .'-", r)
	}) < 0
}

// day is the span from which times are said with their dates: less far apart, they tell themselves.
const day = 24 * time.Hour

// zone is the one of all times in the message: the alert's own, because the log lines carry it. Of a message about many
// it is the one in which their times were given. The footer names it. Nil: each time has its own.
func (d *Data) zone() *time.Location {
	switch {
	case d.Summary != nil && !d.Summary.Opened.IsZero():
		return d.Summary.Opened.Location()
	case d.Summary != nil:
		return d.Summary.From.Location()
	case d.Time.IsZero():
		return nil
	}
	return d.Time.Location()
}

// clock is a time of day as messages say it.
func clock(t time.Time, zone *time.Location, date, seconds bool) string {
	if zone != nil {
		t = t.In(zone)
	}
	layout := "15:04"
	if seconds {
		layout = "15:04:05"
	}
	if date {
		layout = "2006-01-02 " + layout
	}
	return t.Format(layout)
}

// ackName is the name of the link by which the reader takes an incident.
const ackName = "ack"

// ackLink is that link, where there is one: it comes before those of the config.
func (d *Data) ackLink() []Link {
	if d.AckURL == "" {
		return nil
	}
	u, err := url.Parse(d.AckURL)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || len(d.AckURL) > maxLink || strings.ContainsAny(d.AckURL, "<>|\"` \n") {
		return nil
	}
	return []Link{{display.Words("I take it"), display.Words(d.AckURL), ackName}}
}

// linked is what the config's links are made of: the alert, of a group the most severe one. A message about many lists
// what no single link leads to.
func (d *Data) linked() *Data {
	switch {
	case d.Summary == nil:
		return d
	case !d.Digest() && len(d.Alerts) > 0:
		return d.Alerts[0]
	}
	return nil
}
