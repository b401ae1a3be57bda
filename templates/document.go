package templates

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/digest"
	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/family"
	"github.com/ossec-notify/ossec-notify/notifier"
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
	Kind       string `json:"kind,omitempty"` // of a message about many alerts
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

	Step     *documentStep     `json:"step,omitempty"`
	Taken    *documentTaken    `json:"taken,omitempty"`
	Resolved *documentResolved `json:"resolved,omitempty"`
	Ran      *documentRan      `json:"ran,omitempty"`
	Counts   []documentCount   `json:"counts,omitempty"`
	More     *documentMore     `json:"more,omitempty"`
	Alerts   []documentAlert   `json:"alerts,omitempty"`

	Log       string           `json:"log,omitempty"`
	Previous  []string         `json:"previous,omitempty"`
	Repeats   documentRepeats  `json:"repeats"`
	Truncated bool             `json:"truncated,omitempty"`
	Drill     bool             `json:"drill,omitempty"`
	Original  *json.RawMessage `json:"original,omitempty"`

	more map[string]any // keys that enrichment adds, behind all others but the original
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
		Path    string             `json:"path,omitempty"`
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
		Count int    `json:"count"`
		Since string `json:"since,omitempty"`
		Last  string `json:"last,omitempty"`
	}
	documentStep struct {
		N     int      `json:"n"`
		Of    int      `json:"of"`
		Who   []string `json:"who,omitempty"`
		After float64  `json:"after_s,omitempty"`
	}
	documentTaken struct {
		By  string `json:"by,omitempty"`
		Via string `json:"via,omitempty"`
		At  string `json:"at,omitempty"`
	}
	documentResolved struct {
		After float64 `json:"after_s"`
		By    string  `json:"by,omitempty"` // the alert's identity
	}
	documentRan struct {
		Program  string  `json:"program"`
		Receiver string  `json:"receiver"`
		Delivery string  `json:"delivery"`
		Action   string  `json:"action,omitempty"`
		Status   *int    `json:"status,omitempty"`
		Ended    string  `json:"ended,omitempty"`
		Took     float64 `json:"took_s"`
		Output   string  `json:"output,omitempty"`
		Dropped  int64   `json:"dropped,omitempty"`
	}
	documentCount struct {
		Rule     string `json:"rule,omitempty"`
		Severity string `json:"severity"`
		Level    *int   `json:"level,omitempty"`
		Family   string `json:"family,omitempty"`
		Title    string `json:"title"`
		Count    int    `json:"count"`
		Hosts    int    `json:"hosts"`
		Sources  int    `json:"sources"`
		Host     string `json:"host,omitempty"`
		Source   string `json:"source,omitempty"`
		First    string `json:"first,omitempty"`
		Last     string `json:"last,omitempty"`
		New      bool   `json:"new,omitempty"`
	}
	documentMore struct {
		Alerts int `json:"alerts"`
		Rules  int `json:"rules"`
	}
	documentAlert struct {
		ID       string `json:"id"`
		Time     string `json:"time,omitempty"`
		Severity string `json:"severity,omitempty"`
		Level    *int   `json:"level,omitempty"`
		Rule     string `json:"rule,omitempty"`
		Title    string `json:"title,omitempty"`
		Host     string `json:"host,omitempty"`
		Source   string `json:"source,omitempty"`
	}
)

