package templates

import (
	"regexp"
	"strings"
	"time"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/digest"
	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/family"
	"github.com/ossec-notify/ossec-notify/notifier"
)

// Data is what a template sees as its dot. All fields of the alert are there under their own names ({{ .Host }},
// {{ .Rule.ID }}, {{ .Original.data.win.system.eventID }}). Text of the alert is escaped for wherever it ends up;
// see docs/templates.md.
type Data struct {
	*alert.Alert

	// ID is the alert's id, or the one made from its content where the manager gave none ("h-ce95b7d13465a1c9").
	ID string
	// Identity is ID with the name of the manager or cluster node before it.
	Identity string
	// Severity prints as info, low, medium, high, critical or unknown.
	Severity alert.Severity

	// Family is the kind of event (auth_failure, fim, web, …), Class the same in words.
	Family, Class string
	// Sentence, Next and Note are the reading of the alert; Facts are those that messages show, with what is to
	// be said about the message itself before them.
	Sentence display.Text
	Next     display.Text
	Facts    []Fact
	// Reading is all that is known of the family, for machines.
	Reading *family.Reading
	// DedupKey names the cause.
	DedupKey string

	// Added is what enrichment added, without what it did not find: a template may ask for {{ .Added.asset.owner }} of any alert.
	Added map[string]any

	// Receiver is who gets this; Channel its kind; Route the path of the route that chose it, or "".
	Receiver, Channel, Route string
	Action                   notifier.Action
	// Delivery is the same in every attempt; Occurrence counts deliberate repeats from 1.
	Delivery   string
	Occurrence int

	// Sample is the argument of send --sample; it marks the message as a test.
	Sample string
	// PossibleRepeat says that an earlier attempt may have arrived.
	PossibleRepeat bool
	// Instead says whose place this receiver takes and why ("oncall has failed for 5 min (status 401)"), or "".
	Instead string
	// Late is how long the alert waited before it could be sent, and LateWhy what kept it; 0 when it is not late.
	Late    time.Duration
	LateWhy string
	// Seen, Quiet, Step, Taken and Resolved say what became of the alert, each nil where there is nothing to say; Opened is
	// when the incident began, or the zero time.
	Seen     *Seen
	Quiet    *Quiet
	Step     *Step
	Taken    *Taken
	Resolved *Resolved
	Opened   time.Time
	// Ran says what a program did about the alert, where that is what the message is for; nil otherwise. What it printed is the
	// evidence then.
	Ran *notifier.Ran
	// Edit: the message takes the place of the one that told of the alert.
	Edit bool
	// Summary is there in a message about many alerts, and then the alert is the most severe of them, or an empty one;
	// Alerts are some of them, the most severe first. Sentence, Facts and Reading are those of the message.
	Summary *digest.Summary
	Alerts  []*Data
	// OnCall says who is on call; AckURL is where the reader can take the incident, or "".
	OnCall []string
	AckURL string
	// Failure tells which template failed, when this is the default form sent in its place.
	Failure string

	uses   func(part string) bool // nil: all
	within []string               // the parts that are being rendered, the innermost last

	spent       spent
	interpreted bool // text/template is at work

	// What was made of the alert by parts of no other part: several parts of a message show the same.
	made  map[string]display.Text
	shown []Fact
}

// once makes a part, or gives what was made of it. A part that is rendered within another may be different there,
// and is made each time.
func (d *Data) once(name string, render func() (display.Text, error)) (display.Text, error) {
	if len(d.within) > 0 {
		return render()
	}
	if t, ok := d.made[name]; ok {
		return t, nil
	}
	t, err := render()
	if err == nil {
		if d.made == nil {
			d.made = map[string]display.Text{}
		}
		d.made[name] = t
	}
	return t, err
}

// Fact is one labelled value of a message.
type Fact struct{ Label, Value display.Text }

