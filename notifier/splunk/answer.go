package splunk

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/ossec-notify/ossec-notify/notifier"
)

// reply is what a collector answers: {"text":"Success","code":0,"ackId":3}.
type reply struct {
	Text   string       `json:"text"`
	Code   *int         `json:"code"`
	AckID  *json.Number `json:"ackId"`
	Number *json.Number `json:"invalid-event-number"`
}

// verdict is what an answer code says about the message and the receiver.
type verdict struct {
	accepted bool
	reason   notifier.Reason
	event    bool   // one event of the request is to blame, and the others are not
	hint     string // for an accepted event, the receipt's warning
}

// wrongIndex is the code for an index that does not exist, or that the token may not write to.
const wrongIndex = "7"

const (
	checkToken = "check the token, and that it is enabled in Settings > Data inputs > HTTP Event Collector"
	checkEvent = "the template makes something that Splunk takes for no event; see it with: ossec-notify preview"
)

// verdicts are the collector's answer codes. Splunk documents 0 to 22 ("Troubleshoot HTTP Event Collector",
// possible error codes); 23 to 27 came with Splunk 9. docs/splunk.md has the same table, and a test compares them.
var verdicts = map[int]verdict{
	0:  {accepted: true},
	1:  {reason: notifier.Misconfigured, hint: "the token is disabled; enable it in Settings > Data inputs > HTTP Event Collector"},
	2:  {reason: notifier.Misconfigured, hint: checkToken},
	3:  {reason: notifier.Misconfigured, hint: checkToken},
	4:  {reason: notifier.Misconfigured, hint: checkToken},
	5:  {reason: notifier.Permanent, event: true, hint: checkEvent},
	6:  {reason: notifier.Permanent, event: true, hint: checkEvent},
	7:  {reason: notifier.Misconfigured, event: true, hint: "the index does not exist, or the token may not write to it; check the setting index"},
	8:  {reason: notifier.Temporary},
	9:  {reason: notifier.Temporary},
	10: {reason: notifier.Misconfigured, hint: "something between this host and Splunk takes the header X-Splunk-Request-Channel away, which a token with acknowledgement needs"},
	11: {reason: notifier.Misconfigured, hint: "Splunk does not take the channel; write another GUID into the setting channel"},
	12: {reason: notifier.Permanent, event: true, hint: checkEvent},
	13: {reason: notifier.Permanent, event: true, hint: checkEvent},
	14: {reason: notifier.Misconfigured, hint: "the token has no indexer acknowledgement"},
	15: {reason: notifier.Permanent, event: true, hint: "the part fields.json must be a flat object of texts, numbers and lists of texts"},
	16: {reason: notifier.Misconfigured, hint: "remove the query from the setting url; the token belongs into the setting token"},
	17: {reason: notifier.Misconfigured, hint: "the setting url names the collector's health page; leave its path away"},
	18: {reason: notifier.Temporary},
	19: {reason: notifier.Temporary},
	20: {reason: notifier.Temporary},
	21: {reason: notifier.Misconfigured, hint: checkToken},
	22: {reason: notifier.Misconfigured, hint: "the token is disabled; enable it in Settings > Data inputs > HTTP Event Collector"},
	23: {reason: notifier.Temporary},
	24: {accepted: true, hint: "Splunk took the event, but its queue is nearly full"},
	25: {accepted: true, hint: "Splunk took the event, but its acknowledgements are nearly at their limit"},
	26: {reason: notifier.Temporary, hint: "Splunk's queue is full"},
	27: {reason: notifier.Temporary, hint: "too many events wait for Splunk's acknowledgement"},
}

// outcome is what became of a request as a whole; what became of an event stands in its item.
type outcome struct {
	down  *notifier.Error // why the collector takes nothing for now; nil: it does
	left  []*item         // of a collector that is down: what it has certainly not taken
	again [][]*item       // what is to be sent again in requests of their own, for nothing is known of it yet
}

// refuse fails events for good, or for a reason that does not lie in the collector.
func refuse(part []*item, e *notifier.Error) outcome {
	for _, it := range part {
		it.fail(e)
	}
	return outcome{}
}

// later fails events for now.
func later(part []*item, e *notifier.Error) outcome {
	o := outcome{down: e}
	for _, it := range part {
		it.fail(e)
	}
	if !e.Ambiguous {
		o.left = part
	}
	return o
}

