package templates

import (
	"encoding/json"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/ossec-notify/ossec-notify/alert"
)

// ecsVersion is the version of the Elastic Common Schema whose field names the document has.
const ecsVersion = "8.11.0"

// ecs is an alert as Elasticsearch keeps it: the fields of the Elastic Common Schema, each of one type whatever the alert
// holds, and what that has no place for below ossec. The alert as it came is one text: its own fields have other types in
// every decoder, and an index takes a field in one type alone. docs/siem.md lists the fields.
type ecs struct {
	Timestamp string     `json:"@timestamp,omitempty"`
	Message   string     `json:"message"`
	ECS       ecsSchema  `json:"ecs"`
	Event     ecsEvent   `json:"event"`
	Rule      ecsRule    `json:"rule,omitzero"`
	Host      ecsHost    `json:"host,omitzero"`
	Agent     ecsAgent   `json:"agent,omitzero"`
	Observer  ecsObserve `json:"observer"`

	Source        ecsAddress       `json:"source,omitzero"`
	Destination   ecsAddress       `json:"destination,omitzero"`
	User          ecsUser          `json:"user,omitzero"`
	Process       ecsProcess       `json:"process,omitzero"`
	File          ecsFile          `json:"file,omitzero"`
	Registry      ecsRegistry      `json:"registry,omitzero"`
	URL           ecsText          `json:"url,omitzero"`
	UserAgent     ecsText          `json:"user_agent,omitzero"`
	HTTP          ecsHTTP          `json:"http,omitzero"`
	Vulnerability ecsVulnerability `json:"vulnerability,omitzero"`
	Package       ecsPackage       `json:"package,omitzero"`
	Threat        *ecsThreat       `json:"threat,omitempty"`
	Network       ecsNetwork       `json:"network,omitzero"`
	Cloud         ecsCloud         `json:"cloud,omitzero"`
	Log           ecsLog           `json:"log,omitzero"`
	Related       *ecsRelated      `json:"related,omitempty"`

	OSSEC ecsOwn `json:"ossec"`
}

