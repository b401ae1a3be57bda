package templates

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/family"
)

// SchemaVersion is the version of the webhook's JSON document. Within a version a key keeps its name, type and
// meaning, and new keys may come.
const SchemaVersion = 1

// A document is the alert as the webhook preset "json" sends it: absent means not known, numbers are numbers,
// times are RFC 3339 with milliseconds, and text is raw (the receiver escapes). docs/webhook.md explains each key.
type document struct {
	Version    int    `json:"version"`
	Action     string `json:"action"`
	Delivery   string `json:"delivery,omitempty"`
	Receiver   string `json:"receiver"`
	Route      string `json:"route,omitempty"`
	ID         string `json:"id"`
	Occurrence int    `json:"occurrence"`
	DedupKey   string `json:"dedup_key"`
	Time       string `json:"time,omitempty"`
	Received   string `json:"received,omitempty"`
	Severity   string `json:"severity"`
	Level      *int   `json:"level,omitempty"`
	Family     string `json:"family"`
	Title      string `json:"title"`

	Facts []documentFact `json:"facts,omitempty"`
	Next  string         `json:"next,omitempty"`
	Rule  *documentRule  `json:"rule,omitempty"`
	Host  *documentHost  `json:"host,omitempty"`

	Manager     string           `json:"manager,omitempty"`
	Location    string           `json:"location,omitempty"`
	Program     string           `json:"program,omitempty"`
	Decoder     string           `json:"decoder,omitempty"`
	Source      *documentAddress `json:"source,omitempty"`
	Destination *documentAddress `json:"destination,omitempty"`
	User        *documentUser    `json:"user,omitempty"`
	TargetUser  *documentUser    `json:"target_user,omitempty"`

	File          *documentFile          `json:"file,omitempty"`
	Process       *documentProcess       `json:"process,omitempty"`
	Request       *documentRequest       `json:"request,omitempty"`
	Vulnerability *documentVulnerability `json:"vulnerability,omitempty"`
	Cloud         *documentCloud         `json:"cloud,omitempty"`
	Block         *documentBlock         `json:"block,omitempty"`
	Links         map[string]string      `json:"links,omitempty"`

	Log       string           `json:"log,omitempty"`
	Previous  []string         `json:"previous,omitempty"`
	Repeats   documentRepeats  `json:"repeats"`
	Truncated bool             `json:"truncated,omitempty"`
	Drill     bool             `json:"drill,omitempty"`
	Original  *json.RawMessage `json:"original,omitempty"`
}

type (
	documentFact struct {
		Label string `json:"label,omitempty"`
		Value string `json:"value"`
	}
	documentRule struct {
		ID          string         `json:"id,omitempty"`
		Level       *int           `json:"level,omitempty"`
		Description string         `json:"description,omitempty"`
		Groups      []string       `json:"groups,omitempty"`
		MITRE       *documentMITRE `json:"mitre,omitempty"`
		FiredTimes  int            `json:"firedtimes,omitempty"`
	}
	documentMITRE struct {
		IDs        []string `json:"id,omitempty"`
		Tactics    []string `json:"tactic,omitempty"`
		Techniques []string `json:"technique,omitempty"`
	}
	documentHost struct {
		Name string `json:"name,omitempty"`
		ID   string `json:"id,omitempty"`
		IP   string `json:"ip,omitempty"`
	}
	documentAddress struct {
		IP   string `json:"ip,omitempty"`
		Port string `json:"port,omitempty"`
		Text string `json:"text,omitempty"` // what stood there, where it is no address
	}
	documentUser struct {
		Name string `json:"name"`
	}
	documentFile struct {
		Path    string             `json:"path"`
		Event   string             `json:"event,omitempty"`
		Changed []string           `json:"changed,omitempty"`
		Before  *documentFileState `json:"before,omitempty"`
		After   *documentFileState `json:"after,omitempty"`
		Diff    string             `json:"diff,omitempty"`
	}
	documentFileState struct {
		Size   string `json:"size,omitempty"`
		Mode   string `json:"mode,omitempty"`
		Owner  string `json:"owner,omitempty"`
		Group  string `json:"group,omitempty"`
		MD5    string `json:"md5,omitempty"`
		SHA1   string `json:"sha1,omitempty"`
		SHA256 string `json:"sha256,omitempty"`
		Time   string `json:"modified,omitempty"`
	}
	documentProcess struct {
		Name    string `json:"name,omitempty"`
		PID     string `json:"pid,omitempty"`
		Command string `json:"command,omitempty"`
	}
	documentRequest struct {
		Method string `json:"method,omitempty"`
		URL    string `json:"url,omitempty"`
		Status string `json:"status,omitempty"`
		Client string `json:"client,omitempty"`
	}
	documentVulnerability struct {
		CVE      string `json:"cve,omitempty"`
		Package  string `json:"package,omitempty"`
		Version  string `json:"version,omitempty"`
		Severity string `json:"severity,omitempty"`
		CVSS     string `json:"cvss,omitempty"`
		Fixed    string `json:"fixed,omitempty"`
		Status   string `json:"status,omitempty"`
		Title    string `json:"title,omitempty"`
	}
	documentCloud struct {
		Provider string `json:"provider,omitempty"`
		Account  string `json:"account,omitempty"`
		Region   string `json:"region,omitempty"`
		Actor    string `json:"actor,omitempty"`
		Action   string `json:"action,omitempty"`
	}
	documentBlock struct {
		Address string `json:"address,omitempty"`
		By      string `json:"by,omitempty"`
		Undo    bool   `json:"undo"`
	}
	documentRepeats struct {
		Count int `json:"count"`
	}
)