// Context is what NewData needs to know beside the alert.
type Context struct {
	Receiver, Channel, Route string
	Action                   notifier.Action
	Delivery                 string
	Occurrence               int
	Sample                   string
	PossibleRepeat           bool
	Instead                  string
	Late                     time.Duration
	LateWhy                  string
	// ID is the identity of a message about many alerts, under which explain knows it.
	ID string
	// What the noise control knows of the message; each is nil or empty where it does not matter.
	Seen     *Seen
	Quiet    *Quiet
	Step     *Step
	Taken    *Taken
	Resolved *Resolved
	Opened   time.Time // when the incident began
	Ran      *notifier.Ran
	Edit     bool // it takes the place of an earlier message
	Summary  *digest.Summary
	Alerts   []*alert.Alert // of a group or digest: some of them, the most severe first
	OnCall   []string       // who is on call, by name
	AckURL   string         // where the reader can take the incident
	// Uses says which parts of the channel are wanted; nil is all.
	Uses func(part string) bool
}

// Seen says that an alert came again and again before this message.
type Seen struct {
	Count       int // this one too
	Since, Last time.Time
}

// Quiet says that an alert that came again and again has not come for some time.
type Quiet struct {
	For         time.Duration
	Total       int // alerts in all
	Since, Last time.Time
}

// Step is the place of a message in an escalation.
type Step struct {
	N, Of int
	// Who has not answered, and for how long. At the first step there is nobody.
	Who   []string
	After time.Duration
}

// Taken says who acknowledged.
type Taken struct {
	By  string // may be alert text: whatever a person wrote
	Via string // "command line", "mail link", "Slack link", "PagerDuty"
	At  time.Time
}

// Resolved says that what the alert told of is over.
type Resolved struct {
	After time.Duration
	By    *alert.Alert // the alert that says so
}

// NewData reads an alert for one receiver. Of a message about many alerts, which has a Summary, it is the most severe of
// them, or nil where none is known.
func NewData(a *alert.Alert, scale alert.Scale, c Context) *Data {
	if c.Summary != nil {
		return newSummaryData(a, scale, c)
	}
	return newData(a, family.Read(a), scale, c)
}

func newData(a *alert.Alert, r *family.Reading, scale alert.Scale, c Context) *Data {
	d := &Data{
		Alert:          a,
		ID:             a.ID,
		Identity:       a.Identity(),
		Severity:       scale.Severity(a.Rule.Level),
		Family:         r.Family,
		Class:          r.Class,
		Sentence:       r.Sentence,
		Next:           r.Next,
		Reading:        r,
		DedupKey:       family.DedupKey(a, r),
		Added:          foundOf(a.Added),
		Summary:        c.Summary,
		Receiver:       c.Receiver,
		Channel:        c.Channel,
		Route:          c.Route,
		Action:         c.Action,
		Delivery:       c.Delivery,
		Occurrence:     max(c.Occurrence, 1),
		Sample:         c.Sample,
		PossibleRepeat: c.PossibleRepeat,
		Instead:        c.Instead,
		Late:           c.Late,
		LateWhy:        c.LateWhy,
		Seen:           c.Seen,
		Quiet:          c.Quiet,
		Step:           c.Step,
		Taken:          c.Taken,
		Resolved:       c.Resolved,
		Opened:         c.Opened,
		Ran:            c.Ran,
		Edit:           c.Edit,
		OnCall:         c.OnCall,
		AckURL:         c.AckURL,
		uses:           c.Uses,
	}
	if d.ID == "" {
		d.ID = d.Identity
	}
	if d.Action == "" {
		d.Action = notifier.Trigger
	}
	if d.Sample != "" {
		d.DedupKey = "test/" + d.DedupKey
	}
	if d.Resolved != nil {
		d.Next = display.Words("Nothing, if it stays so.")
	}
	if d.Ran != nil {
		d.tellRan()
	}
	d.Facts = d.facts()
	return d
}