// judge says what an answer means for each event of its request.
func (ix *indexer) judge(a *notifier.Answer, part []*item) outcome {
	what := "post to Splunk HEC at " + ix.endpoint.Host
	failed := a.Failure(what)
	if a.Err != nil {
		if failed.Reason == notifier.Temporary {
			return later(part, failed)
		}
		return refuse(part, failed)
	}
	var r reply
	if err := json.Unmarshal(a.Body, &r); err != nil || r.Code == nil {
		switch {
		case failed == nil: // a proxy's page, or some other web server
			failed = notifier.Errorf(notifier.Misconfigured, "%s: status %d, but the answer is none of a collector's", what, a.Status)
			failed.Status = a.Status
			failed.Hint = "this is not a HEC endpoint; check the setting url"
		case failed.Reason == notifier.Temporary:
			return later(part, failed)
		case len(part) > 1 && mayDislikeContent(a.Status):
			return halves(part)
		case a.Status == http.StatusRequestEntityTooLarge:
			failed.Hint = "the event is larger than the collector takes: max_content_length in Splunk's limits.conf, or the limit of what stands before it"
		}
		return refuse(part, failed)
	}
	v, known := verdicts[*r.Code]
	text := notifier.Snippet([]byte(r.Text))
	if failed == nil && !known {
		// The event is in, whatever else the code says: Splunk refuses with a status of its own.
		v = verdict{accepted: true, hint: fmt.Sprintf("Splunk answered %q (code %d), which is not known here", text, *r.Code)}
	}
	if failed == nil && v.accepted {
		ix.accept(part, r, notifier.Receipt{Status: a.Status, Warning: v.hint})
		return outcome{}
	}
	subject, ofIndex := what, strconv.Itoa(*r.Code) == wrongIndex && sameTarget(part)
	if ofIndex {
		subject += ": the event for " + part[0].target.String()
	}
	e := notifier.Errorf(v.reason, "%s: status %d: %s (code %d)", subject, a.Status, text, *r.Code)
	e.Status, e.Code, e.Hint = a.Status, strconv.Itoa(*r.Code), v.hint
	if failed != nil {
		e.RetryAfter = failed.RetryAfter
		if !known || v.accepted { // the status is all that can be understood
			e.Reason, e.Hint = failed.Reason, ""
			v.event = mayDislikeContent(a.Status)
		}
		if !known && a.Status == http.StatusNotFound {
			e.Hint = "check the path in the setting url; without one, " + eventPath + " is used"
		}
	}
	if ofIndex && part[0].target.chosen { // which says nothing about the receiver
		e.Reason, e.Hint = notifier.Permanent, "it does not exist, or the token may not write to it; make it, or mend the template that makes the index"
	}
	switch taken, number := ix.before(a, r, part); {
	case e.Reason == notifier.Temporary:
		// Whether the number counts from 0 or 1 here, Splunk says nowhere: the event before it may be in or not.
		if number > 0 && len(part) > 1 {
			maybe := part[number-1 : number]
			unsure(maybe, what)
			taken(part[:number-1])
			return later(part[number:], e)
		}
		return later(part, e)
	case len(part) == 1 || !v.event || ofIndex: // what is wrong with an index is wrong with all that go there
		return refuse(part, e)
	case number < 0 || number == len(part):
		return halves(part)
	default:
		taken(part[:number])
		return outcome{again: compact(part[number:number+1], part[number+1:])} // so that it is judged alone
	}
}

// mayDislikeContent reports whether a status can mean what one event says. A 403 may, too: see turnedAway.
func mayDislikeContent(status int) bool {
	return status >= 400 && status < 500 && notifier.StatusReason(status) == notifier.Permanent
}

// halves are for a refusal that does not say which event it means.
func halves(part []*item) outcome {
	return outcome{again: [][]*item{part[:len(part)/2], part[len(part)/2:]}}
}

func compact(parts ...[]*item) (all [][]*item) {
	for _, p := range parts {
		if len(p) > 0 {
			all = append(all, p)
		}
	}
	return all
}

// accept notes that events were taken.
func (ix *indexer) accept(part []*item, r reply, receipt notifier.Receipt) {
	if ix.moved != nil {
		receipt.Warn(ix.moved())
	}
	var acks []*ack
	id, waits := int64(0), false
	if r.AckID != nil {
		var err error
		receipt.ID = r.AckID.String()
		id, err = strconv.ParseInt(receipt.ID, 10, 64)
		waits = err == nil // no number: the events were taken, and there is nothing to ask for
	}
	for i, it := range part {
		own := receipt
		if i > 0 {
			own.Warning = "" // told once
		}
		own.Warning = both(own.Warning, it.warning)
		it.result, it.ack = notifier.Result{Receipt: own}, nil
		if waits {
			it.ack = &ack{delivery: it.delivery, receipt: own}
			acks = append(acks, it.ack)
		}
	}
	ix.final.Store(!waits)
	if waits {
		ix.acks.add(&taken{by: ix, id: id}, acks)
	}
}

// before reads which event of a request was refused: its place, or -1 where that is not said, and what became of those before it.
//
// Splunk reads event by event. It has those before the one it refuses and none behind it (github.com/moby/moby/issues/35862);
// the number is the place counted from 0, but for a wrong index from 1, as one sees where there is but one event
// (github.com/splunk/splunk-connect-for-syslog/issues/548). Other collectors give the number and take nothing, such as the
// OpenTelemetry receiver. So what stood before is delivered where Splunk itself answers and need not acknowledge it; else it
// is sent again as what may be a repeat.
func (ix *indexer) before(a *notifier.Answer, r reply, part []*item) (taken func([]*item), number int) {
	taken = func(events []*item) {
		if a.Header.Get("Server") != "Splunkd" || !ix.final.Load() {
			unsure(events, "post to Splunk HEC at "+ix.endpoint.Host)
			return
		}
		for _, it := range events {
			it.result, it.ack = notifier.Result{Receipt: notifier.Receipt{Status: http.StatusOK, Warning: it.warning}}, nil
		}
	}
	if r.Number == nil {
		return taken, -1
	}
	n, err := strconv.Atoi(r.Number.String())
	if strconv.Itoa(*r.Code) == wrongIndex {
		n = max(n-1, 0)
	}
	if err != nil || n < 0 || n > len(part) {
		return taken, -1
	}
	return taken, n
}

// unsure fails events of which nobody knows whether they were taken.
func unsure(events []*item, what string) {
	for _, it := range events {
		it.fail(&notifier.Error{Ambiguous: true, Err: errors.New(what + ": another event of the same request was refused, and whether this one was taken is not said")})
	}
}
