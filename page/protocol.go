// Package page owns the page that people look at in a browser before they send anything: the server, who may ask it, what
// it answers, and the embedded script and styles that draw it. It has two faces: the preview of what receivers would get,
// and the inbox of what arrived at stand-ins.
//
// It reads no config, renders no message and knows no alert format: whoever starts it hands it a [Previews] and an
// [Inbox]. Events only say that something changed; what did is asked for.
package page

import (
	"context"
	"encoding/json"
	"time"

	"github.com/ossec-notify/ossec-notify/draw"
)

// Previews answers for the preview. Its methods are safe for concurrent use, and end with their context.
type Previews interface {
	// State is what is loaded now. The server fills in Instance, Version, Faces and Unread.
	State(ctx context.Context) (State, error)
	// Alerts lists alerts of a source, those that hold q in what the list shows, behind the id after.
	Alerts(ctx context.Context, source, q, after string) (AlertList, error)
	// Preview shows an alert by the config as it is now.
	Preview(ctx context.Context, q Query) (*Preview, error)
	// Paste takes alerts of any format and answers with their ids in the source "pasted".
	Paste(ctx context.Context, text []byte) (ids []string, err error)
	// Frame is the HTML of a mail, by the key that a card names.
	Frame(key string) (html []byte, ok bool)
}

// Query is what GET /api/preview?alert=&against=&to= asks.
type Query struct {
	Alert string
	// Against is what the difference is to: a revision, "before" (the one before the last save that changed anything),
	// "start", "running", or "" for none.
	Against string
	// To names a receiver whose message is shown, too, though it is not told: its card is behind the others.
	To string
}

// Error is an answer that is no fault of ours: it is told as it is, with what to do about it.
type Error struct {
	Status int // of HTTP
	Text   string
	Hint   string
}

func (e *Error) Error() string { return e.Text }

// Inbox answers for what arrived.
type Inbox interface {
	Items(ctx context.Context, channel, q, after string) (ItemList, error)
	Item(ctx context.Context, id string) (*Item, error)
	// Clear forgets all that arrived; what the stand-ins know stays.
	Clear()
	// Unread counts what arrived since the start, or since Clear, and was not asked for by Item.
	Unread() int
	Frame(key string) (html []byte, ok bool)
}

// Problem is an error that a person can go to.
type Problem struct {
	File   string         `json:"file,omitempty"`
	Line   int            `json:"line,omitempty"`
	Column int            `json:"col,omitempty"`
	Text   string         `json:"text"`
	Hint   string         `json:"hint,omitempty"`
	Source []NumberedLine `json:"source,omitempty"` // two lines either side
}

// NumberedLine is one line of a file.
type NumberedLine struct {
	N    int    `json:"n"`
	Text string `json:"text"`
}

// State is what GET /api/state answers, and what is written into the page.
type State struct {
	Instance string   `json:"instance"` // another one: another process, load the page anew
	Version  string   `json:"version"`
	Faces    []string `json:"faces"` // preview, inbox
	Revision int      `json:"rev"`
	Unread   int      `json:"unread"`

	Config    ConfigState     `json:"config"`
	Templates []TemplateState `json:"templates"`
	Sources   []AlertSource   `json:"sources"`
	Receivers []ReceiverState `json:"receivers"`
	// Watched is how many files are watched. Changed is the last save, nil before the first.
	Watched int     `json:"watched"`
	Changed *Change `json:"changed,omitempty"`
}

// ConfigState is the config and every mistake in it.
type ConfigState struct {
	Path     string    `json:"path"` // "" where there is none, and one receiver of each channel stands in
	LoadedAt time.Time `json:"loaded_at"`
	Errors   []Problem `json:"errors"`
}

// TemplateState is a template.
type TemplateState struct {
	Name     string    `json:"name"`
	Embedded bool      `json:"embedded"`
	Errors   []Problem `json:"errors"`
}