// document makes the document from the parts of the message and the alert itself.
func (s *Set) document(d *Data) (document, error) {
	doc := document{
		Version:    SchemaVersion,
		Action:     string(d.Action),
		Delivery:   d.Delivery,
		Receiver:   d.Receiver,
		Route:      d.Route,
		ID:         d.ID,
		Occurrence: d.Occurrence,
		DedupKey:   d.DedupKey,
		Time:       rfc3339(d.Time),
		Received:   rfc3339(d.Received),
		Severity:   d.Severity.String(),
		Level:      level(d.Rule.Level),
		Family:     d.Family,
		Manager:    d.Manager,
		Location:   d.LogFile,
		Program:    d.Reading.Program,
		Decoder:    d.Decoder,
		Log:        d.Log,
		Previous:   known(d.Previous),
		Repeats:    documentRepeats{1},
		Truncated:  d.Problem.Kind != "",
		Drill:      d.Sample != "",
		Original:   d.original(),
	}
	if d.Sample != "" {
		doc.Action = "test"
	}
	title, err := s.part("sentence", d)
	if err != nil {
		return doc, err
	}
	doc.Title = title.Raw()
	next, err := s.part("next", d)
	if err != nil {
		return doc, err
	}
	doc.Next = next.Raw()
	facts, err := s.facts(d)
	if err != nil {
		return doc, err
	}
	for _, f := range facts {
		doc.Facts = append(doc.Facts, documentFact{f.Label.Raw(), f.Value.Raw()})
	}
	for _, l := range s.renderLinks(d) {
		if doc.Links == nil {
			doc.Links = map[string]string{}
		}
		doc.Links[l.Name] = l.URL.Raw()
	}
	if d.Rule.ID != "" || d.Rule.Level >= 0 || d.Rule.Description != "" {
		doc.Rule = &documentRule{ID: d.Rule.ID, Level: level(d.Rule.Level), Description: d.Rule.Description, Groups: known(d.Rule.Groups), FiredTimes: d.Rule.FiredTimes}
		if m := d.Rule.MITRE; len(m.IDs) > 0 {
			doc.Rule.MITRE = &documentMITRE{m.IDs, m.Tactics, m.Techniques}
		}
	}
	if d.Host != "" || d.Agent.IP != "" {
		doc.Host = &documentHost{d.Host, d.Agent.ID, d.Agent.IP}
	}
	doc.Source, doc.Destination = address(d.Source), address(d.Destination)
	doc.User, doc.TargetUser = user(d.User), user(d.TargetUser)
	if d.TargetUser == d.User {
		doc.TargetUser = nil
	}
	doc.details(d.Reading)
	return doc, nil
}

