package elasticsearch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/ossec-notify/ossec-notify/notifier"
)

// maxAnswer bounds what is read of an answer, in bytes: a refusal of each document, with its reason.
const maxAnswer = 512 << 10

// send writes documents in one request.
func (e *Notifier) send(ctx context.Context, documents []document) []notifier.Result {
	results := make([]notifier.Result, len(documents))
	credential, err := e.credential(ctx)
	if err != nil {
		fail(results, err)
		return results
	}
	r := request{credential: credential}
	e.bulk(ctx, &r, documents, results)
	return results
}

// errShort: some document's answer is missing, be it that the server says too much of another.
var errShort = errors.New("the answer does not tell of each document")

// request is what the parts of one request have in common, when it is made again in halves.
type request struct {
	credential notifier.Credential
	well       bool // the cluster answered since, when it was not sent a document
}

// bulk makes a request. One that is refused as a whole, as too large or for one document that is no document, is made again in
// halves, so that nothing else goes down with what is to blame; and so is one whose answer is too long to be read.
func (e *Notifier) bulk(ctx context.Context, r *request, documents []document, results []notifier.Result) {
	body := bytes.Join(lines(documents), nil)
	if e.cfg.Gzip {
		body = notifier.Gzip(body)
	}
	err := e.failover.Do(ctx, func(ctx context.Context, server int) error {
		if err := e.post(ctx, e.servers[server], r.credential, body, documents, results); err != nil {
			return err
		}
		if i := slices.IndexFunc(results, func(r notifier.Result) bool { return r.Err == nil }); i >= 0 {
			results[i].Receipt.Warn(e.failover.Took(server))
		}
		return nil
	})
	if err == nil {
		return
	}
	failure := notifier.Classify(err)
	disliked := e.turnedAway(ctx, r, failure)
	if len(documents) > 1 && (disliked || failure.Status == http.StatusRequestEntityTooLarge || failure.Status == http.StatusBadRequest || errors.Is(err, errShort)) {
		half := len(documents) / 2
		e.bulk(ctx, r, documents[:half], results[:half])
		e.bulk(ctx, r, documents[half:], results[half:])
		return
	}
	if disliked {
		err = failure.TakenForAttack("the cluster", "document")
	}
	fail(results, err)
}

// turnedAway reports whether a 403 that is not the cluster's own was meant for what the documents say. To what stands before a cluster, an
// attack that a log line tells of may look like an attack, and its refusal is that of a stranger. So the cluster is asked who it is: who can
// write into a log must not be able to stop the receiver.
func (e *Notifier) turnedAway(ctx context.Context, r *request, failure *notifier.Error) bool {
	if failure.Reason != notifier.Misconfigured || failure.Status != http.StatusForbidden || failure.Code != "" {
		return false
	}
	r.well = r.well || slices.ContainsFunc(e.servers, func(server *url.URL) bool {
		a, err := e.ask(ctx, http.MethodGet, server.JoinPath("/"), nil, r.credential)
		return err == nil && a.Err == nil && a.Status == http.StatusOK
	})
	return r.well
}

func lines(documents []document) [][]byte {
	out := make([][]byte, len(documents))
	for i, d := range documents {
		out[i] = d.lines
	}
	return out
}

// fail is one failure for all.
func fail(results []notifier.Result, err error) {
	for i := range results {
		results[i] = notifier.Result{Err: err}
	}
}

// post asks one server. Where that answers for each document, results have its verdicts.
func (e *Notifier) post(ctx context.Context, server *url.URL, credential notifier.Credential, body []byte, documents []document, results []notifier.Result) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, server.JoinPath("_bulk").String(), bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-ndjson")
	if e.cfg.Gzip {
		req.Header.Set("Content-Encoding", "gzip")
	}
	credential.Set(req)
	a := notifier.DoUpTo(maxAnswer, e.client, req)
	a.Redact(credential.Secrets...)
	what := "post to Elasticsearch at " + server.Host
	if failure := readFailure(what, a); failure != nil {
		return failure
	}
	var reply struct {
		Items []map[string]outcome `json:"items"`
	}
	switch err := json.Unmarshal(a.Body, &reply); {
	case err != nil && len(a.Body) == maxAnswer || err == nil && len(reply.Items) > 0 && len(reply.Items) != len(results):
		// Which of them are in is not to be known; those that are will say so when they come again.
		return &notifier.Error{Status: a.Status, Ambiguous: true, Err: fmt.Errorf("%s: status %d, but %w", what, a.Status, errShort)}
	case err != nil || len(reply.Items) == 0:
		e := notifier.Errorf(notifier.Misconfigured, "%s: status %d, but the answer is none of the bulk API", what, a.Status)
		e.Status, e.Hint = a.Status, "this is not Elasticsearch or OpenSearch; check the setting url"
		return e
	}
	for i, item := range reply.Items {
		var o outcome           // of nothing: it is refused
		for _, o = range item { // there is one, under the name of what was to do
		}
		results[i] = o.result(what, a.Status, documents[i])
	}
	return nil
}
