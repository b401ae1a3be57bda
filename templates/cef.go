package templates

import (
	"cmp"
	"maps"
	"net/netip"
	"strings"
	"time"

	"github.com/ossec-notify/ossec-notify/alert"
)

// securityEvent is an alert as the formats CEF and LEEF have it: what stands in their header, and their fields, each an object in
// the order in which they are sent. How both are written is the channel's business.
type securityEvent struct {
	Vendor   string `json:"vendor"`
	Product  string `json:"product"`
	ID       string `json:"id"`   // of the kind of event: the rule
	Name     string `json:"name"` // CEF
	Severity int    `json:"severity"`
	Fields   any    `json:"fields"`
}

// cefFields are the extension of a CEF event, under the names of its dictionary. What that has no name for stands in its custom
// fields, each with its label. docs/syslog.md lists them.
type cefFields struct {
	Time       int64  `json:"rt,omitempty"` // in milliseconds since 1970
	Start      int64  `json:"start,omitempty"`
	End        int64  `json:"end,omitempty"`
	ExternalID string `json:"externalId,omitempty"`
	Category   string `json:"cat,omitempty"`
	Action     string `json:"act,omitempty"`
	Outcome    string `json:"outcome,omitempty"` // of a program
	Reason     string `json:"reason,omitempty"`
	Count      int    `json:"cnt,omitempty"`
	DVCHost    string `json:"dvchost,omitempty"`
	AgentID    string `json:"deviceExternalId,omitempty"`
	Process    string `json:"deviceProcessName,omitempty"`
	Src        string `json:"src,omitempty"`
	SrcPort    string `json:"spt,omitempty"`
	SrcUser    string `json:"suser,omitempty"`
	SrcProcess string `json:"sproc,omitempty"`
	DestHost   string `json:"dhost,omitempty"`
	Dst        string `json:"dst,omitempty"`
	DstPort    string `json:"dpt,omitempty"`
	DestUser   string `json:"duser,omitempty"`
	Proto      string `json:"proto,omitempty"`
	Request    string `json:"request,omitempty"`
	Method     string `json:"requestMethod,omitempty"`
	Client     string `json:"requestClientApplication,omitempty"`
	FileName   string `json:"fname,omitempty"`
	FilePath   string `json:"filePath,omitempty"`
	FileHash   string `json:"fileHash,omitempty"`
	FileSize   string `json:"fsize,omitempty"`
	Message    string `json:"msg,omitempty"`

	// CEF:0 takes IPv4 in src and dst alone.
	Src6Label string `json:"c6a2Label,omitempty"`
	Src6      string `json:"c6a2,omitempty"`
	Dst6Label string `json:"c6a3Label,omitempty"`
	Dst6      string `json:"c6a3,omitempty"`

	LevelLabel    string `json:"cn1Label,omitempty"`
	Level         *int   `json:"cn1,omitempty"`
	GroupsLabel   string `json:"cs1Label,omitempty"`
	Groups        string `json:"cs1,omitempty"`
	LocationLabel string `json:"cs2Label,omitempty"`
	Location      string `json:"cs2,omitempty"`
	MITRELabel    string `json:"cs3Label,omitempty"`
	MITRE         string `json:"cs3,omitempty"`
	CVELabel      string `json:"cs4Label,omitempty"`
	CVE           string `json:"cs4,omitempty"`
	CommandLabel  string `json:"cs5Label,omitempty"`
	Command       string `json:"cs5,omitempty"`
	LogLabel      string `json:"cs6Label,omitempty"`
	Log           string `json:"cs6,omitempty"`
	StateLabel    string `json:"flexString1Label,omitempty"`
	State         string `json:"flexString1,omitempty"`
	CountryLabel  string `json:"flexString2Label,omitempty"`
	Country       string `json:"flexString2,omitempty"`
}