// document makes the document from the parts of the message and the alert itself.
func (s *Set) document(d *Data) (document, error) {
	if d.Summary != nil {
		return s.summaryDocument(d)
	}
	doc := document{
		Time:      rfc3339(d.Time),
		Received:  rfc3339(d.Received),
		Level:     level(d.Rule.Level),
		Location:  d.LogFile,
		Program:   d.Reading.Program,
		Decoder:   d.Decoder,
		Log:       d.Log,
		Previous:  known(d.Previous),
		Repeats:   d.repeats(),
		Truncated: d.Problem.Kind != "",
		Original:  d.original(),
		more:      d.Added,
	}
	if err := s.fillDocument(&doc, d); err != nil {
		return doc, err
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

// fillDocument adds what is the same of one alert and of many, and what the parts of the message say.
func (s *Set) fillDocument(doc *document, d *Data) error {
	doc.Version, doc.Action, doc.Drill = SchemaVersion, string(d.Action), d.Sample != ""
	doc.Delivery, doc.Receiver, doc.Route = d.Delivery, d.Receiver, d.Route
	doc.ID, doc.Occurrence, doc.DedupKey = d.ID, d.Occurrence, d.DedupKey
	doc.Severity, doc.Family, doc.Manager = d.Severity.String(), d.Family, d.Manager
	if d.Sample != "" {
		doc.Action = "test"
	}
	title, err := s.part("sentence", d)
	if err != nil {
		return err
	}
	doc.Title = title.Raw()
	next, err := s.part("next", d)
	if err != nil {
		return err
	}
	doc.Next = next.Raw()
	facts, err := s.facts(d)
	if err != nil {
		return err
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
	if p := d.Step; p != nil {
		doc.Step = &documentStep{p.N, p.Of, known(p.Who), p.After.Seconds()}
	}
	if t := d.Taken; t != nil {
		doc.Taken = &documentTaken{t.By, t.Via, rfc3339(t.At)}
	}
	if r := d.Ran; r != nil {
		doc.Ran = ran(r)
	}
	if r := d.Resolved; r != nil {
		doc.Resolved = &documentResolved{After: r.After.Seconds()}
		if r.By != nil {
			doc.Resolved.By = r.By.Identity()
		}
	}
	return nil
}

// summaryDocument is the document of a message about many alerts.
func (s *Set) summaryDocument(d *Data) (document, error) {
	sum := d.Summary
	from, to := period(sum)
	doc := document{
		Time:    rfc3339(to),
		Level:   level(sum.Level),
		Kind:    string(sum.Kind),
		Counts:  counts(sum),
		Repeats: documentRepeats{sum.Total, rfc3339(from), rfc3339(to)},
	}
	if sum.Kind.Notice() {
		doc.Level = nil
	}
	if rule := oneRule(sum); rule != "" {
		doc.Rule = &documentRule{ID: rule, Level: level(sum.Level)}
	}
	if sum.Host != "" {
		doc.Host = &documentHost{Name: sum.Host}
	}
	if sum.Source != "" {
		doc.Source = &documentAddress{IP: sum.Source}
	}
	if sum.MoreAlerts > 0 {
		doc.More = &documentMore{sum.MoreAlerts, sum.MoreRules}
	}
	for _, x := range d.Alerts {
		at := x.Time
		if at.IsZero() {
			at = x.Received
		}
		doc.Alerts = append(doc.Alerts, documentAlert{
			ID: x.ID, Time: rfc3339(at), Severity: x.Severity.String(), Level: level(x.Rule.Level), Rule: x.Rule.ID,
			Title: x.Sentence.Raw(), Host: x.Host, Source: x.Source.IP,
		})
	}
	return doc, s.fillDocument(&doc, d)
}

// counts are the rows of a summary.
func counts(s *digest.Summary) []documentCount {
	var out []documentCount
	for _, r := range s.Rows {
		out = append(out, documentCount{
			Rule: r.Rule, Severity: severityOf(r.Severity).String(), Level: level(r.Level), Family: r.Family, Title: r.What,
			Count: r.Count, Hosts: r.Hosts, Sources: r.Sources, Host: r.Host, Source: r.Source,
			First: rfc3339(r.First), Last: rfc3339(r.Last), New: r.New,
		})
	}
	return out
}

// repeats say how often an alert came, and when.
func (d *Data) repeats() documentRepeats {
	switch {
	case d.Quiet != nil && d.Quiet.Total > 1:
		return documentRepeats{d.Quiet.Total, rfc3339(d.Quiet.Since), rfc3339(d.Quiet.Last)}
	case d.Seen != nil && d.Seen.Count > 1:
		return documentRepeats{d.Seen.Count, rfc3339(d.Seen.Since), rfc3339(d.Seen.Last)}
	}
	return documentRepeats{Count: 1}
}

func (doc *document) details(r *family.Reading) {
	if f := r.File; f != nil {
		doc.File = &documentFile{Path: f.Path, Event: f.Event, Changed: known(f.Changed), Before: fileState(f.Before), After: fileState(f.After), Diff: f.Diff}
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

func ran(r *notifier.Ran) *documentRan {
	return &documentRan{r.Program, r.Receiver, r.Delivery, string(r.Action), level(r.Status), r.Ended, r.Took.Seconds(), r.Output, r.Dropped}
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

func (doc document) added() map[string]any { return doc.more }

// DocumentKeys are the keys of the documents and events that machines get: nothing that is added to an alert may have such a name.
func DocumentKeys() []string {
	var keys []string
	for _, t := range []reflect.Type{reflect.TypeFor[document](), reflect.TypeFor[event]()} {
		for i := range t.NumField() {
			if key, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ","); key != "" {
				keys = append(keys, key)
			}
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// withAdded puts further keys behind those of an object. What is nil is not known, and absent.
func withAdded(object []byte, more map[string]any) ([]byte, error) {
	known := maps.Clone(more)
	maps.DeleteFunc(known, func(_ string, v any) bool { return v == nil })
	if len(known) == 0 {
		return object, nil
	}
	b := bytes.NewBuffer(append([]byte(nil), object[:len(object)-1]...))
	b.WriteByte(',')
	begin := b.Len()
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(known); err != nil {
		return nil, err
	}
	out := bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	return append(out[:begin], out[begin+1:]...), nil // without the brace that begins them
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
		if old, ok := m[key]; ok && key == countsKey {
			value = old + "\n" + value
		} else if ok {
			value = old + "; " + value
		}
		m[key] = value
	}
	for _, f := range facts {
		name, value := detailKey(d, f.Label.String()), shown(f.Value)
		if name == countsKey && d.Summary != nil {
			value = f.Label.String() + "  " + value
		}
		add(name, value)
	}
	add("next", shown(next))
	if d.Summary != nil {
		s.summaryDetails(m, d)
		add("log", shown(log.Whole()))
		return fewest(m), nil
	}
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
	return fewest(m), nil
}

// maxDetails is how many details a reader looks at.
const maxDetails = 14

// fewest leaves out what is said elsewhere, or is needed least, where there are too many details.
func fewest(m map[string]string) map[string]string {
	for _, key := range []string{"location", "level", "sent", "late"} {
		if len(m) > maxDetails {
			delete(m, key)
		}
	}
	return m
}

// detailKey is the key of a fact. The rows of a summary, whose labels are counts, are lines of one detail.
func detailKey(d *Data, label string) string {
	switch name := key(label); {
	case name == "seen":
		return "repeats"
	case d.Summary != nil && name != "" && strings.Trim(name, "0123456789") == "":
		return countsKey
	default:
		return name
	}
}

const countsKey = "counts"

// summaryDetails are the details of a message about many alerts that it does not share with others.
func (*Set) summaryDetails(m map[string]string, d *Data) {
	sum := d.Summary
	m["alerts"] = display.Thousands(sum.Total)
	m["kind"] = d.Kind().String()
	m["period"] = d.Period().String()
	m["alert_id"] = checked(d.ID).Line().String()
	if rule := oneRule(sum); rule != "" {
		m["rule"] = checked(rule).Line().String()
	}
	if sum.Waiting > 0 {
		m["waiting"] = display.Thousands(sum.Waiting)
	}
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
