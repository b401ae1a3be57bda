// Package family owns what an alert means to a person: which family of events it belongs to, the one sentence
// that says what happened, the facts in the reader's order, the next step, the evidence, and the object that
// tells one cause from another. It knows no channel and no template; the wording of messages about messages
// (late, repeated, cut) is not here but in package templates.
//
// A family is a file: its detector, its facts, its next step. See docs/messages.md for what each says.
package family

import (
	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/display"
)

// Reading is what a person needs to know of an alert.
type Reading struct {
	// Family is the name in docs and data: auth_failure, fim, web, … "other" where nothing more is known.
	Family string
	// Class is the family in words ("authentication failure"), PagerDuty's class.
	Class string
	// Composite is true when the rule counted several events.
	Composite bool

	// Sentence says what happened, from where, on which host: at most 100 characters.
	Sentence display.Text
	// What is the kind of event alone, without object, address, user and host ("SSH brute force", "File changed"): what
	// several alerts have in common. It is in our words, or, if Quoted, the description of the rule: alert text that may
	// stand in a heading.
	What   string
	Quoted bool
	// Facts are at most six, none empty, in the reader's order, without Note.
	Facts []Fact
	// Note says what is unusual about the text itself ("text holds …: shown, not run"), or is empty.
	Note display.Text
	// Next is the one step that the reader takes now.
	Next display.Text
	// Evidence is the log: the lines that made the rule fire, the diff, the composed line of a Windows event.
	Evidence Evidence
	// Object tells two causes of one rule apart (an address, a path, a CVE); "-" where there is none. It is raw
	// text and the last part of the dedup key.
	Object string
	// Count is how many events the alert stands for, at least 1; AtLeast when it may be more.
	Count   int
	AtLeast bool

	// Program, Host and Source are what messages show for them: the program with its fall-backs (decoder), the
	// host or "agent 001" where its name cannot be shown.
	Program string
	Host    string

	// Details for machines (webhook, Splunk). Nil where the family has none.
	File          *alert.File
	Process       *Process
	Request       *Request
	Vulnerability *Vulnerability
	Cloud         *Cloud
	Block         *Block
	Traffic       *Traffic
	Account       *Account
	Subject       Subject // the file that a finding is about, where there is one
	Outcome       string  // success, failure, allowed, blocked, created, modified, deleted, … where it is known
	Reason        string  // why a login failed, in plain words
	Method        string  // how somebody authenticated
}

// Fact is one labelled value.
type Fact struct {
	Label string       // one word, at most ten letters
	Value display.Text // one line
}

// Evidence is the log part of a message, before any cut.
type Evidence struct {
	Text string // raw alert text
	// Lines is how many events the text shows, Of how many there were (at least, if AtLeast); 0 where that is
	// not the question.
	Lines, Of int
	AtLeast   bool
	// CutBy says who cut the text before us: "OSSEC" after 465 characters; empty if nobody did.
	CutBy    string
	CutChars int
}

// Subject is a file that somebody's finding is about: the path and the best hash known.
type Subject struct{ Path, Hash string }

// Process is a process that an alert names.
type Process struct{ Name, PID, Command string }

// Traffic is what a network sensor saw: between whom, by which protocol, and the class that the sensor gives it.
type Traffic struct {
	Source, Target     alert.Endpoint
	Protocol, Category string
}

// Account is a user or a group that was made, changed or removed.
type Account struct{ Kind, Name string }

// Request is a web request.
type Request struct{ Method, URL, Status, Client string }

// Vulnerability is a known flaw in an installed package.
type Vulnerability struct{ CVE, Package, Version, Severity, CVSS, Fixed, Status, Title string }

// Cloud is an action in a cloud account.
type Cloud struct{ Provider, Account, Region, Actor, Action, Target, Result string }

// Block is an address that an active response blocked or let go.
type Block struct {
	Address, By string
	Undo        bool
	Rule, Alert string // because of
}
