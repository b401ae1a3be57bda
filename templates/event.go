package templates

import (
	"cmp"
	"encoding/json"
	"strings"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/notifier"
)

// event is the event of a Splunk HEC message: field names of the Common Information Model, the log and the
// whole original. Unknown fields are absent. docs/splunk.md lists them with the tags that make CIM find them.
type event struct {
	App           string `json:"app,omitempty"`
	VendorProduct string `json:"vendor_product"`
	Type          string `json:"type"`
	ID            string `json:"id"`
	Family        string `json:"family"`
	Severity      string `json:"severity"`
	SeverityID    *int   `json:"severity_id,omitempty"`
	Signature     string `json:"signature,omitempty"`
	SignatureID   string `json:"signature_id,omitempty"`
	Description   string `json:"description"`

	Action      string `json:"action,omitempty"`
	Reason      string `json:"reason,omitempty"`
	AuthMethod  string `json:"authentication_method,omitempty"`
	Src         string `json:"src,omitempty"`
	SrcIP       string `json:"src_ip,omitempty"`
	SrcPort     string `json:"src_port,omitempty"`
	Dest        string `json:"dest,omitempty"`
	DestIP      string `json:"dest_ip,omitempty"`
	DestPort    string `json:"dest_port,omitempty"`
	User        string `json:"user,omitempty"`
	SrcUser     string `json:"src_user,omitempty"`
	Transport   string `json:"transport,omitempty"`
	Command     string `json:"command,omitempty"`
	ProcessName string `json:"process_name,omitempty"`
	IDSType     string `json:"ids_type,omitempty"`
	Category    string `json:"category,omitempty"`
	HTTPMethod  string `json:"http_method,omitempty"`
	URL         string `json:"url,omitempty"`
	Status      string `json:"status,omitempty"`
	UserAgent   string `json:"http_user_agent,omitempty"`
	CVE         string `json:"cve,omitempty"`
	CVSS        string `json:"cvss,omitempty"`
	ObjectCat   string `json:"object_category,omitempty"`
	Object      string `json:"object,omitempty"`
	ObjectPath  string `json:"object_path,omitempty"`
	ObjectAttrs string `json:"object_attrs,omitempty"`
	FilePath    string `json:"file_path,omitempty"`
	FileName    string `json:"file_name,omitempty"`
	FileHash    string `json:"file_hash,omitempty"`
	FileSize    string `json:"file_size,omitempty"`
	FileACL     string `json:"file_acl,omitempty"`

	MITRE []string `json:"mitre_technique_id,omitempty"`
	DVC   string   `json:"dvc,omitempty"`
	Count int      `json:"count"`
	// Of a message about many alerts.
	Kind   string          `json:"kind,omitempty"`
	First  string          `json:"first,omitempty"`
	Last   string          `json:"last,omitempty"`
	Counts []documentCount `json:"counts,omitempty"`
	// Who took it, and how.
	TakenBy  string `json:"taken_by,omitempty"`
	TakenVia string `json:"taken_via,omitempty"`
	// What a program did, and whose it is.
	Ran *documentRan `json:"ran,omitempty"`
	// Repeat marks an event that Splunk may have twice: it cannot know, so the search has to.
	Repeat bool `json:"possible_repeat,omitempty"`

	Log      string           `json:"log,omitempty"`
	Original *json.RawMessage `json:"original,omitempty"`

	more map[string]any // keys that enrichment adds
}

// indexed are the fields of the envelope, which Splunk indexes: few, and with few values.
func (d *Data) indexed() map[string]string {
	fields := map[string]string{"family": d.Family, "severity": d.CIMSeverity()}
	if rule := d.OneRule(); rule != "" {
		fields["rule_id"] = rule
	}
	return fields
}

// CIMSeverity is the severity in the words of the Common Information Model, which says informational for info.
func (d *Data) CIMSeverity() string {
	if d.Severity == alert.Info {
		return "informational"
	}
	return d.Severity.String()
}

// apart gives the event and its last key, which is JSON already.
func (e event) apart() (rest any, original *json.RawMessage) {
	original, e.Original = e.Original, nil
	return &e, original
}

func (e event) added() map[string]any { return e.more }

