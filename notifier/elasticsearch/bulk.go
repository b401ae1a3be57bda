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
	e.bulk(ctx, credential, documents, results)
	return results
}

// errShort: some document's answer is missing, be it that the server says too much of another.
var errShort = errors.New("the answer does not tell of each document")

// bulk makes a request. One that is refused as a whole, as too large or for one document that is no document, is made again in
// halves, so that nothing else goes down with what is to blame; and so is one whose answer is too long to be read.
func (e *Notifier) bulk(ctx context.Context, credential notifier.Credential, documents []document, results []notifier.Result) {
	body := bytes.Join(byteSlices(documents), nil)
	if e.cfg.Gzip {
		body = notifier.Gzip(body)
	}
	err := e.failover.Do(ctx, func(ctx context.Context, server int) error {
		if err := e.post(ctx, e.servers[server], credential, body, results); err != nil {
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
	status := notifier.Classify(err).Status
	if len(documents) > 1 && (status == http.StatusRequestEntityTooLarge || status == http.StatusBadRequest || errors.Is(err, errShort)) {
		half := len(documents) / 2
		e.bulk(ctx, credential, documents[:half], results[:half])
		e.bulk(ctx, credential, documents[half:], results[half:])
		return
	}
	fail(results, err)
}

func byteSlices(documents []document) [][]byte {
	out := make([][]byte, len(documents))
	for i, d := range documents {
		out[i] = d
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
func (e *Notifier) post(ctx context.Context, server *url.URL, credential notifier.Credential, body []byte, results []notifier.Result) error {
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
		results[i] = o.result(what, a.Status)
	}
	return nil
}