// leefFields are the attributes of a LEEF event: those that QRadar knows under its names, then ours.
type leefFields struct {
	Time       string `json:"devTime,omitempty"`
	TimeFormat string `json:"devTimeFormat,omitempty"`
	Category   string `json:"cat,omitempty"`
	Severity   int    `json:"sev"`
	Src        string `json:"src,omitempty"`
	Dst        string `json:"dst,omitempty"`
	SrcPort    string `json:"srcPort,omitempty"`
	DstPort    string `json:"dstPort,omitempty"`
	Proto      string `json:"proto,omitempty"`
	User       string `json:"usrName,omitempty"`
	Host       string `json:"identHostName,omitempty"`
	URL        string `json:"url,omitempty"`
	Resource   string `json:"resource,omitempty"`
	Policy     string `json:"policy,omitempty"`
	Login      string `json:"isLoginEvent,omitempty"`

	ID          string `json:"id"`
	Description string `json:"msg"`
	Level       *int   `json:"level,omitempty"`
	Groups      string `json:"groups,omitempty"`
	Manager     string `json:"manager,omitempty"`
	AgentID     string `json:"agentId,omitempty"`
	Location    string `json:"location,omitempty"`
	Program     string `json:"program,omitempty"`
	Action      string `json:"action,omitempty"`
	Outcome     string `json:"outcome,omitempty"`
	Reason      string `json:"reason,omitempty"`
	SrcUser     string `json:"srcUser,omitempty"`
	Command     string `json:"command,omitempty"`
	FileHash    string `json:"fileHash,omitempty"`
	MITRE       string `json:"mitre,omitempty"`
	CVE         string `json:"cve,omitempty"`
	Country     string `json:"srcCountry,omitempty"`
	Count       int    `json:"count"`
	First       string `json:"first,omitempty"`
	Last        string `json:"last,omitempty"`
	State       string `json:"state,omitempty"`
	Repeat      string `json:"possibleRepeat,omitempty"`
	Log         string `json:"log,omitempty"`
}

// leefTime is the time of a LEEF event as Go writes it, and as its devTimeFormat says it.
const (
	leefTime       = "Jan 02 2006 15:04:05.000 MST"
	leefTimeFormat = "MMM dd yyyy HH:mm:ss.SSS z"
)

// stateOf is what an event tells that is no new alert (taken, quiet, resolved, ran, digest, test), or that it may be a second copy.
func (e event) stateOf() string {
	switch {
	case e.Type != "alert":
		return e.Type
	case e.Repeat:
		return "possible repeat"
	}
	return ""
}

// severityNumber is the severity as CEF and LEEF count it. What became of an alert, however severe, is no news.
func (e event) severityNumber(s alert.Severity) int {
	switch {
	case e.Type == "taken", e.Type == "quiet", e.Type == "resolved", e.Ran != nil:
		return 1
	}
	switch s {
	case alert.Critical:
		return 10
	case alert.High:
		return 8
	case alert.Low:
		return 3
	case alert.Info:
		return 1
	}
	return 6 // medium, and what nobody has judged
}

func (s *Set) securityEvent(d *Data) (securityEvent, event, error) {
	e, err := s.event(d)
	out := securityEvent{Vendor: "OSSEC", Product: "OSSEC HIDS", ID: cmp.Or(e.SignatureID, e.Family), Name: cmp.Or(e.Signature, e.Description), Severity: e.severityNumber(d.Severity)}
	if e.VendorProduct != out.Product {
		out.Vendor, out.Product = e.VendorProduct, e.VendorProduct
	}
	return out, e, err
}

// ranFields are what a message about a program says of it: the program, whether it did what it was run for, how it ended, and what
// it printed.
func (e event) ranFields(d *Data) (action, outcome, reason, log string) {
	if d.Ran == nil {
		return e.Action, "", e.Reason, e.Log
	}
	outcome = "failure"
	if d.Ran.OK() {
		outcome = "success"
	}
	return d.Ran.Program, outcome, d.Ran.Words(), strings.TrimSpace(d.Ran.Output)
}

// own is what a message says of its alert alone. A message about many has the most severe of them, which stands for none of the
// others.
func (d *Data) own() (at time.Time, groups, location, agent, description string) {
	if d.Summary != nil {
		_, at = period(d.Summary)
		return at, "", "", "", ""
	}
	return d.Time, strings.Join(known(d.Rule.Groups), ","), d.LogFile, d.Agent.ID, d.Rule.Description
}

// millis is a time in milliseconds since 1970; 0 where there is none.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// splitFamilies gives an address to the field for its family; what is no address goes to none.
func splitFamilies(ip string) (v4, v6 string) {
	a, err := netip.ParseAddr(ip)
	switch {
	case err != nil:
		return "", ""
	case a.Unmap().Is4():
		return a.Unmap().String(), ""
	}
	return "", a.String()
}

