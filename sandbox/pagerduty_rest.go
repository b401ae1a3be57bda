package sandbox

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// FakePagerDutyToken is what the stand-in of PagerDuty's REST API expects unless Options says otherwise.
const FakePagerDutyToken = "sandbox-pagerduty-token"

// Duty is somebody who is on call.
type Duty struct {
	// Schedule is the schedule's id, such as PABC123.
	Schedule string
	// Level is the place in the escalation policy; 1 if 0.
	Level       int
	Name, Email string
}

// SetOnCall says who is on call from now on, in place of those of Options.OnCall.
func (s *Server) SetOnCall(duties ...Duty) {
	s.pager.mu.Lock()
	defer s.pager.mu.Unlock()
	s.pager.duties = slices.Clone(duties)
}

// Acknowledge is a person who acknowledges an incident in PagerDuty. It reports whether one with the key was open.
func (s *Server) Acknowledge(dedupKey, by string) bool {
	return s.pager.byHand(dedupKey, by, Acknowledged, s.opt.Now())
}

// Resolve is a person who resolves an incident in PagerDuty. It reports whether one with the key was open.
func (s *Server) Resolve(dedupKey, by string) bool {
	return s.pager.byHand(dedupKey, by, Resolved, s.opt.Now())
}

func (p *pager) byHand(key, by string, status IncidentStatus, at time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	in := p.open[key]
	if in == nil {
		return false
	}
	p.change(in, status, by, at)
	return true
}

// change moves an incident on; by is the person, "" for an event.
func (p *pager) change(in *Incident, status IncidentStatus, by string, at time.Time) {
	in.Status, in.Changed, in.By = status, at, by
	if status == Acknowledged {
		in.Acknowledged = at
	} else {
		delete(p.open, in.DedupKey)
	}
}

// pagerRESTMax is how many entries a page has at most (developer.pagerduty.com, REST API v2, Pagination).
const pagerRESTMax = 100

// rest answers the two methods of the REST API that tell who is on call, and where an incident stands. It changes nothing.
func (p *pager) rest(r *request) *answer {
	if r.method != http.MethodGet {
		return notAllowed(r.method, http.MethodGet)
	}
	if token, ok := strings.CutPrefix(r.header.Get("Authorization"), "Token token="); !ok || !matches(token, p.token) {
		return restRefusal(http.StatusUnauthorized, 2006, "Unauthorized", "the header is not Authorization: Token token=…, with the token that the sandbox expects")
	}
	var problems []string
	page := map[string]int{"limit": 25, "offset": 0}
	for key := range page {
		text := r.query.Get(key)
		if text == "" {
			continue
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 || key == "limit" && (n < 1 || n > pagerRESTMax) {
			problems = append(problems, fmt.Sprintf("%s is %q, not a number that may be", key, text))
		}
		page[key] = n
	}
	for _, key := range []string{"since", "until"} {
		if text := r.query.Get(key); text != "" {
			if _, err := time.Parse(time.RFC3339, text); err != nil {
				problems = append(problems, fmt.Sprintf("%s is %q, not an ISO 8601 time", key, text))
			}
		}
	}
	of := p.oncalls
	key, known := "oncalls", []string{"schedule_ids[]", "escalation_policy_ids[]", "user_ids[]", "include[]", "earliest", "time_zone", "total"}
	if r.path == "/incidents" {
		of = p.listed
		key, known = "incidents", []string{"incident_key", "statuses[]", "service_ids[]", "include[]", "date_range", "sort_by", "urgencies[]", "time_zone", "total"}
	}
	for name := range r.query {
		if !slices.Contains(known, name) && !slices.Contains([]string{"limit", "offset", "since", "until"}, name) {
			problems = append(problems, fmt.Sprintf("%q is no parameter of %s", name, r.path))
		}
	}
	if len(problems) > 0 {
		slices.Sort(problems)
		return restRefusal(http.StatusBadRequest, 2001, "Invalid Input Provided", problems...)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	all := of(r.query)
	rest := all[min(page["offset"], len(all)):]
	shown := rest[:min(page["limit"], len(rest))]
	if shown == nil {
		shown = []map[string]any{}
	}
	return object(http.StatusOK, map[string]any{
		key: shown, "limit": page["limit"], "offset": page["offset"], "more": len(rest) > len(shown), "total": nil,
	})
}

func restRefusal(status, code int, message string, problems ...string) *answer {
	return object(status, map[string]any{"error": map[string]any{"code": code, "message": message, "errors": problems}}, problems...)
}

// oncalls is GET /oncalls. Name and address of a user are told to those who include users.
func (p *pager) oncalls(query url.Values) []map[string]any {
	var all []map[string]any
	for i, d := range p.duties {
		id := fmt.Sprintf("P%06d", i+1)
		if wanted := query["schedule_ids[]"]; len(wanted) > 0 && !slices.Contains(wanted, d.Schedule) {
			continue
		}
		if wanted := query["user_ids[]"]; len(wanted) > 0 && !slices.Contains(wanted, id) {
			continue
		}
		user := map[string]any{"id": id, "type": "user_reference", "summary": d.Name}
		if slices.Contains(query["include[]"], "users") {
			user["type"], user["name"], user["email"] = "user", d.Name, d.Email
		}
		all = append(all, map[string]any{
			"user": user, "escalation_level": max(d.Level, 1),
			"schedule":          map[string]any{"id": d.Schedule, "type": "schedule_reference", "summary": d.Schedule},
			"escalation_policy": map[string]any{"id": "PPOLICY", "type": "escalation_policy_reference", "summary": "sandbox"},
			"start":             nil, "end": nil,
		})
	}
	return all
}

// listed is GET /incidents, the newest first.
func (p *pager) listed(query url.Values) []map[string]any {
	var all []map[string]any
	for i, in := range slices.Backward(p.incidents) {
		if key := query.Get("incident_key"); key != "" && key != in.DedupKey {
			continue
		}
		if wanted := query["statuses[]"]; len(wanted) > 0 && !slices.Contains(wanted, string(in.Status)) {
			continue
		}
		by := map[string]any{"id": "PSERVICE", "type": "service_reference", "summary": "sandbox"}
		if in.By != "" {
			by = map[string]any{"id": "PUSER", "type": "user_reference", "summary": in.By}
		}
		acknowledgements := []map[string]any{}
		if in.Status == Acknowledged {
			acknowledgements = append(acknowledgements, map[string]any{"at": in.Acknowledged.UTC().Format(time.RFC3339), "acknowledger": by})
		}
		all = append(all, map[string]any{
			"id": fmt.Sprintf("Q%06d", i+1), "type": "incident", "incident_number": i + 1, "incident_key": in.DedupKey,
			"title": in.Summary, "summary": fmt.Sprintf("[#%d] %s", i+1, in.Summary), "status": string(in.Status), "urgency": "high",
			"created_at": in.Opened.UTC().Format(time.RFC3339), "acknowledgements": acknowledgements,
			"last_status_change_at": in.Changed.UTC().Format(time.RFC3339), "last_status_change_by": by,
		})
	}
	return all
}