// AlertSource is where alerts of the list come from.
type AlertSource struct {
	ID    string `json:"id"` // corpus, files, outbox, pasted
	Name  string `json:"name"`
	Count int    `json:"count"`
	// Empty says where was looked and what to do, where the source has no alert.
	Empty string `json:"empty,omitempty"`
	// Problems are files and lines that could not be read.
	Problems []Problem `json:"problems,omitempty"`
}

// ReceiverState is a receiver of the config.
type ReceiverState struct {
	Receiver string `json:"receiver"`
	Channel  string `json:"channel"`
}

// Change is a save.
type Change struct {
	Revision int           `json:"rev"`
	At       time.Time     `json:"at"`
	Files    []ChangedFile `json:"files"`
	Errors   int           `json:"errors"`
	Impact   *Impact       `json:"impact,omitempty"`
}

// Impact is how many alerts' messages a save changes.
type Impact struct {
	Changed int      `json:"changed"`
	Looked  int      `json:"looked"`
	Of      int      `json:"of"`
	IDs     []string `json:"ids"`
}

// ChangedFile is a file that was saved.
type ChangedFile struct {
	Name string `json:"name"`
	Kind string `json:"kind"` // config, template
	OK   bool   `json:"ok"`
}

// AlertList is a part of a source; Next is to be asked for after it, "" at the end.
type AlertList struct {
	Alerts []AlertRow `json:"alerts"`
	Next   string     `json:"next,omitempty"`
}

// AlertRow is an alert of the list.
type AlertRow struct {
	ID       string `json:"id"`
	Severity string `json:"severity"`
	Level    int    `json:"level"` // -1: none
	Title    string `json:"title"`
	Rule     string `json:"rule"`
	Agent    string `json:"agent"`
	Time     string `json:"time"`
	Told     int    `json:"told"`
	Changed  bool   `json:"changed,omitempty"`
}

// Preview is what GET /api/preview answers.
type Preview struct {
	Revision int    `json:"rev"`
	Against  string `json:"against"`
	// AgainstRevision is the revision that the difference is to; 0 where there is none, or [RevisionRunning].
	AgainstRevision int             `json:"against_rev,omitempty"`
	Alert           ShownAlert      `json:"alert"`
	Told            []draw.Node     `json:"told"` // the sentence: who is told, by which route
	Routes          []RouteRow      `json:"routes"`
	Explain         json.RawMessage `json:"explain"` // the object of explain --format json
	Cards           []Card          `json:"cards"`
	NotTold         []NotTold       `json:"not_told"`
	Gone            []Card          `json:"gone,omitempty"` // no longer told, by the save
	// Nobody is set where nobody is told: why, the nearest miss, and lines to paste into the config.
	Nobody *Nobody `json:"nobody,omitempty"`
}

// RevisionRunning stands for the config that the deliverer goes by, which is no save that the page has seen.
const RevisionRunning = -1

// ShownAlert is the alert that is previewed.
type ShownAlert struct {
	ID       string      `json:"id"`
	Severity string      `json:"severity"`
	Level    int         `json:"level"`
	Rule     string      `json:"rule"`
	Title    string      `json:"title"`
	Time     string      `json:"time"`
	Facts    []ShownFact `json:"facts"`
	Original draw.Node   `json:"original"`
}

// ShownFact is a labelled value of it.
type ShownFact struct {
	Label string      `json:"label"`
	Value []draw.Node `json:"value"`
}

// RouteRow is one line of why: a route in order, always first and default last.
type RouteRow struct {
	Route   string      `json:"route"`
	Verdict string      `json:"verdict"` // takes, misses, unasked
	Reason  []draw.Node `json:"reason"`
	To      []string    `json:"to"`
	Notes   []string    `json:"notes,omitempty"` // held, digest, silenced, escalates after 10 m, each with its time
	Far     bool        `json:"far,omitempty"`   // may be folded away
	Depth   int         `json:"depth,omitempty"`
}

