package webhook_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"
)

// theHive is the making of alerts in TheHive 5.
type theHive struct {
	desk
	alerts map[string]bool // by type, source and sourceRef
	known  sinkAnswer      // to an alert that is there already
	// ids are those of the alerts, comments how many each has.
	ids      map[string]bool
	comments map[string]int
	// refs are the ids by type, source and sourceRef, statuses those that alerts were given.
	refs, statuses map[string]string
}

func newTheHive(known sinkAnswer) *theHive {
	h := &theHive{alerts: map[string]bool{}, known: known, ids: map[string]bool{}, comments: map[string]int{}, refs: map[string]string{}, statuses: map[string]string{}}
	h.handle = func(r sinkRequest) (sinkAnswer, error) {
		if id, ok := strings.CutSuffix(r.URL.Path, "/comment"); ok {
			return h.comment(r, strings.TrimPrefix(id, "/api/v1/alert/"))
		}
		if id, ok := strings.CutPrefix(r.URL.Path, "/api/v1/alert/"); ok {
			return h.update(r, id)
		}
		if r.URL.Path == "/api/v1/query" {
			return h.query(r)
		}
		return h.create(r)
	}
	return h
}

// theHiveKnows are the answers to a second alert of the same sourceRef: up to 5.5, and from 5.6 on.
var theHiveKnows = []sinkAnswer{
	{400, nil, `{"type":"CreateError","message":"Alert ossec:ossec-notify:01J9Z3 already exists in organisation soc"}`},
	{409, nil, `{"type":"ConflictError","message":"Alert already exists"}`},
}

// comment takes a comment on an alert that it has.
func (h *theHive) comment(r sinkRequest, id string) (sinkAnswer, error) {
	if err := header(r, "Authorization", "Bearer th3h1ve-k3y", `{"type":"AuthenticationError","message":"Authentication failure"}`); err != nil {
		return sinkAnswer{}, err
	}
	if r.Method != http.MethodPost || !h.ids[id] {
		return sinkAnswer{}, refuse(404, fmt.Sprintf(`{"type":"NotFoundError","message":"Alert %s not found"}`, id), "%s of a comment on the alert %q, which is not there", r.Method, id)
	}
	if err := jsonBody(r, 1<<20, object(map[string]shape{"!message": words(1<<16, unseen, fenced())})); err != nil {
		return sinkAnswer{}, err
	}
	h.comments[id]++
	return sinkAnswer{status: 201, body: fmt.Sprintf(`{"_id":"~%d","_type":"Comment","message":"…"}`, 1<<20+h.comments[id])}, nil
}

// update gives an alert that it has a status that it knows.
func (h *theHive) update(r sinkRequest, id string) (sinkAnswer, error) {
	if err := header(r, "Authorization", "Bearer th3h1ve-k3y", `{"type":"AuthenticationError","message":"Authentication failure"}`); err != nil {
		return sinkAnswer{}, err
	}
	if r.Method != http.MethodPatch || !h.ids[id] {
		return sinkAnswer{}, refuse(404, fmt.Sprintf(`{"type":"NotFoundError","message":"Alert %s not found"}`, id), "%s of the alert %q, which is not there", r.Method, id)
	}
	if err := jsonBody(r, 1<<20, object(map[string]shape{"!status": words(100)})); err != nil {
		return sinkAnswer{}, err
	}
	var a struct{ Status string }
	_ = json.Unmarshal(r.body, &a)
	if a.Status != "Ignored" {
		return sinkAnswer{}, refuse(404, fmt.Sprintf(`{"type":"NotFoundError","message":"AlertStatus %s not found"}`, a.Status), "status %q", a.Status)
	}
	h.statuses[id] = a.Status
	return sinkAnswer{status: 204}, nil
}