func (s *Set) event(d *Data) (event, error) {
	r := d.Reading
	title, err := s.part("sentence", d)
	if err != nil {
		return event{}, err
	}
	if d.Summary != nil {
		return summaryEvent(d, title.Raw()), nil
	}
	e := event{
		App:           r.Program,
		VendorProduct: "OSSEC HIDS",
		Type:          "alert",
		ID:            d.ID,
		Family:        d.Family,
		Severity:      d.CIMSeverity(),
		SeverityID:    level(d.Rule.Level),
		Signature:     d.Rule.Description,
		SignatureID:   d.Rule.ID,
		Description:   title.Raw(),
		Action:        r.Outcome,
		Reason:        r.Reason,
		AuthMethod:    r.Method,
		Src:           d.Source.IP,
		SrcIP:         d.Source.IP,
		SrcPort:       d.Source.Port,
		Dest:          d.Host,
		DestIP:        d.Destination.IP,
		DestPort:      d.Destination.Port,
		User:          d.User,
		Transport:     transport(d.Protocol),
		Command:       d.Command,
		MITRE:         d.Rule.MITRE.IDs,
		DVC:           d.Manager,
		Count:         max(r.Count, 1),
		Repeat:        d.PossibleRepeat,
		Log:           d.Log,
		Original:      d.original(),
		more:          d.Added,
	}
	if d.Format == alert.FormatWazuh {
		e.VendorProduct = "Wazuh"
	}
	e.addOutcome(d)
	if d.Sample != "" {
		e.Type = "test"
	}
	if e.Src == "" {
		e.Src = d.Source.Text
	}
	if d.SourceUser != d.User {
		e.SrcUser = d.SourceUser
	}
	if e.DestIP == "" {
		e.DestIP = d.Agent.IP
	}
	e.addDetails(d)
	return e, nil
}

// summaryEvent is the event of a message about many alerts. Its type keeps it out of searches for alerts.
func summaryEvent(d *Data, title string) event {
	s := d.Summary
	from, to := period(s)
	e := event{
		App: d.Reading.Program, VendorProduct: "ossec-notify", Type: digestFamily, ID: d.ID, Family: d.Family,
		Severity: d.CIMSeverity(), SeverityID: level(s.Level), SignatureID: oneRule(s), Description: title,
		Src: s.Source, SrcIP: s.Source, Dest: s.Host, DVC: d.Manager, Count: s.Total, Repeat: d.PossibleRepeat,
		Kind: string(s.Kind), First: rfc3339(from), Last: rfc3339(to), Counts: counts(s),
	}
	if s.Kind.Notice() {
		e.SeverityID = nil
	}
	if d.Sample != "" {
		e.Type = "test"
	}
	return e
}

// addOutcome says what became of an alert that Splunk has already. Its type keeps it out of searches for alerts.
func (e *event) addOutcome(d *Data) {
	if d.Taken != nil {
		e.TakenBy, e.TakenVia = d.Taken.By, d.Taken.Via
	}
	switch {
	case d.Ran != nil:
		e.Type, e.Ran = "ran", ran(d.Ran)
	case d.Taken != nil && d.Action == notifier.Acknowledge:
		e.Type = "taken"
	case d.Quiet != nil && d.Action != notifier.Resolve:
		e.Type, e.Count = "quiet", d.Quiet.Total
	case d.Resolved != nil:
		e.Type = "resolved"
	}
}

func (e *event) addDetails(d *Data) {
	r := d.Reading
	switch d.Family {
	case "ids":
		e.IDSType = "network"
	case "active_response":
		e.IDSType = "host"
	}
	if p := r.Process; p != nil {
		e.ProcessName = p.Name
		if e.Command == "" {
			e.Command = p.Command
		}
	}
	if q := r.Request; q != nil {
		e.HTTPMethod, e.URL, e.Status, e.UserAgent = q.Method, q.URL, q.Status, q.Client
	}
	if v := r.Vulnerability; v != nil {
		e.CVE, e.CVSS, e.Category = v.CVE, v.CVSS, v.Severity
	}
	if b := r.Block; b != nil {
		e.Action = "blocked"
		if b.Undo {
			e.Action = "allowed"
		}
		if e.Src == "" {
			e.Src, e.SrcIP = b.Address, b.Address
		}
		e.Command = b.By
	}
	e.FilePath, e.FileHash = r.Subject.Path, r.Subject.Hash
	if f := r.File; f != nil {
		e.ObjectCat = "file"
		if f.Registry {
			e.ObjectCat = "registry"
		}
		e.Object = f.Path[strings.LastIndexAny(f.Path, `/\`)+1:]
		e.ObjectPath, e.FilePath, e.FileName = f.Path, f.Path, e.Object
		e.ObjectAttrs = strings.Join(f.Changed, ",")
		after := f.After
		if f.Event == "deleted" {
			after = f.Before
		}
		e.FileHash = cmp.Or(after.SHA256, after.SHA1, after.MD5)
		e.FileSize, e.FileACL = after.Size, after.Mode
		if f.LoginUser != "" {
			e.User = f.LoginUser
		}
	}
}

// transport is the protocol, where it is one of the transport layer: in web logs "protocol" holds the method.
func transport(protocol string) string {
	switch p := strings.ToLower(protocol); p {
	case "tcp", "udp", "icmp", "sctp":
		return p
	}
	return ""
}