type (
	ecsSchema struct {
		Version string `json:"version"`
	}
	ecsText struct {
		Original string `json:"original,omitempty"`
	}
	ecsEvent struct {
		Kind     string   `json:"kind"`
		Category []string `json:"category,omitempty"`
		Type     []string `json:"type,omitempty"`
		Outcome  string   `json:"outcome,omitempty"`
		Action   string   `json:"action,omitempty"`
		Reason   string   `json:"reason,omitempty"`
		Severity *int     `json:"severity,omitempty"`
		ID       string   `json:"id"`
		Module   string   `json:"module"`
		Dataset  string   `json:"dataset"`
		Created  string   `json:"created,omitempty"`
		Start    string   `json:"start,omitempty"`
		End      string   `json:"end,omitempty"`
		Original string   `json:"original,omitempty"`
	}
	ecsRule struct {
		ID   string `json:"id,omitempty"`
		Name string `json:"name,omitempty"`
	}
	ecsHost struct {
		Name string   `json:"name,omitempty"`
		IP   []string `json:"ip,omitempty"`
	}
	ecsAgent struct {
		ID   string `json:"id,omitempty"`
		Name string `json:"name,omitempty"`
	}
	ecsObserve struct {
		Name    string `json:"name,omitempty"`
		Vendor  string `json:"vendor"`
		Product string `json:"product"`
		Type    string `json:"type"`
	}
	ecsAddress struct {
		Address string   `json:"address,omitempty"`
		IP      string   `json:"ip,omitempty"`
		Port    *int64   `json:"port,omitempty"`
		User    *ecsName `json:"user,omitempty"`
		Geo     *ecsGeo  `json:"geo,omitempty"`
		AS      *ecsAS   `json:"as,omitempty"`
	}
	ecsName struct {
		Name string `json:"name"`
	}
	ecsGeo struct {
		CountryCode string       `json:"country_iso_code,omitempty"`
		Country     string       `json:"country_name,omitempty"`
		Region      string       `json:"region_name,omitempty"`
		City        string       `json:"city_name,omitempty"`
		Location    *ecsLocation `json:"location,omitempty"`
	}
	ecsLocation struct {
		Lat float64 `json:"lat"`
		Lon float64 `json:"lon"`
	}
	ecsAS struct {
		Number       *int64   `json:"number,omitempty"`
		Organization *ecsName `json:"organization,omitempty"`
	}
	ecsUser struct {
		Name   string   `json:"name,omitempty"`
		Target *ecsName `json:"target,omitempty"`
	}
	ecsProcess struct {
		Name    string `json:"name,omitempty"`
		PID     *int64 `json:"pid,omitempty"`
		Command string `json:"command_line,omitempty"`
	}
	ecsFile struct {
		Path  string  `json:"path,omitempty"`
		Name  string  `json:"name,omitempty"`
		Size  *int64  `json:"size,omitempty"`
		Mode  string  `json:"mode,omitempty"`
		Owner string  `json:"owner,omitempty"`
		Group string  `json:"group,omitempty"`
		Hash  ecsHash `json:"hash,omitzero"`
	}
	ecsHash struct {
		MD5    string `json:"md5,omitempty"`
		SHA1   string `json:"sha1,omitempty"`
		SHA256 string `json:"sha256,omitempty"`
	}
	ecsRegistry struct {
		Path string `json:"path,omitempty"`
	}
	ecsHTTP struct {
		Request  *ecsRequest  `json:"request,omitempty"`
		Response *ecsResponse `json:"response,omitempty"`
	}
	ecsRequest struct {
		Method string `json:"method"`
	}
	ecsResponse struct {
		Status *int64 `json:"status_code"`
	}
	ecsVulnerability struct {
		ID          string    `json:"id,omitempty"`
		Severity    string    `json:"severity,omitempty"`
		Description string    `json:"description,omitempty"`
		Score       *ecsScore `json:"score,omitempty"`
	}
	ecsScore struct {
		Base float64 `json:"base"`
	}
	ecsPackage struct {
		Name    string `json:"name,omitempty"`
		Version string `json:"version,omitempty"`
		Fixed   string `json:"fixed_version,omitempty"`
	}
	ecsThreat struct {
		Framework string       `json:"framework"`
		Technique ecsTechnique `json:"technique"`
		Tactic    *ecsNames    `json:"tactic,omitempty"`
	}
	ecsTechnique struct {
		ID   []string `json:"id"`
		Name []string `json:"name,omitempty"`
	}
	ecsNames struct {
		Name []string `json:"name"`
	}
	ecsNetwork struct {
		Transport string `json:"transport,omitempty"`
	}
	ecsCloud struct {
		Provider string    `json:"provider,omitempty"`
		Region   string    `json:"region,omitempty"`
		Account  *ecsAgent `json:"account,omitempty"`
	}
	ecsLog struct {
		File *ecsPath `json:"file,omitempty"`
	}
	ecsPath struct {
		Path string `json:"path"`
	}
	ecsRelated struct {
		IP    []string `json:"ip,omitempty"`
		User  []string `json:"user,omitempty"`
		Hosts []string `json:"hosts,omitempty"`
		Hash  []string `json:"hash,omitempty"`
	}
	// ecsOwn is what the schema has no place for.
	ecsOwn struct {
		Delivery string `json:"delivery,omitempty"`
		Receiver string `json:"receiver,omitempty"`
		Route    string `json:"route,omitempty"`
		// Type tells an alert from what is told of one later, and from tests: alert, taken, quiet, resolved, ran, digest, test.
		Type      string                    `json:"type"`
		DedupKey  string                    `json:"dedup_key,omitempty"`
		Severity  string                    `json:"severity"`
		Family    string                    `json:"family"`
		Groups    []string                  `json:"groups,omitempty"`
		Decoder   string                    `json:"decoder,omitempty"`
		Program   string                    `json:"program,omitempty"`
		Count     int                       `json:"count"`
		Next      string                    `json:"next,omitempty"`
		Log       string                    `json:"log,omitempty"`
		Kind      string                    `json:"kind,omitempty"`
		Counts    []documentCount           `json:"counts,omitempty"`
		TakenBy   string                    `json:"taken_by,omitempty"`
		TakenVia  string                    `json:"taken_via,omitempty"`
		Ran       *documentRan              `json:"ran,omitempty"`
		Truncated bool                      `json:"truncated,omitempty"`
		Added     map[string]map[string]any `json:"added,omitempty"`
	}
)