// query finds one alert by its type, source and reference: the one query that it knows.
func (h *theHive) query(r sinkRequest) (sinkAnswer, error) {
	if err := asked(r, "/api/v1/query", `{"type":"NotFound","message":"Not found"}`); err != nil {
		return sinkAnswer{}, err
	}
	if err := header(r, "Authorization", "Bearer th3h1ve-k3y", `{"type":"AuthenticationError","message":"Authentication failure"}`); err != nil {
		return sinkAnswer{}, err
	}
	if err := jsonBody(r, 1<<16, object(map[string]shape{"!query": list(3, func(v any) error {
		_, ok := v.(map[string]any)
		return map[bool]error{false: fmt.Errorf("%T is no step", v)}[ok]
	})})); err != nil {
		return sinkAnswer{}, err
	}
	var q struct {
		Query []struct {
			Name string `json:"_name"`
			And  []struct {
				Field string `json:"_field"`
				Value string `json:"_value"`
			} `json:"_and"`
			From, To  *int
			ExtraData []string `json:"extraData"`
		}
	}
	if err := json.Unmarshal(r.body, &q); err != nil {
		return sinkAnswer{}, err
	}
	if len(q.Query) != 3 || q.Query[0].Name != "listAlert" || q.Query[1].Name != "filter" || q.Query[2].Name != "page" || q.Query[2].To == nil || q.Query[2].ExtraData == nil {
		return sinkAnswer{}, refuse(400, `{"type":"BadRequest","message":"Unknown operation"}`, "query %+v", q)
	}
	by := map[string]string{}
	for _, f := range q.Query[1].And {
		by[f.Field] = f.Value
	}
	if len(by) != 3 {
		return sinkAnswer{}, fmt.Errorf("filters %v", by)
	}
	id := h.refs[by["type"]+"\x00"+by["source"]+"\x00"+by["sourceRef"]]
	if id == "" {
		return sinkAnswer{status: 200, body: `[]`}, nil
	}
	return sinkAnswer{status: 200, body: fmt.Sprintf(`[{"_id":%q,"_type":"Alert","sourceRef":%q}]`, id, by["sourceRef"])}, nil
}

func (h *theHive) create(r sinkRequest) (sinkAnswer, error) {
	if err := asked(r, "/api/v1/alert", `{"type":"NotFound","message":"Not found"}`); err != nil {
		return sinkAnswer{}, err
	}
	if err := header(r, "Authorization", "Bearer th3h1ve-k3y", `{"type":"AuthenticationError","message":"Authentication failure"}`); err != nil {
		return sinkAnswer{}, err
	}
	observable := func(v any) error {
		m, _ := v.(map[string]any)
		data := words(4096)
		switch m["dataType"] {
		case "ip":
			data = func(v any) error { _, err := netip.ParseAddr(fmt.Sprint(v)); return err }
		case "hash":
			data = words(128, has("hash", `^[0-9a-fA-F]{32,128}$`))
		case "hostname", "filename":
		default:
			return refuse(404, fmt.Sprintf(`{"type":"NotFoundError","message":"ObservableType %v not found"}`, m["dataType"]), "type of observable %v", m["dataType"])
		}
		return object(map[string]shape{"!dataType": words(64), "!data": data, "message": words(200), "tags": list(10, words(100))})(v)
	}
	observables := func(v any) error {
		if l, ok := v.([]any); ok && len(l) == 0 {
			return nil
		}
		return list(50, observable)(v)
	}
	alert := object(map[string]shape{
		"!type": words(32), "!source": words(32), "!sourceRef": words(128), "!title": units(512, unseen), "!description": words(1<<20, unseen, fenced("**Next**")),
		"severity": whole(1, 4), "date": whole(1e12, 1e13), "tlp": whole(0, 4), "pap": whole(0, 3), "tags": list(100, words(128, unseen)),
		"externalLink": words(1000, ours), "observables": observables,
	})
	if err := jsonBody(r, 4<<20, alert); err != nil {
		return sinkAnswer{}, err
	}
	var a struct{ Type, Source, SourceRef string }
	_ = json.Unmarshal(r.body, &a)
	key := a.Type + "\x00" + a.Source + "\x00" + a.SourceRef
	if h.alerts[key] {
		return h.known, nil // it is no mistake to ask
	}
	h.alerts[key] = true
	h.refs[key] = fmt.Sprintf("~%d", 4096*len(h.alerts))
	h.ids[h.refs[key]] = true
	return sinkAnswer{status: 201, body: fmt.Sprintf(`{"_id":"~%d","_type":"Alert","sourceRef":%q,"status":"New"}`, 4096*len(h.alerts), a.SourceRef)}, nil
}

