package splunk

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"github.com/ossec-notify/ossec-notify/notifier"
)

// reply is what a collector answers: {"text":"Success","code":0,"ackId":3}.
type reply struct {
	Text  string       `json:"text"`
	Code  *int         `json:"code"`
	AckID *json.Number `json:"ackId"`
}

// verdict is what an answer code says about the message and the receiver.
type verdict struct {
	accepted bool
	reason   notifier.Reason
	hint     string // for an accepted event, the receipt's warning
}

const (
	checkToken = "check the token, and that it is enabled in Settings > Data inputs > HTTP Event Collector"
	checkEvent = "the template makes something that Splunk takes for no event; see it with: ossec-notify preview"
)

// verdicts are the collector's answer codes. Splunk documents 0 to 22 ("Troubleshoot HTTP Event Collector",
// possible error codes); 23 to 27 came with Splunk 9.
var verdicts = map[int]verdict{
	0:  {accepted: true},
	1:  {reason: notifier.Misconfigured, hint: "the token is disabled; enable it in Settings > Data inputs > HTTP Event Collector"},
	2:  {reason: notifier.Misconfigured, hint: checkToken},
	3:  {reason: notifier.Misconfigured, hint: checkToken},
	4:  {reason: notifier.Misconfigured, hint: checkToken},
	5:  {reason: notifier.Permanent, hint: checkEvent},
	6:  {reason: notifier.Permanent, hint: checkEvent},
	7:  {reason: notifier.Misconfigured, hint: "the index does not exist, or the token may not write to it; check the setting index"},
	8:  {reason: notifier.Temporary},
	9:  {reason: notifier.Temporary},
	10: {reason: notifier.Misconfigured, hint: "something between this host and Splunk takes the header X-Splunk-Request-Channel away, which a token with acknowledgement needs"},
	11: {reason: notifier.Misconfigured, hint: "Splunk does not take the channel; write another GUID into the setting channel"},
	12: {reason: notifier.Permanent, hint: checkEvent},
	13: {reason: notifier.Permanent, hint: checkEvent},
	14: {reason: notifier.Misconfigured, hint: "the token has no indexer acknowledgement"},
	15: {reason: notifier.Permanent, hint: "the part fields.json must be a flat object of texts, numbers and lists of texts"},
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

// readAnswer turns the collector's answer into a receipt or an error.
func (s *Notifier) readAnswer(a *notifier.Answer) (notifier.Receipt, error) {
	what := "post to Splunk HEC at " + s.endpoint.Host
	failed := a.Failure(what)
	if a.Err != nil {
		return notifier.Receipt{}, failed
	}
	var r reply
	if err := json.Unmarshal(a.Body, &r); err != nil || r.Code == nil {
		if failed == nil { // a proxy's page, or some other web server
			failed = notifier.Errorf(notifier.Misconfigured, "%s: status %d, but the answer is none of a collector's", what, a.Status)
			failed.Status = a.Status
			failed.Hint = "this is not a HEC endpoint; check the setting url"
		}
		return notifier.Receipt{}, failed
	}
	v, known := verdicts[*r.Code]
	text := notifier.Snippet([]byte(r.Text))
	if failed == nil && !known {
		// The event is in, whatever else the code says: Splunk refuses with a status of its own.
		v = verdict{accepted: true, hint: fmt.Sprintf("Splunk answered %q (code %d), which is not known here", text, *r.Code)}
	}
	if failed == nil && v.accepted {
		receipt := notifier.Receipt{Status: a.Status, Warning: v.hint}
		if r.AckID != nil {
			receipt.ID = r.AckID.String()
		}
		return receipt, nil
	}
	e := notifier.Errorf(v.reason, "%s: status %d: %s (code %d)", what, a.Status, text, *r.Code)
	e.Status, e.Code, e.Hint = a.Status, strconv.Itoa(*r.Code), v.hint
	if failed != nil {
		e.RetryAfter = failed.RetryAfter
		if !known || v.accepted { // the status is all that can be understood
			e.Reason, e.Hint = failed.Reason, ""
		}
		if !known && a.Status == http.StatusNotFound {
			e.Hint = "check the path in the setting url; without one, " + eventPath + " is used"
		}
	}
	return notifier.Receipt{}, e
}