// withECS is the document of Elasticsearch with what a template adds to it: objects are joined key by key, all else takes the place of what
// was there, and what is empty is left out.
func (s *Set) withECS(d *Data, more ...map[string]any) (any, error) {
	doc, err := s.ecs(d)
	if err != nil || len(more) == 0 {
		return doc, err
	}
	j, err := toJSON(doc, "")
	if err != nil {
		return nil, err
	}
	var whole map[string]any
	dec := json.NewDecoder(strings.NewReader(string(j)))
	dec.UseNumber() // an id with 17 digits is no float
	if err := dec.Decode(&whole); err != nil {
		return nil, err
	}
	for _, m := range more {
		join(whole, m)
	}
	return whole, nil
}

// join puts what is known of one object into another.
func join(whole, more map[string]any) {
	for k, v := range more {
		switch v := v.(type) {
		case map[string]any:
			in, ok := whole[k].(map[string]any)
			if !ok {
				in = map[string]any{}
			}
			if join(in, v); len(in) > 0 {
				whole[k] = in
			}
		case nil:
		case string:
			if v != "" {
				whole[k] = v
			}
		default:
			whole[k] = v
		}
	}
}

// ecs makes the document of Elasticsearch, from what Splunk's event says.
func (s *Set) ecs(d *Data) (ecs, error) {
	e, err := s.event(d)
	if err != nil {
		return ecs{}, err
	}
	next, err := s.part("next", d)
	if err != nil {
		return ecs{}, err
	}
	doc := ecs{
		Message: e.Description,
		ECS:     ecsSchema{ecsVersion},
		Event: ecsEvent{
			Kind: "alert", Outcome: outcome(e.Action), Action: e.Action, Reason: e.Reason, Severity: e.SeverityID, ID: d.Identity,
			Module: "ossec", Dataset: "ossec." + e.Type, Start: e.First, End: e.Last,
		},
		Rule:     ecsRule{e.SignatureID, e.Signature},
		Host:     ecsHost{Name: e.Dest, IP: addressList(d.Agent.IP)},
		Agent:    ecsAgent{d.Agent.ID, d.Agent.Name},
		Observer: ecsObserve{d.Manager, "OSSEC", "HIDS", "ids"},
		Process:  ecsProcess{Name: e.ProcessName, Command: e.Command},
		OSSEC: ecsOwn{
			Delivery: d.Delivery, Receiver: d.Receiver, Route: d.Route, Type: e.Type, DedupKey: d.DedupKey, Severity: d.Severity.String(),
			Family: d.Family, Groups: known(d.Rule.Groups), Decoder: d.Decoder, Program: e.App, Count: e.Count, Next: next.Raw(),
			Log: e.Log, Kind: e.Kind, Counts: e.Counts, TakenBy: e.TakenBy, TakenVia: e.TakenVia, Ran: e.Ran,
		},
	}
	if e.Type != "alert" && e.Type != "test" || d.Ran != nil {
		doc.Event.Kind = "event"
	}
	if doc.Event.Outcome != "" {
		doc.Event.Action = ""
	}
	doc.Timestamp, doc.Event.Created = rfc3339(d.Time), rfc3339(d.Received)
	if doc.Timestamp == "" {
		doc.Timestamp = doc.Event.Created
	}
	if d.Summary != nil {
		doc.Timestamp = e.Last
		doc.Source = ecsEndpoint(e.Src, e.SrcIP, "")
		doc.Related = doc.related()
		return doc, nil
	}
	if d.Format == alert.FormatWazuh {
		doc.Observer.Vendor = "Wazuh"
	}
	if raw := d.original(); raw != nil {
		doc.Event.Original = string(*raw)
	}
	doc.OSSEC.Truncated = d.Problem.Kind != ""
	doc.Event.Category, doc.Event.Type = ecsKind(d.Family, e)
	doc.Source = ecsEndpoint(e.Src, e.SrcIP, e.SrcPort)
	doc.Destination = ecsEndpoint(d.Destination.Text, d.Destination.IP, e.DestPort)
	if e.SrcUser != "" {
		doc.Source.User = &ecsName{e.SrcUser}
	}
	doc.User.Name = e.User
	if d.TargetUser != "" && d.TargetUser != e.User {
		doc.User.Target = &ecsName{d.TargetUser}
	}
	doc.Network.Transport = e.Transport
	if d.LogFile != "" {
		doc.Log.File = &ecsPath{d.LogFile}
	}
	if m := d.Rule.MITRE; len(m.IDs) > 0 {
		doc.Threat = &ecsThreat{"MITRE ATT&CK", ecsTechnique{m.IDs, known(m.Techniques)}, nil}
		if tactics := known(m.Tactics); len(tactics) > 0 {
			doc.Threat.Tactic = &ecsNames{tactics}
		}
	}
	doc.details(d, e)
	doc.addAdded(d.Added)
	doc.Related = doc.related()
	return doc, nil
}