// NotTold is a receiver that is not told, and why.
type NotTold struct {
	Receiver string      `json:"receiver"`
	Channel  string      `json:"channel"`
	Reason   []draw.Node `json:"reason"`
}

// Nobody is the panel in the place of cards.
type Nobody struct {
	Title  string      `json:"title"`
	Reason []draw.Node `json:"reason"`
	Paste  string      `json:"paste,omitempty"`
}

// Card is what one receiver would get.
type Card struct {
	Receiver string `json:"receiver"`
	Channel  string `json:"channel"`
	Where    string `json:"where"` // "Slack, incoming webhook", "Mail · root@example.com"
	Route    string `json:"route"` // "" where no route tells it, and its message was asked for
	// Changed: the message differs from the other revision's; New: it had none then.
	Changed bool `json:"changed,omitempty"`
	New     bool `json:"new,omitempty"`

	Problems []CardProblem `json:"problems,omitempty"`
	Limits   []Limit       `json:"limits,omitempty"` // the fullest first
	Marks    Marks         `json:"marks"`
	Views    []View        `json:"views"`
	// Curl is the request as a command without secrets, "" for mail.
	Curl string `json:"curl,omitempty"`
	// Copy is the body, for the clipboard.
	Copy     string `json:"copy,omitempty"`
	Template string `json:"template"` // the file that made it
}

// The views of a message.
const (
	ViewShown    = "shown"
	ViewRequest  = "request"
	ViewTemplate = "template"
	ViewHTML     = "html"
	ViewText     = "text"
	ViewSource   = "source"
	ViewAnswer   = "answer" // to what arrived
)

// View is one way to look at a message.
type View struct {
	ID    string      `json:"id"`
	Label string      `json:"label"`
	Draw  []draw.Node `json:"draw,omitempty"`
	// Frame is the key of GET /frame/KEY, for the view html.
	Frame string `json:"frame,omitempty"`
}

// CardProblem is what is wrong with one message.
type CardProblem struct {
	Kind string `json:"kind"` // template, secret, limit; error: it cannot be made at all
	Problem
}

// Limit is a length and the limit for it.
type Limit struct {
	Name string `json:"name"`
	N    int    `json:"n"`
	Of   int    `json:"of"`
	Unit string `json:"unit"`
	Cut  int    `json:"cut,omitempty"` // so much was cut
}

// Marks counts what escaping made harmless, and names whom the operator mentions.
type Marks struct {
	Neutralised int      `json:"neutralised"`
	Mentions    []string `json:"mentions"` // the operator's own
}

// ItemList is a part of the inbox, the newest first.
type ItemList struct {
	Items     []Item         `json:"items"`
	Next      string         `json:"next,omitempty"`
	Counts    map[string]int `json:"counts"` // by channel
	Addresses []Address      `json:"addresses"`
	Example   string         `json:"example,omitempty"` // a curl line to try
}

// Address is where a stand-in listens.
type Address struct {
	Channel string `json:"channel"`
	URL     string `json:"url"`
}

// Item is something that arrived. A list leaves Card, Request, Answer and Checks out.
type Item struct {
	ID       string    `json:"id"`
	Channel  string    `json:"channel"`
	Receiver string    `json:"receiver"`
	Title    string    `json:"title"`
	At       time.Time `json:"at"`
	Status   int       `json:"status"`
	Word     string    `json:"word"` // "ok", "refused: invalid_blocks"
	OK       bool      `json:"ok"`
	Unread   bool      `json:"unread,omitempty"`
	// Joined counts the repeats that joined the same incident. Of names the item that this one answers, edits or joins.
	Joined int    `json:"joined,omitempty"`
	Of     string `json:"of,omitempty"`

	Views  []View  `json:"views,omitempty"` // shown, request, answer
	Checks []Check `json:"checks,omitempty"`
}

// Check is what a stand-in looked at.
type Check struct {
	OK   bool   `json:"ok"`
	Text string `json:"text"`
}