// facts puts what is to be said about the message around the facts of the family.
func (d *Data) facts() []Fact {
	facts := d.incidentFacts(make([]Fact, 0, len(d.Reading.Facts)+3))
	if d.Late > 0 {
		late := display.Words(display.Span(d.Late))
		if d.LateWhy != "" {
			late = display.Join(late, display.Words(": "), display.Quote(d.LateWhy))
		}
		facts = append(facts, Fact{display.Words("Late"), late})
	}
	if d.Instead != "" {
		facts = append(facts, Fact{display.Words("Sent"), display.Words("here, because " + d.Instead)})
	}
	facts = d.stepFacts(facts)
	for _, f := range d.Reading.Facts {
		facts = append(facts, Fact{display.Words(f.Label), f.Value})
	}
	facts = d.shownFacts(facts)
	note := func(t display.Text) {
		if !t.IsZero() {
			facts = append(facts, Fact{display.Words("Note"), t})
		}
	}
	note(d.Reading.Note)
	if d.PossibleRepeat {
		note(display.Words("may be a second copy: the connection broke after sending"))
	}
	if d.Failure != "" {
		note(display.Join(display.Quote(d.Failure), display.Words(": this is the default form")))
	}
	return facts
}

// WithFailure is the same data for the default form that is sent in place of a template that failed. It is no method,
// for a template that could make new data would have new limits with it.
func WithFailure(d *Data, text string) *Data {
	c := *d
	c.Failure = text
	c.Facts = c.facts()
	c.within, c.made, c.shown, c.spent = nil, nil, nil, spent{}
	return &c
}

// Word is the severity as messages show it: CRITICAL, HIGH, MEDIUM, LOW, INFO, UNKNOWN.
func (d *Data) Word() display.Text { return display.Words(d.Severity.Word()) }

// ShowRoute and ShowReceiver are the names as words: they come from the operator's config.
func (d *Data) ShowRoute() display.Text { return display.Words(d.Route) }

// ShowReceiver: see ShowRoute.
func (d *Data) ShowReceiver() display.Text { return display.Words(d.Receiver) }

// Color is the colour of the message as #RRGGBB: the severity's, that of what is over, that of INFO where the message only
// says what became of an alert, or the one of tests.
func (d *Data) Color() display.Text {
	if d.Sample != "" {
		return display.Words("#0E8A9B")
	}
	if d.Resolved != nil {
		return display.Words("#2E9E5B")
	}
	if d.Calm() {
		return display.Words(Color(alert.Info))
	}
	return display.Words(Color(d.Severity))
}

// Color is the colour of a severity as #RRGGBB. Each has a contrast of 3.3:1 or better on white, black and
// Slack's dark background. Colour only repeats the word: to red-green-blind eyes the first three look alike.
func Color(s alert.Severity) string {
	switch s {
	case alert.Critical:
		return "#D6204E"
	case alert.High:
		return "#D9480F"
	case alert.Medium:
		return "#B7791F"
	case alert.Low:
		return "#2F7FC1"
	case alert.Info:
		return "#7A869A"
	}
	return "#9A5FD0"
}

// Described reports whether the rule's description belongs in the footer: it is there, it plays no tricks, and
// the sentence does not say it already.
func (d *Data) Described() bool {
	s := d.Rule.Description
	return s != "" && display.Tricks(s) == "" && !strings.Contains(d.Sentence.Raw(), strings.TrimSuffix(s, "."))
}

var checkedID = regexp.MustCompile(`^(?:[0-9]{1,20}(?:\.[0-9]{1,20})?|[a-z]-[0-9a-f]{16})(?:#[0-9]{1,6})?$`)

// checked shows an id as words when it is one (digits, or the hashes that we make), else as a quotation.
func checked(s string) display.Text {
	if checkedID.MatchString(s) {
		return display.Words(s)
	}
	return display.Quote(s)
}

// stamp is a time as messages show it: 2026-11-23 13:28:22 UTC, or with its offset where it is not UTC.
func stamp(t time.Time) display.Text {
	if t.IsZero() {
		return display.Text{}
	}
	if _, offset := t.Zone(); offset == 0 {
		return display.Words(t.Format("2006-01-02 15:04:05 UTC"))
	}
	return display.Words(t.Format("2006-01-02 15:04:05 -07:00"))
}