// cef is the alert as an event of ArcSight's Common Event Format.
func (s *Set) cef(d *Data) (securityEvent, error) {
	out, e, err := s.securityEvent(d)
	if err != nil {
		return out, err
	}
	at, groups, location, agent, _ := d.own()
	action, outcome, reason, log := e.ranFields(d)
	f := cefFields{
		Time: millis(at), ExternalID: e.ID, Category: e.Family, Action: action, Outcome: outcome, Reason: reason, Count: e.Count, DVCHost: e.DVC, AgentID: agent, Process: e.App,
		SrcPort: e.SrcPort, SrcUser: e.SrcUser, SrcProcess: e.ProcessName, DestHost: e.Dest, DstPort: e.DestPort, DestUser: e.User, Proto: e.Transport,
		Request: e.URL, Method: e.HTTPMethod, Client: e.UserAgent,
		FileName: e.FileName, FilePath: e.FilePath, FileHash: e.FileHash, FileSize: e.FileSize, Message: e.Description,
		Level: e.SeverityID, Groups: groups, Location: location, MITRE: strings.Join(known(e.MITRE), ","), CVE: e.CVE, Command: e.Command,
		Log: log, State: e.stateOf(), Country: d.sourceCountry(),
	}
	if d.Summary != nil {
		from, to := period(d.Summary)
		f.Start, f.End = millis(from), millis(to)
	}
	f.Src, f.Src6 = splitFamilies(e.SrcIP)
	f.Dst, f.Dst6 = splitFamilies(e.DestIP)
	label := func(to *string, text string, is bool) {
		if is {
			*to = text
		}
	}
	label(&f.Src6Label, "Source IPv6 Address", f.Src6 != "")
	label(&f.Dst6Label, "Destination IPv6 Address", f.Dst6 != "")
	label(&f.LevelLabel, "Rule level", f.Level != nil)
	label(&f.GroupsLabel, "Rule groups", f.Groups != "")
	label(&f.LocationLabel, "Location", f.Location != "")
	label(&f.MITRELabel, "MITRE ATT&CK", f.MITRE != "")
	label(&f.CVELabel, "CVE", f.CVE != "")
	label(&f.CommandLabel, "Command", f.Command != "")
	label(&f.LogLabel, "Log", f.Log != "")
	label(&f.StateLabel, "State", f.State != "")
	label(&f.CountryLabel, "Source country", f.Country != "")
	out.Fields = f
	return out, nil
}

// leef is the alert as an event of QRadar's Log Event Extended Format.
func (s *Set) leef(d *Data) (securityEvent, error) {
	out, e, err := s.securityEvent(d)
	if err != nil {
		return out, err
	}
	at, groups, location, agent, description := d.own()
	action, outcome, reason, log := e.ranFields(d)
	f := leefFields{
		Category: e.Family, Severity: out.Severity, Src: e.SrcIP, Dst: e.DestIP, SrcPort: e.SrcPort, DstPort: e.DestPort, Proto: strings.ToUpper(e.Transport),
		User: e.User, Host: e.Dest, URL: e.URL, Resource: e.FilePath, Policy: description,
		ID: e.ID, Description: e.Description, Level: e.SeverityID, Groups: groups, Manager: e.DVC, AgentID: agent,
		Location: location, Program: e.App, Action: action, Outcome: outcome, Reason: reason, SrcUser: e.SrcUser, Command: e.Command, FileHash: e.FileHash,
		MITRE: strings.Join(known(e.MITRE), ","), CVE: e.CVE, Country: d.sourceCountry(), Count: e.Count, First: e.First, Last: e.Last, State: e.stateOf(), Log: log,
	}
	if !at.IsZero() {
		f.Time, f.TimeFormat = at.UTC().Format(leefTime), leefTimeFormat
	}
	if d.Family == "auth_success" && d.Ran == nil {
		f.Login = "true"
	}
	if e.Repeat {
		f.Repeat = "true"
	}
	out.Fields = f
	return out, nil
}

// structured are the structured data of a syslog message: what a collector may want to file it by, without reading the text.
func (d *Data) structured() map[string]string {
	data := map[string]string{
		"id": d.ID, "severity": d.Severity.String(), "rule": d.OneRule(), "family": d.Family, "host": d.Host, "delivery": d.Delivery,
	}
	if d.Summary != nil {
		data["host"] = d.Summary.Host
	}
	maps.DeleteFunc(data, func(_, v string) bool { return v == "" })
	return data
}

// sourceCountry is where the source is, as enrichment knows it. What the alert itself says of it does not count.
func (d *Data) sourceCountry() string {
	if d.Summary != nil {
		return ""
	}
	geo, _ := d.Added["srcip_geo"].(map[string]any)
	country, _ := geo["country"].(string)
	return country
}