func TestTheHiveSink(t *testing.T) {
	alert := func(more string) string {
		return `{"type":"ossec","source":"ossec-notify","sourceRef":"01J9Z3","title":"x","description":"` + "```\\nx\\n```" + `"` + more + `}`
	}
	h := newTheHive(theHiveKnows[0])
	testDesk(t, &h.desk, map[string]string{"Authorization": "Bearer th3h1ve-k3y", "Content-Type": "application/json"}, "/api/v1/alert", []deskCase{
		{name: "alert", body: alert(`,"severity":2,"date":1795440502000,"observables":[{"dataType":"ip","data":"203.0.113.9"}]`), status: 201},
		{name: "again", body: alert(""), status: 400},
		{name: "severity 5", body: alert(`,"severity":5`), why: "whole number from 1 to 4"},
		{name: "seconds", body: alert(`,"date":1795440502`), why: "whole number"},
		{name: "no address", body: alert(`,"observables":[{"dataType":"ip","data":"web-01"}]`), why: "ParseAddr"},
		{name: "type of our own", body: alert(`,"observables":[{"dataType":"source_ip","data":"203.0.113.9"}]`), why: "type of observable", status: 404},
		{name: "Markdown", body: alert(`,"x":1`), why: `unknown key "x"`},
		{name: "comment", path: "/api/v1/alert/~4096/comment", body: `{"message":"` + "`x`\\n\\n```\\nx\\n```" + `"}`, status: 201},
		{name: "comment on nothing", path: "/api/v1/alert/~4097/comment", body: `{"message":"x"}`, why: "not there", status: 404},
		{name: "comment that is live", path: "/api/v1/alert/~4096/comment", body: `{"message":"[x](https://example.com)"}`, why: "code"},
		{name: "status", method: "PATCH", path: "/api/v1/alert/~4096", body: `{"status":"Ignored"}`, status: 204},
		{name: "status that is none", method: "PATCH", path: "/api/v1/alert/~4096", body: `{"status":"Over"}`, why: "status", status: 404},
		{name: "status of nothing", method: "PATCH", path: "/api/v1/alert/~4097", body: `{"status":"Ignored"}`, why: "not there", status: 404},
		{name: "more than a status", method: "PATCH", path: "/api/v1/alert/~4096", body: `{"status":"Ignored","description":"x"}`, why: "unknown key"},
		{name: "query", path: "/api/v1/query", body: `{"query":[{"_name":"listAlert"},{"_name":"filter","_and":[{"_field":"type","_value":"ossec"},{"_field":"source","_value":"ossec-notify"},{"_field":"sourceRef","_value":"01J9Z3"}]},{"_name":"page","from":0,"to":1,"extraData":[]}]}`, status: 200},
		{name: "query of all", path: "/api/v1/query", body: `{"query":[{"_name":"listAlert"}]}`, why: "query", status: 400},
		{name: "other key", header: map[string]string{"Authorization": "Bearer x"}, body: alert(""), why: "Authorization", status: 401},
	})
	if len(h.alerts) != 1 {
		t.Errorf("it has %d alerts, want 1", len(h.alerts))
	}
}

var theHiveAnswers = []answerCase{
	{"duplicate, 5.5", theHiveKnows[0], "delivered", "", "", 0},
	{"duplicate, 5.6", theHiveKnows[1], "delivered", "", "", 0},
	{"not valid", sinkAnswer{400, nil, `{"type":"AttributeCheckingError","message":"title is missing"}`}, "permanent", "title is missing", "", 0},
	{"type of observables", sinkAnswer{404, nil, `{"type":"NotFoundError","message":"ObservableType hash not found"}`}, "misconfigured", "ObservableType hash not found", "Entities management", 0},
	{"status", sinkAnswer{404, nil, `{"type":"NotFoundError","message":"AlertStatus Over not found"}`}, "misconfigured", "AlertStatus Over not found", "closed_status", 0},
	{"deleted", sinkAnswer{404, nil, `{"type":"NotFoundError","message":"Alert ~4096 not found"}`}, "permanent", "~4096 not found", "was deleted", 0},
	{"wrong key", sinkAnswer{401, nil, `{"type":"AuthenticationError","message":"Authentication failure"}`}, "misconfigured", "Authentication failure", "the key is wrong", 0},
	{"no right", sinkAnswer{403, nil, `{"type":"AuthorizationError","message":"Operation not permitted"}`}, "misconfigured", "not permitted", "may not create alerts", 0},
	{"other address", sinkAnswer{404, nil, "not found"}, "misconfigured", "not found", "no TheHive 5", 0},
	{"down", sinkAnswer{500, nil, `{"type":"InternalError","message":"database is unavailable"}`}, "temporary", "database is unavailable", "", 0},
	{"page of a proxy", sinkAnswer{200, nil, "<!DOCTYPE html><title>Please log in</title>"}, "permanent", "200", "", 0},
}