func (doc *document) details(r *family.Reading) {
	if f := r.File; f != nil {
		doc.File = &documentFile{Path: f.Path, Event: f.Event, Changed: f.Changed, Before: fileState(f.Before), After: fileState(f.After), Diff: f.Diff}
	}
	if p := r.Process; p != nil {
		doc.Process = &documentProcess{p.Name, p.PID, p.Command}
	}
	if q := r.Request; q != nil {
		doc.Request = &documentRequest{q.Method, q.URL, q.Status, q.Client}
	}
	if v := r.Vulnerability; v != nil {
		doc.Vulnerability = &documentVulnerability{v.CVE, v.Package, v.Version, v.Severity, v.CVSS, v.Fixed, v.Status, v.Title}
	}
	if c := r.Cloud; c != nil {
		doc.Cloud = &documentCloud{c.Provider, c.Account, c.Region, c.Actor, c.Action}
	}
	if b := r.Block; b != nil {
		doc.Block = &documentBlock{b.Address, b.By, b.Undo}
	}
}

// known leaves out what is empty: in the document, what is not known is absent.
func known(texts []string) []string {
	return slices.DeleteFunc(slices.Clone(texts), func(s string) bool { return s == "" })
}

func fileState(s alert.FileState) *documentFileState {
	if s == (alert.FileState{}) {
		return nil
	}
	return &documentFileState{s.Size, s.Mode, s.Owner, s.Group, s.MD5, s.SHA1, s.SHA256, s.Modified}
}

func address(e alert.Endpoint) *documentAddress {
	a := documentAddress{IP: e.IP, Port: e.Port}
	if a.IP == "" {
		a.Text = e.Text
	}
	if a == (documentAddress{}) {
		return nil
	}
	return &a
}

func user(name string) *documentUser {
	if name == "" {
		return nil
	}
	return &documentUser{name}
}

func level(n int) *int {
	if n < 0 {
		return nil
	}
	return &n
}

func rfc3339(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format("2006-01-02T15:04:05.000Z07:00")
}

// original is the alert as it came: the very JSON where it is JSON, else its fields.
func (d *Data) original() *json.RawMessage {
	raw := json.RawMessage(bytes.TrimRight(d.Raw, " \t\r\n"))
	// What was decoded as a whole is JSON, but for a byte order mark or the NULs of a crash around it.
	whole := d.Problem.Kind == "" && bytes.HasPrefix(raw, []byte("{")) && bytes.HasSuffix(raw, []byte("}"))
	if (d.Format != alert.FormatWazuh && d.Format != alert.FormatOSSEC) || d.Response != nil || !utf8.Valid(raw) || !whole && !json.Valid(raw) {
		if len(d.Original) == 0 {
			return nil
		}
		j, err := toJSON(d.Original, "")
		if err != nil {
			return nil
		}
		raw = json.RawMessage(j)
	}
	if bytes.ContainsAny(raw, "\r\n") { // some receivers keep a document a line
		var b bytes.Buffer
		if json.Compact(&b, raw) == nil {
			raw = b.Bytes()
		}
	}
	return &raw
}

// apart gives the document and its last key, which is JSON already.
func (doc document) apart() (rest any, original *json.RawMessage) {
	original, doc.Original = doc.Original, nil
	return &doc, original
}

// details are PagerDuty's custom details: flat and of strings, the fact labels in small letters without signs.
func (s *Set) details(d *Data) (map[string]string, error) {
	facts, err := s.facts(d)
	if err != nil {
		return nil, err
	}
	next, err := s.part("next", d)
	if err != nil {
		return nil, err
	}
	log, err := s.log(d, 0, 1000)
	if err != nil {
		return nil, err
	}
	m := map[string]string{}
	shown := func(t display.Text) string { return enliven(t, s.isLive(d.Channel)).String() }
	add := func(key, value string) {
		if value == "" {
			return
		}
		if old, ok := m[key]; ok {
			value = old + "; " + value
		}
		m[key] = value
	}
	for _, f := range facts {
		add(key(f.Label.String()), shown(f.Value))
	}
	add("next", shown(next))
	rule := checked(d.Rule.ID)
	if d.Described() {
		rule = display.Join(rule, display.Words(" "), display.Quote(d.Rule.Description))
	}
	add("rule", shown(rule.Line()))
	if d.Rule.Level >= 0 {
		add("level", asText(d.Rule.Level).String())
	}
	add("location", asText(d.LogFile).Line().String())
	if log.Text != nil {
		add("log", shown(log.Whole()))
	}
	add("alert_id", checked(d.ID).Line().String())
	return m, nil
}

// key makes a key of a label: SHA-256 is sha256.
func key(label string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		case (r >= 'a' && r <= 'z') || (r >= '0' && r <= '9'):
			return r
		case r == ' ' || r == '_':
			return '_'
		}
		return -1
	}, label)
}
