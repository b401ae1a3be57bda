// Package digest owns what is said of many alerts at once: how many there were, of what, from where, when, and which of
// them are new. It reads alerts one by one and keeps no more of them than it says, so that ten thousand cost as little as
// ten. It knows no receiver, no channel and no outbox, and decides nothing: who calls it does.
package digest

import "time"

// Kind says why alerts come together.
type Kind string

// The kinds. Group is one message about alerts that belong together; the others stand for messages that were not sent.
const (
	Group     Kind = "group"    // group_by
	Scheduled Kind = "digest"   // a route's digest: {every: …}
	Window    Kind = "window"   // held until a window opened
	Throttle  Kind = "throttle" // above the rate that a route or receiver permits
	Storm     Kind = "storm"    // the receiver's queue could not be worked off
	Inhibit   Kind = "inhibit"  // held back while another alert was fresh
	Silence   Kind = "silence"  // a silence is over

	// Two notices, which are about alerts but list none.
	StormBegins Kind = "storm-begins" // from now on alerts of the Braked severities come as digests
	StormOver   Kind = "storm-over"   // and from now on they do not
)

// Notice reports the kinds that say something of the way that alerts take, and not of alerts.
func (k Kind) Notice() bool { return k == StormBegins || k == StormOver }

// Summary is what is said of many alerts. It is kept as JSON until it is sent.
type Summary struct {
	Kind     Kind   `json:"kind"`
	Receiver string `json:"receiver"`
	Route    string `json:"route,omitempty"`
	// Place is the receiver as people know it ("#soc"), where that is not its name.
	Place string `json:"place,omitempty"`
	// Why says what kept them, for people; it may hold what somebody typed, and so is shown as alert text is. Each kind has
	// words of its own around it: Scheduled "1h" (every …), Window "night, until 06:00" (closed: …), Throttle "20/h" (above
	// …), Inhibit "maintenance", Silence "NAME: kernel update".
	Why string `json:"why,omitempty"`
	// By is what the alerts of a group have in common: "rule 5712, agent web-01"; it may hold alert text.
	By string `json:"by,omitempty"`
	// From and To are when the first and the last of them arrived; Opened and Closed the time that it is about.
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
	Opened time.Time `json:"opened,omitzero"`
	Closed time.Time `json:"closed,omitzero"`
	// Total is how many alerts there were. Rows say of what, the most severe and most frequent first; what has no row of
	// its own is in MoreAlerts, of MoreRules rules. The counts of the rows and MoreAlerts are Total.
	Total      int   `json:"total"`
	Highest    int   `json:"highest"` // the severity, as alert.Severity
	Level      int   `json:"level"`   // the highest; -1 where no alert has one
	Rows       []Row `json:"rows,omitempty"`
	MoreAlerts int   `json:"more_alerts,omitempty"`
	MoreRules  int   `json:"more_rules,omitempty"`
	// Same: all alerts have one and the same sentence.
	Same bool `json:"same,omitempty"`
	Spread
	// Samples are the identities of some of them, the most severe first, then the first.
	Samples []Sample `json:"samples,omitempty"`

	// Of a notice. Waiting is how many messages wait for the receiver when a storm begins; Braked are the severities whose
	// alerts come as digests, the lowest first; Digests is how many of these there were when it is over, of Total alerts.
	Waiting int   `json:"waiting,omitempty"`
	Braked  []int `json:"braked,omitempty"`
	Digests int   `json:"digests,omitempty"`
}

// Spread says on how many hosts alerts were made, and from how many addresses. Where there were too many to count, the
// numbers are the least that there were, and More is true. Where it was one, that is named; the name may be alert text.
type Spread struct {
	Hosts       int    `json:"hosts,omitempty"`
	Sources     int    `json:"sources,omitempty"` // addresses
	MoreHosts   bool   `json:"more_hosts,omitempty"`
	MoreSources bool   `json:"more_sources,omitempty"`
	Host        string `json:"host,omitempty"`
	Source      string `json:"source,omitempty"`
}

// Row is what alerts of one rule and kind have in common.
type Row struct {
	Count    int    `json:"count"`
	Rule     string `json:"rule"` // "" where the alerts name none
	Severity int    `json:"severity"`
	Level    int    `json:"level"` // the highest; -1 where no alert has one
	Family   string `json:"family"`
	What     string `json:"what"` // the sentence without address, user and host; alert text where Quoted
	Quoted   bool   `json:"quoted,omitempty"`
	Spread
	First time.Time `json:"first"`
	Last  time.Time `json:"last"`
	// New: no alert of the rule had come in the week before.
	New bool `json:"new,omitempty"`
}

// Sample is one alert of many.
type Sample struct {
	Identity   string `json:"identity"`
	Occurrence int    `json:"occurrence"`
}
