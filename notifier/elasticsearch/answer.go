package elasticsearch

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/ossec-notify/ossec-notify/notifier"
)

// outcome is what became of one document.
type outcome struct {
	Status       int    `json:"status"`
	Error        reason `json:"error"`
	FailureStore string `json:"failure_store"`
}

// reason is why something was refused: an object, or a text, which is what proxies and old servers write.
type reason struct {
	Type     string `json:"type"`
	Reason   string `json:"reason"`
	CausedBy struct {
		Type   string `json:"type"`
		Reason string `json:"reason"`
	} `json:"caused_by"`
}

// UnmarshalJSON reads both forms.
func (r *reason) UnmarshalJSON(b []byte) error {
	type object reason
	if json.Unmarshal(b, (*object)(r)) != nil {
		*r = reason{}
		_ = json.Unmarshal(b, &r.Reason) // what is neither says nothing
	}
	return nil
}

func (r reason) String() string {
	var parts []string
	for _, s := range []string{r.Type, r.Reason, r.CausedBy.Reason} {
		if s = notifier.Snippet([]byte(s)); s != "" && (len(parts) == 0 || parts[len(parts)-1] != s) {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, ": ")
}

// readFailure is what is wrong with a whole request; nil where each document has its own verdict.
func readFailure(what string, a *notifier.Answer) error {
	failure := a.Failure(what)
	if failure == nil {
		return nil
	}
	if a.Err != nil {
		return failure
	}
	var reply struct {
		Error reason `json:"error"`
	}
	if json.Unmarshal(a.Body, &reply) == nil && reply.Error.String() != "" {
		failure.Err = fmt.Errorf("%s: status %d: %s", what, a.Status, reply.Error)
		failure.Code = notifier.Snippet([]byte(reply.Error.Type))
	}
	switch a.Status {
	case http.StatusUnauthorized:
		failure.Hint = "check api_key, basic_auth or bearer_token"
	case http.StatusForbidden:
		failure.Hint = mayNotWrite
	case http.StatusNotFound:
		failure.Hint = "check the path in the setting url; _bulk is added to it"
	case http.StatusRequestEntityTooLarge:
		failure.Hint = "the document alone is larger than the server takes (http.max_content_length, or a proxy before it)"
	}
	return failure
}

const (
	mayNotWrite = "who writes needs the privilege create_doc for the index, and auto_configure where it is not there yet"
	wrongType   = "the index has another type for a field than the document; put the index template of docs/siem.md and begin a new index"
)

// result is the outcome as the delivery's own. What is wrong with an index or a pipeline that a template made of the alert says nothing
// about the receiver: else who can write into an alert could stop it. Not even that this index takes nothing for now.
func (o outcome) result(what string, status int, d document) notifier.Result {
	switch {
	case o.Status == http.StatusConflict: // it was created by an attempt whose answer was lost
		return notifier.Result{Receipt: notifier.Receipt{Status: status}}
	case o.Status >= 200 && o.Status < 300:
		r := notifier.Receipt{Status: status}
		if o.FailureStore == "used" {
			r.Warning = "Elasticsearch could not index the document and put it into the failure store of its data stream"
		}
		return notifier.Result{Receipt: r}
	}
	e := notifier.Errorf(notifier.StatusReason(o.Status), "%s: the document for the index %q: status %d: %s", what, d.index.name, o.Status, o.Error)
	e.Status, e.Code = o.Status, notifier.Snippet([]byte(o.Error.Type))
	chosen := d.index.chosen
	switch {
	case o.Error.Type == "cluster_block_exception" && chosen && !strings.Contains(o.Error.Reason, diskFull):
		e.Reason, e.Hint = notifier.Misconfigured, "somebody blocked the index"
	case o.Error.Type == "unavailable_shards_exception":
		e.Alone = chosen
	case o.Error.Type == "cluster_block_exception":
		e.Reason, e.Hint = notifier.Temporary, "the index takes nothing: the disk of a node is nearly full, or somebody blocked it"
		e.RetryAfter, e.Alone = blockedFor, chosen
	case o.Status == http.StatusForbidden:
		e.Hint = mayNotWrite
	case o.Status == http.StatusNotFound:
		e.Hint = "create the index or data stream, or let the server do it (action.auto_create_index)"
	case o.Status == http.StatusBadRequest:
		e.Reason, e.Hint = badDocument(o.Error)
		if strings.Contains(o.Error.Reason, noPipeline) {
			chosen = d.pipeline.chosen
		}
	}
	if chosen && e.Reason == notifier.Misconfigured {
		e.Reason = notifier.Permanent
	}
	return notifier.Result{Err: e}
}

const (
	noPipeline = "pipeline with id"
	diskFull   = "/12/" // FORBIDDEN/12, TOO_MANY_REQUESTS/12 since 7.7 (github.com/elastic/elasticsearch/issues/58376): the block that a cluster sets by itself, to all indexes on a disk that is nearly full
)

// blockedFor is how long a blocked index is left alone: it is not mended in seconds.
const blockedFor = 30 * time.Second

// badDocument tells a document that will never be taken from an index that takes none.
func badDocument(r reason) (notifier.Reason, string) {
	switch {
	case strings.Contains(r.Reason, noPipeline):
		return notifier.Misconfigured, "create the ingest pipeline, or change the setting pipeline"
	case r.Type == "index_closed_exception":
		return notifier.Misconfigured, "open the index, or change the setting index"
	case strings.Contains(r.Reason, "shards open"), strings.Contains(r.Reason, "no write index is defined"):
		return notifier.Misconfigured, "the cluster makes no new index"
	case strings.Contains(r.Reason, "Limit of total fields"):
		return notifier.Permanent, "the index has too many fields; put the index template of docs/siem.md and begin a new index"
	case r.Type == "mapper_parsing_exception", r.Type == "document_parsing_exception", r.Type == "illegal_argument_exception", r.Type == "strict_dynamic_mapping_exception":
		return notifier.Permanent, wrongType
	}
	return notifier.Permanent, ""
}