func (doc *ecs) details(d *Data, e event) {
	r := d.Reading
	if p := r.Process; p != nil {
		doc.Process.PID = numberIn(p.PID, math.MaxInt64)
	}
	if e.HTTPMethod != "" {
		doc.HTTP.Request = &ecsRequest{e.HTTPMethod}
	}
	doc.URL.Original, doc.UserAgent.Original = e.URL, e.UserAgent
	if status := numberIn(e.Status, 999); status != nil {
		doc.HTTP.Response = &ecsResponse{status}
	}
	doc.File = ecsFile{Path: e.FilePath, Name: e.FileName, Size: numberIn(e.FileSize, math.MaxInt64), Mode: e.FileACL}
	if f := r.File; f != nil {
		after := f.After
		if f.Event == "deleted" {
			after = f.Before
		}
		doc.File.Owner, doc.File.Group, doc.File.Hash = after.Owner, after.Group, ecsHash{after.MD5, after.SHA1, after.SHA256}
		if f.Registry {
			doc.Registry.Path, doc.File.Path, doc.File.Name = f.Path, "", ""
		}
	} else {
		doc.File.Hash = hashOf(e.FileHash)
	}
	if v := r.Vulnerability; v != nil {
		doc.Vulnerability = ecsVulnerability{ID: v.CVE, Severity: v.Severity, Description: v.Title}
		if base, err := strconv.ParseFloat(v.CVSS, 64); err == nil && base >= 0 && base <= 10 {
			doc.Vulnerability.Score = &ecsScore{base}
		}
		doc.Package = ecsPackage{v.Package, v.Version, v.Fixed}
	}
	if c := r.Cloud; c != nil {
		doc.Cloud = ecsCloud{Provider: c.Provider, Region: c.Region}
		if c.Account != "" {
			doc.Cloud.Account = &ecsAgent{ID: c.Account}
		}
	}
}

// ecsKind is the category and the type of an event, in the schema's closed lists of them.
func ecsKind(family string, e event) (category, kind []string) {
	changed := map[string]string{"created": "creation", "deleted": "deletion", "modified": "change", "acl_modified": "change"}[e.Action]
	verdict := map[string]string{"blocked": "denied", "allowed": "allowed"}[e.Action]
	first := func(a, b string) []string {
		if a != "" {
			return []string{a}
		}
		return []string{b}
	}
	switch family {
	case "auth_failure", "auth_success":
		return []string{"authentication"}, []string{"start"}
	case "privilege":
		return []string{"iam"}, first(changed, "admin")
	case "fim":
		if e.ObjectCat == "registry" {
			return []string{"registry"}, first(changed, "change")
		}
		return []string{"file"}, first(changed, "change")
	case "rootcheck", "sca":
		return []string{"configuration"}, []string{"info"}
	case "vulnerability":
		return []string{"vulnerability"}, []string{"info"}
	case "ids", "active_response":
		return []string{"intrusion_detection", "network"}, first(verdict, "info")
	case "web":
		return []string{"web", "intrusion_detection"}, []string{"info"}
	case "agent_state":
		return []string{"host"}, []string{"info"}
	}
	return nil, nil
}

// outcome is what became of what somebody tried, where the alert says it.
func outcome(action string) string {
	if action == "success" || action == "failure" {
		return action
	}
	return ""
}

