package rules

import (
	"time"

	"github.com/ossec-notify/ossec-notify/window"
)

// Policy is what a route asks for beside its receivers: when they are told, how often, and who is told next. A nested
// route inherits each setting that it does not have.
type Policy struct {
	// Active and Mute are windows: messages go out while one of Active is open (if there are any) and none of Mute.
	Active, Mute []*window.Window
	// Outside are the receivers that are told in the other times; empty: the alert is held until the time comes.
	Outside  []string
	Dedup    *Dedup
	Group    *Group
	Throttle *Throttle
	Digest   *Digest
	Resolve  []*Resolve
	// Escalate are the steps, in order. The first is told at once.
	Escalate []Step
}

// Dedup: alerts with the same values are told once in a window.
type Dedup struct {
	By  []Field
	For time.Duration
	// Growing doubles the window each time that it ends with repeats in it, up to a day.
	Growing bool
}

// Group: alerts with the same values are told together.
type Group struct {
	By []Field
	// Wait is how long the first waits for others, Interval how long those wait that come after the message, Repeat
	// when a group is told again that has an incident which is not over; zero is never.
	Wait, Interval, Repeat time.Duration
}

// Throttle is how many messages go out: Count in each Per, Burst at once. What is above comes as a digest.
type Throttle struct {
	Count, Burst int
	Per          time.Duration
}

// Digest: all alerts come as one message each Every.
type Digest struct{ Every time.Duration }

// Step is one step of an escalation: whom to tell when nobody has taken the incident After it began.
type Step struct {
	To    []string
	After time.Duration
}

// Resolve pairs an alert that opens an incident with the one that closes it: those with the same values.
type Resolve struct {
	Opens, Closes *Match
	By            []Field
}

// Inhibit holds alerts back while another is fresh.
type Inhibit struct {
	Name           string // or inhibit[0]
	Source, Target *Match
	Equal          []Field       // both have the same values
	For            time.Duration // how long the source is fresh
}
