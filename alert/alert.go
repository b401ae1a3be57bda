// Package alert owns what an OSSEC or Wazuh alert is: the formats it comes in, the fields that routes and
// templates need, its severity and its identity. It does not know who is told about it or how it looks to a
// person; it never evaluates what an alert says, and nothing in an alert is an error: a field that is missing
// or oddly typed is left empty, and what is no known format is still an alert that carries the raw text.
//
// Formats, recognised by content (what each holds, and what it lacks, is told in docs/formats.md):
//
//	shell    the seven-variable file that integratord writes (alertdate='…' … srcip='…')
//	wazuh    Wazuh's alerts.json, one JSON object; also inside the active-response JSON of Wazuh 4.2 and later
//	ossec    ossec-hids' alerts.json, which is another dialect (rule.sidid, rule.comment, a string decoder)
//	log      alerts.log text
package alert

import "time"

// Format is the form in which an alert came.
type Format string

// The formats. See the package comment.
const (
	FormatShell   Format = "shell"
	FormatWazuh   Format = "wazuh"
	FormatOSSEC   Format = "ossec"
	FormatLog     Format = "log"
	FormatUnknown Format = "unknown"
)

// Words name the format to people.
func (f Format) Words() string {
	switch f {
	case FormatShell:
		return "shell variables"
	case FormatWazuh:
		return "Wazuh JSON"
	case FormatOSSEC:
		return "ossec-hids JSON"
	case FormatLog:
		return "alerts.log text"
	}
	return "no known format"
}

// Alert is one alert. Every field may be empty. Text is as it came: nothing in it is escaped, and all of it may
// have been written by an attacker. An Alert is not changed after it was parsed; its maps and slices are shared.
type Alert struct {
	Format Format

	// ID is the id that the manager gave ("1795440502.8"). The shell file has none. See Identity.
	ID string
	// Time is when the alert was made, in the zone it was written in, or in Options.Location where the format
	// has none (shell, ossec, log). It is zero when the alert does not say.
	Time time.Time
	// Received is when it reached us, if known.
	Received time.Time

	Rule    Rule
	Agent   Agent
	Manager string // manager.name
	Cluster string // cluster.name
	Node    string // cluster.node

	// Location is the full "(agent) ip->path" form as OSSEC writes it; for Wazuh JSON, which keeps only the
	// part behind "->", it is rebuilt from agent and location.
	Location string
	// LogFile is the part of Location behind the arrow: a path, or "syscheck", "EventChannel", "rootcheck", …
	LogFile string
	// Host is the machine that the alert is about: agent name, agentless host, host of the syslog line, or the
	// part before the arrow.
	Host string

	Decoder       string
	DecoderParent string
	Program       string // the program that wrote the log line

	Source      Endpoint
	Destination Endpoint

	// User is the account that the alert is about: the one logged in to, created or used (Wazuh data.dstuser,
	// else data.srcuser; win.eventdata.targetUserName; …).
	User string
	// SourceUser is who acted, TargetUser who was acted upon, where the alert tells them apart. ossec-hids has
	// them the other way round for sudo; here SourceUser is always the one who acted.
	SourceUser string
	TargetUser string

	Protocol string
	Action   string
	Status   string
	URL      string
	Command  string

	// Log is the log line or lines that made the rule fire (full_log).
	Log string
	// Previous are the earlier lines of a composite rule (previous_output), newest first as they come.
	Previous []string
	// File is set for file integrity alerts.
	File *File
	// Response is set when the alert came inside an active-response call.
	Response *Response

	// Original is the whole alert as data: the JSON object as decoded (integral numbers are int64), or the
	// fields of the text formats under their own names. Never nil.
	Original map[string]any
	// Added is what enrichment knows beside: "srcip_geo", "asset". A name in it hides what the alert itself says under it,
	// even where nothing was found, so that no log line can pass for what was looked up. Its values are of the types of Original.
	// Nil where there is no enrichment.
	Added map[string]any
	// Shown are those of it that the config wants people to see.
	Shown []Shown
	// Raw is the text as it came.
	Raw []byte
	// FileName is the base name of the file it came in; part of the identity of alerts without an id.
	FileName string

	// Problem says why this is not a whole alert. Its zero value means that it is.
	Problem Problem
}

// Shown is a value that messages show of what enrichment added: a fact of that name, or a link that is called so. The value comes
// from the operator's own tables.
type Shown struct {
	Name, Value string
	Link        bool
}

// Rule is the OSSEC rule that fired.
type Rule struct {
	ID          string
	Level       int // -1 where the alert does not say; OSSEC has 0 to 16
	Description string
	Groups      []string
	MITRE       MITRE
	FiredTimes  int
	Frequency   int
	Info        string
}

// MITRE are the ATT&CK references of a rule.
type MITRE struct{ IDs, Tactics, Techniques []string }

// Agent is the agent that reported.
type Agent struct{ ID, Name, IP string }

// Endpoint is one end of a connection.
type Endpoint struct {
	IP   string // only where it parses as an address; in its shortest form, without port and zone
	Port string
	// Text is what stood in the place of the address ("203.0.113.9, 10.0.0.1", a service name, "fe80::1%eth0").
	Text string
	Geo  string // what OSSEC adds behind the address: "US" of "203.0.113.9 / US"
}

// File is what file integrity monitoring saw.
type File struct {
	Path  string
	Event string // modified, added, deleted; empty where the format does not say and the rule neither
	Mode  string // realtime, scheduled, whodata
	// Changed lists the attributes that changed, in the words of syscheck.changed_attributes.
	Changed       []string
	Before, After FileState
	Diff          string
	Registry      bool
	// Who did it (whodata).
	LoginUser, EffectiveUser, ProcessName, ProcessID string
}

// FileState is a file at one of two times. Modes are given as "rw-r--r--", however the format spells them.
type FileState struct {
	Size, Mode, Owner, Group, UID, GID, MD5, SHA1, SHA256, Modified, Inode string
}

// Response is the frame of an active-response call.
type Response struct {
	Command string // add, delete
	Program string
	Origin  string // node that asked
	Args    []string
}

// ProblemKind is one way of not being a whole alert.
type ProblemKind string

// The kinds of problem. [Parse] knows all but the last, which is for who opens the file.
const (
	ProblemEmpty      ProblemKind = "empty"
	ProblemTruncated  ProblemKind = "truncated"  // a known format that ends too early
	ProblemDamaged    ProblemKind = "damaged"    // a known format with something else in its midst
	ProblemUnknown    ProblemKind = "unknown"    // no known format
	ProblemUnreadable ProblemKind = "unreadable" // a file that cannot be read; ReadsAs is the error
)

// Problem says what is wrong with an alert that did not come whole.
type Problem struct {
	// Kind is "" where nothing is wrong.
	Kind ProblemKind
	// ReadsAs says what the parser made of it: "Wazuh JSON, ends in rule.description".
	ReadsAs string
	// CutAt is the limit at which ossec-notify itself cut the text, in bytes; 0 if it did not.
	CutAt int
}