// ecsEndpoint is an address. What is none stands in a field of texts: the field ip takes nothing else.
func ecsEndpoint(text, ip, port string) ecsAddress {
	a := ecsAddress{Address: text, Port: numberIn(port, 65535)}
	if all := addressList(ip); len(all) > 0 {
		a.IP = all[0]
		if a.Address == "" {
			a.Address = a.IP
		}
	}
	return a
}

// addressList is a text as a list of addresses: of one, or none. "any" is what OSSEC says of an agent without.
func addressList(text string) []string {
	ip, err := netip.ParseAddr(text)
	if err != nil {
		return nil
	}
	return []string{ip.WithZone("").String()}
}

// numberIn is a number as text, from 0 to most; nil where it is none.
func numberIn(text string, most int64) *int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || n > most {
		return nil
	}
	return &n
}

func hashOf(hash string) ecsHash {
	switch len(hash) {
	case 32:
		return ecsHash{MD5: hash}
	case 40:
		return ecsHash{SHA1: hash}
	case 64:
		return ecsHash{SHA256: hash}
	}
	return ecsHash{}
}

// addAdded puts what enrichment found where the schema has a place for it, and all else below ossec, as texts: tables are
// the operator's, and may hold a number today and a word tomorrow.
func (doc *ecs) addAdded(added map[string]any) {
	for name, value := range added {
		switch found, _ := value.(map[string]any); name {
		case "srcip_geo":
			doc.Source.Geo, doc.Source.AS = geo(found), network(found)
		case "dstip_geo":
			doc.Destination.Geo, doc.Destination.AS = geo(found), network(found)
		default:
			texts := map[string]any{}
			if list, ok := value.([]any); ok {
				texts["is"] = list
			} else if text, ok := plainText(value); ok {
				texts["is"] = text
			}
			for key, v := range found {
				if text, ok := plainText(v); ok {
					texts[key] = text
				} else if list, ok := v.([]any); ok {
					var all []string
					for _, x := range list {
						if text, ok := plainText(x); ok {
							all = append(all, text)
						}
					}
					texts[key] = all
				}
			}
			if len(texts) > 0 {
				if doc.OSSEC.Added == nil {
					doc.OSSEC.Added = map[string]map[string]any{}
				}
				doc.OSSEC.Added[name] = texts
			}
		}
	}
}

// plainText is a single value as text.
func plainText(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, v != ""
	case bool, int, int64, float64, json.Number:
		return fmt.Sprint(v), true
	}
	return "", false
}

func geo(found map[string]any) *ecsGeo {
	text := func(key string) string { s, _ := found[key].(string); return s }
	g := ecsGeo{CountryCode: text("country"), Country: text("country_name"), Region: text("region"), City: text("city")}
	if lat, ok := found["latitude"].(float64); ok {
		if lon, ok := found["longitude"].(float64); ok {
			g.Location = &ecsLocation{lat, lon}
		}
	}
	if g == (ecsGeo{}) {
		return nil
	}
	return &g
}

func network(found map[string]any) *ecsAS {
	var a ecsAS
	if n, ok := found["asn"].(int64); ok {
		a.Number = &n
	}
	if name, _ := found["as_org"].(string); name != "" {
		a.Organization = &ecsName{name}
	}
	if a == (ecsAS{}) {
		return nil
	}
	return &a
}

// related are all values of a kind, wherever they stand: what an analyst pivots by.
func (doc *ecs) related() *ecsRelated {
	var r ecsRelated
	add := func(to *[]string, values ...string) {
		for _, v := range values {
			if v != "" && !slices.Contains(*to, v) {
				*to = append(*to, v)
			}
		}
	}
	add(&r.IP, doc.Source.IP, doc.Destination.IP)
	add(&r.IP, doc.Host.IP...)
	add(&r.User, doc.User.Name)
	for _, u := range []*ecsName{doc.User.Target, doc.Source.User} {
		if u != nil {
			add(&r.User, u.Name)
		}
	}
	add(&r.Hosts, doc.Host.Name, doc.Agent.Name)
	add(&r.Hash, doc.File.Hash.MD5, doc.File.Hash.SHA1, doc.File.Hash.SHA256)
	if len(r.IP)+len(r.User)+len(r.Hosts)+len(r.Hash) == 0 {
		return nil
	}
	return &r
}
