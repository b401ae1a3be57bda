// Package presets owns the files that tell the channel webhook all that a vendor needs: the request, what is live in the
// vendor's markup, limits, what an answer means, and the words of the manual. It reads and checks them; it makes no
// message of them (package templates does) and sends nothing (package notifier/webhook does).
//
// A preset is data: no Go knows a vendor. docs/presets.md is its format.
package presets

import (
	"embed"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// Preset is one file, checked.
type Preset struct {
	Name, Title, About string
	// Checked is the day on which the facts were checked, Sources where. Tested is what the messages were sent to.
	Checked string
	Sources []string
	Tested  []string
	// Idempotent: the vendor knows a message that is sent again.
	Idempotent bool
	// Rate ("1/s") and Concurrency hold where a receiver sets none.
	Rate        string
	Concurrency int
	// Needs and Notes are Markdown, for the manual.
	Needs, Notes string
	Settings     []Setting // in the order of the file
	// Request is what is sent for a trigger; Requests gives that of each action.
	Request Request
	on      map[string][]Request // acknowledge, resolve, digest; empty: the receiver is not told
	// Find asks how the vendor calls a message that it has already, where an answer means delivered and does not say; nil: it is not asked.
	Find     *Find
	Text     Text
	Unmarked *Unmarked // nil: no answer asks for it
	Limits   Limits
	Answer   Answer
	Embedded bool // it is one of ours
	text     string
}

// Source is the file, as it was read.
func (p *Preset) Source() string { return p.text }

// The actions that may have a request of their own.
const (
	Trigger     = "trigger"
	Acknowledge = "acknowledge"
	Resolve     = "resolve"
	Digest      = "digest"
)

// For is the request of an action: of several, the first whose setting the receiver gives. ok is false where the vendor is not told of it.
func (p *Preset) For(action string, given func(setting string) bool) (r Request, ok bool) {
	if action == Trigger {
		return p.Request, true
	}
	own, known := p.on[action]
	if !known {
		return p.Request, action == Acknowledge || action == Resolve || action == Digest
	}
	for _, r := range own {
		if r.When == "" || given(r.When) {
			return r, true
		}
	}
	return Request{}, false
}

// Others are the requests of an action that are sent where the receiver gives the setting of their When.
func (p *Preset) Others(action string) []Request {
	return slices.DeleteFunc(slices.Clone(p.on[action]), func(r Request) bool { return r.When == "" })
}

// Requests are all requests, by the key of the file under which each stands: request, resolve. One that is for a setting has its name, too:
// resolve_closed_status.
func (p *Preset) Requests() map[string]Request {
	all := map[string]Request{"request": p.Request}
	for action, requests := range p.on {
		for _, r := range requests {
			all[requestName(action, r.When)] = r
		}
	}
	return all
}

func requestName(action, when string) string {
	if when == "" {
		return action
	}
	return action + "_" + when
}

// Setting is what a receiver gives. The one named url is the webhook's own setting, the others stand in settings.
type Setting struct {
	Name             string
	Required, Secret bool
	Default          string
	Values           []string // it is one of these; nil: anything
	Forms            []Form   // what the vendor says of its form
	Help, Example    string
}

// Key is where it stands in the webhook's part of the config.
func (s Setting) Key() string {
	if s.Name == "url" {
		return s.Name
	}
	return "settings." + s.Name
}

// Form is what a value must look like, or must not: Expression is for all of it. Hint says what to do about one that does not fit.
type Form struct {
	Must       bool
	Expression string
	Hint       string
	whole      *regexp.Regexp
}

// Misfit is the hint of the first form that a value does not have. ok is false where there is none: it fits.
func (s Setting) Misfit(value string) (hint string, ok bool) {
	for _, f := range s.Forms {
		if f.whole.MatchString(value) != f.Must {
			return f.Hint, true
		}
	}
	return "", false
}

// Setting is one of the settings.
func (p *Preset) Setting(name string) (Setting, bool) {
	i := slices.IndexFunc(p.Settings, func(s Setting) bool { return s.Name == name })
	if i < 0 {
		return Setting{}, false
	}
	return p.Settings[i], true
}

// Authorizes reports a setting that a request's authorization is made of.
func (p *Preset) Authorizes(name string) bool {
	for _, r := range p.Requests() {
		texts := []string{}
		for header, text := range r.Headers {
			if http.CanonicalHeaderKey(header) == "Authorization" {
				texts = append(texts, text)
			}
		}
		if r.Basic != nil {
			texts = append(texts, r.Basic.Username, r.Basic.Password)
		}
		if slices.ContainsFunc(texts, func(s string) bool { return slices.Contains(Placeholders(s), name) }) {
			return true
		}
	}
	return false
}

// IsAddress reports a setting that is an address: a request's begins with it.
func (p *Preset) IsAddress(name string) bool {
	for _, r := range p.Requests() {
		if strings.HasPrefix(r.URL, "{"+name+"}") {
			return true
		}
	}
	return false
}

// Host is the address of the vendor's server where the preset itself names it and no setting does, or "".
func (p *Preset) Host() string {
	if !strings.HasPrefix(p.Request.URL, "https://") && !strings.HasPrefix(p.Request.URL, "http://") {
		return ""
	}
	scheme, rest, _ := strings.Cut(p.Request.URL, "://")
	host, _, _ := strings.Cut(rest, "/")
	if strings.Contains(host, "{") {
		return ""
	}
	return scheme + "://" + host
}

// Request is what is sent. URL, Query, Headers and Basic hold placeholders; see [Expand].
type Request struct {
	// When is the setting without which it is not sent, in the place of those after it; "": it always is.
	When           string
	Method         string
	URL            string
	Query, Headers map[string]string
	Basic          *Basic
	// Form: the body is sent form-encoded.
	Form bool
	// SecretFields are put into the body, an object, when it is sent: secrets may stand in them, and nowhere else in a body.
	SecretFields map[string]string
	// Success says when it is delivered, in the place of the answer's; nil: as the answer says.
	Success *Match
	// Body is a template that makes JSON; it begins in line BodyLine of the file. BodyName names it in errors.
	Body     string
	BodyLine int
	BodyName string
	// Plain is JSON with placeholders, and {text} for the text: the body where templates fail.
	Plain string
}

// Find is a request whose Plain is its whole body, and where its answer has the id.
type Find struct {
	Request
	ID string
}

// NeedsObject reports that the body must be an object: a form has names, and what is secret is put beside others.
func (r Request) NeedsObject() bool { return r.Form || len(r.SecretFields) > 0 }

// Basic is a name and a password, with placeholders.
type Basic struct{ Username, Password string }

// Text says what becomes of text of the alert in the body.
type Text struct {
	// Raw: it stays as it came, for machines. Otherwise it has its display form.
	Raw bool
	// Escape are replacements, LineStart those at the start of a line. A key there that begins with 1 stands for every
	// number: "1." for "12.".
	Escape, LineStart map[string]string
	Code, Fence       *Wrap
}

// Wrap is what {{code}} and {{fence}} put around a text, with its own replacements.
type Wrap struct {
	Open, Close string
	Escape      map[string]string
}

// Unmarked says what a body is without markup: it is sent in the place of one whose markup the vendor could not read.
type Unmarked struct {
	// Drop are the paths of what is left out, such as the key that says which markup it is.
	Drop []string
	// Words are replacements in what the template itself says, Escape those in text of the alert, in the place of Text's.
	Words, Escape map[string]string
}

// Limits are what the vendor takes.
type Limits struct {
	Body     int // bytes; 0: no limit
	Fields   []Limit
	CutFirst []string // paths
}

// Unit is what a limit counts.
type Unit string

// The units.
const (
	Chars Unit = "chars" // code points
	UTF16 Unit = "utf16"
	Bytes Unit = "bytes"
	Items Unit = "items" // of a list
)

// Limit is one limit of the body's fields.
type Limit struct {
	Path string
	Max  int
	Unit Unit
	Sum  bool // all texts below the path together
	// Of a list that is cut: More is JSON that takes the place of what is left out, with {more} for how many that are; Last is
	// how many elements at its end stay.
	More string
	Last int
}

// Answer says what the vendor's answer means.
type Answer struct {
	Success  Match
	ID       string   // path of the id that is kept
	Error    []string // paths of the vendor's words; "text" is the whole body
	Code     string   // path of the vendor's code
	Wait     *Wait
	Verdicts []Verdict
}

// Match is a condition: all that is given must hold. Without anything, it holds.
type Match struct {
	Status []Statuses
	Code   []string
	Text   string            // the body holds it; case does not count
	Body   string            // the whole body is it, also as a text in JSON; case does not count, nor does white space around it
	JSON   map[string]string // path to value, Present or Absent
}

// Present and Absent are conditions of a path in JSON.
const (
	Present = "present"
	Absent  = "absent"
)

// Statuses is a range of HTTP statuses, both ends included.
type Statuses struct{ From, To int }

// Hold reports whether a status is among them.
func (s Statuses) Hold(status int) bool { return s.From <= status && status <= s.To }

// Wait is where the vendor says how long to wait.
type Wait struct{ JSON, Header, Unit string }

// Verdict is what an answer means.
type Verdict struct {
	Match
	Is   string // delivered, unmarked, temporary, permanent, misconfigured
	Wait time.Duration
	Hint string
}

// The verdicts.
const (
	IsDelivered     = "delivered"
	IsUnmarked      = "unmarked" // nothing was taken, and the same without markup would be
	IsTemporary     = "temporary"
	IsPermanent     = "permanent"
	IsMisconfigured = "misconfigured"
)

//go:embed *.yaml
var embedded embed.FS

// load has a function for each embedded preset, by name: it reads the preset once, when it is asked for. A call needs one of them, or none.
var load = sync.OnceValue(func() map[string]func() *Preset {
	all := map[string]func() *Preset{}
	files, err := fs.Glob(embedded, "*.yaml")
	if err != nil {
		panic("presets: " + err.Error())
	}
	for _, file := range files {
		all[strings.TrimSuffix(file, ".yaml")] = sync.OnceValue(func() *Preset {
			text, err := embedded.ReadFile(file)
			if err != nil {
				panic("presets: " + err.Error())
			}
			p, problems := Parse(file, text)
			if p == nil {
				panic(fmt.Sprintf("presets: an embedded preset has mistakes: %v", problems)) // every test sees it
			}
			p.Embedded = true
			return p
		})
	}
	return all
})

// Embedded is the preset of a name that comes with this program, or nil.
func Embedded(name string) *Preset {
	if read := load()[name]; read != nil {
		return read()
	}
	return nil
}

// Names are the names of the embedded presets, in order.
func Names() []string { return slices.Sorted(maps.Keys(load())) }

// File is where the preset of a name lies below a directory of templates.
func File(dir, name string) string { return path.Join(dir, "presets", name+".yaml") }

var nameForm = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,40}$`)

// IsName reports whether a preset can have this name: it is that of a file.
func IsName(name string) bool { return nameForm.MatchString(name) }

// What {{code}}, {{fence}} and {{plainText}} write around a text, until the channel puts the vendor's own there: characters that are
// for use within a program alone (Unicode, 23.7). Alert text never passes for them: it is not looked at for any.
const (
	CodeOpen   = '\ufdd0'
	CodeClose  = '\ufdd1'
	FenceOpen  = '\ufdd2'
	FenceClose = '\ufdd3'
	PlainOpen  = '\ufdd4'
	PlainClose = '\ufdd5'
	// QuoteOpen and QuoteClose are free for who reads the body.
	QuoteOpen  = '\ufdd6'
	QuoteClose = '\ufdd7'
)

// IsMark reports the characters above.
func IsMark(r rune) bool { return r >= CodeOpen && r <= QuoteClose }

// WithoutMarks is s without them.
func WithoutMarks(s string) string {
	if !strings.ContainsFunc(s, IsMark) {
		return s
	}
	return strings.Map(func(r rune) rune {
		if IsMark(r) {
			return -1
		}
		return r
	}, s)
}
