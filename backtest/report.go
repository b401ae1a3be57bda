// Package backtest owns what a config would have made of past alerts: it takes them through the routes, the noise control and
// the queues of the real code, by a clock that follows the alerts, and counts who would have been told of what, and when.
// It compares two configs, and says what would make the noisiest quieter.
//
// It reads no config and no file, renders no message and sends nothing. How a [Report] is shown is package
// backtest/report's.
package backtest

import "time"

// Report is what a config would have made of past alerts. Days and hours are those of Zone.
type Report struct {
	// Config and Against are the paths of the configs: Against is the one that is proposed, "" where there is none. With it,
	// every figure is there twice: Now of Config, Then of Against.
	Config, Against string
	Zone            *time.Location
	// From and To are the times of the first and the last alert. Days are all days between them, both included, as
	// 2026-10-01; Gaps are those of them without any alert.
	From, To time.Time
	Days     []string
	Gaps     map[string]bool

	Files     []string
	Read      Reading
	Damaged   []Damage // the first maxDamaged
	Stopped   bool     // it was interrupted: this is what it had by then
	NightOf   Night    // which hours are night
	Now, Then *Outcome // Then is nil without Against
	Receivers []Receiver
	// Rules, Agents and Sources are the ten noisiest, by messages, the noisiest first (by Now, then by Then).
	Rules, Agents, Sources []Noisy
	Suggestions            []Suggestion
	// Changes are what Against adds and removes, alert by alert, maxChanges at most, of each kind the first; ChangeCount is all of them.
	Changes     []Change
	ChangeCount int
}

// Reading is what was read.
type Reading struct {
	Alerts, Damaged int
	// Outside is how many of the alerts are dated far from all others, as by a clock that was wrong: Days leaves such dates out.
	Outside int
	Bytes   int64 // as it was inflated
	Took    time.Duration
}

// Damage is a line or a file that is no whole alert.
type Damage struct {
	File string
	Line int // from 1
	Text string
}

// Night is from one hour of the day to another, over midnight.
type Night struct{ From, To int }

// Outcome is what one config made of all alerts.
type Outcome struct {
	Messages, Pages, NightPages int
	// Told and Nobody count alerts: those that somebody is told of, in whatever way, beside the receivers under always; and
	// those that nobody is.
	Told, Nobody int
	// Heat counts messages by weekday (Monday is 0) and hour, without those to receivers under always.
	Heat [7][24]int
	// Saved is what was not told by itself, by cause in the words of delivery notes: repeat, group, digest, silence, inhibit,
	// window, throttle, storm. In is the number of messages that told of them instead.
	Saved map[string]int
}

// Receiver is what one receiver would have got.
type Receiver struct {
	Name, Channel string
	Place         string // what people call it: "#soc"
	Pages         bool   // its messages are pages
	Always        bool   // it hears of every alert
	Now, Then     ReceiverOutcome
}

// ReceiverOutcome is that by one config.
type ReceiverOutcome struct {
	// Messages are those that are new to their reader; Updates are edits and what follows a message.
	Messages, Updates int
	Night             int   // messages at night
	Days              []int // messages, by the index of Report.Days
	Hours             [24]int
	// Alerts is how many alerts were for it; Messages may tell of several.
	Alerts int
	Saved  map[string]int // as in Outcome
	// Busiest is the most messages within one hour, and when that began.
	Busiest   int
	BusiestAt time.Time
}

// Noisy is a rule, an agent or a source address, and what it costs.
type Noisy struct {
	Key       string // "5710", "web-01", "203.0.113.9"
	Title     string // the rule's description
	Alerts    int
	Now, Then Cost
	// Help is what would help, as lines of YAML to paste, with Words for people; "" where nothing is known to.
	Help, Words string
}

// Cost is what it costs by one config.
type Cost struct{ Messages, Pages, NightPages int }

// Suggestion is a change that would make much less noise.
type Suggestion struct {
	// Words is the sentence: "rule 5710 makes 61 % of #soc; dedup by srcip for 1h would leave 4 %".
	Words string
	// YAML are the lines to paste, and Route the route to paste them into.
	YAML, Route   string
	Before, After int // messages, as tried
}

// Change is an alert that one config tells a receiver of and the other does not.
type Change struct {
	Time     time.Time
	Alert    string // its identity
	Rule     string
	Severity string
	Title    string // the sentence, in display form
	Receiver string
	Added    bool   // Against tells it, Config does not; else the other way round
	Why      string // the route or the cause
}
