package loki

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/ossec-notify/ossec-notify/notifier"
)

func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, notifier.Errorf(notifier.Permanent, "write the lines for Loki: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// send pushes entries in one request.
func (l *Notifier) send(ctx context.Context, entries []entry) []notifier.Result {
	results := make([]notifier.Result, len(entries))
	credential, err := notifier.Authorization{Basic: l.cfg.BasicAuth, Bearer: l.cfg.BearerToken}.Read(ctx)
	if err != nil {
		for i := range results {
			results[i].Err = err
		}
		return results
	}
	l.push(ctx, &request{credential: credential}, entries, results)
	return results
}

// request is what the parts of one request have in common, when it is made again in parts.
type request struct {
	credential notifier.Credential
	well       bool // Loki answered since, when it was not sent a line
}

// push makes a request. Loki stores what it can of one and then says 400 for what it cannot, in words that do not always tell
// which; what is stored already is ignored when it comes again. So a push that is refused is made again in halves, until what
// is to blame is alone.
func (l *Notifier) push(ctx context.Context, r *request, entries []entry, results []notifier.Result) {
	metadata := !l.plain.Load()
	receipt, err := l.attempt(ctx, r.credential, entries, metadata)
	if err == nil {
		for i := range results {
			results[i].Receipt = receipt
			receipt.Warning = "" // told once
		}
		l.late.forget(entries)
		return
	}
	failure := notifier.Classify(err)
	refused := failure.Status == http.StatusBadRequest
	late, onTime, oldest := outOf(err, entries)
	disliked := l.turnedAway(ctx, r, failure)
	switch {
	case refused && failure.Code == noMetadata && metadata:
		first := !l.plain.Swap(true)
		l.push(ctx, r, entries, results)
		for i := range results {
			if first && results[i].Err == nil {
				results[i].Receipt.Warn("this Loki takes no structured metadata (allow_structured_metadata), so that is left out; write structured_metadata: false")
			}
		}
	case refused && len(late) > 0:
		l.pushSome(ctx, r, entries, late, results, func(e entry) entry { return l.late.atAnotherTime(e, time.Now(), oldest) })
		l.pushSome(ctx, r, entries, onTime, results, func(e entry) entry { return e })
		if l.told.CompareAndSwap(false, true) && results[late[0]].Err == nil {
			results[late[0]].Receipt.Warn("Loki takes no line of that time; it is stored as of when it came or, if that is too long ago, as of now, with the alert's time in " + eventTime)
		}
	case failure.Code == tooMany:
		l.pushStreams(ctx, r, entries, results, err)
	case len(entries) > 1 && (refused || disliked || failure.Status == http.StatusRequestEntityTooLarge):
		half := len(entries) / 2
		l.push(ctx, r, entries[:half], results[:half])
		l.push(ctx, r, entries[half:], results[half:])
	case disliked:
		results[0].Err = failure.TakenForAttack("Loki", "line")
	default:
		for i := range results {
			results[i].Err = err
		}
	}
}

// turnedAway reports whether a 403 was meant for what the lines say. To what stands before Loki, an attack that a log line tells of may look
// like an attack, and its refusal is that of a stranger. So Loki is asked without a line: who can write into a log must not be able to
// stop the receiver.
func (l *Notifier) turnedAway(ctx context.Context, r *request, failure *notifier.Error) bool {
	if failure.Reason != notifier.Misconfigured || failure.Status != http.StatusForbidden {
		return false
	}
	for server := 0; !r.well && server < len(l.endpoints); server++ {
		r.well = l.ask(ctx, server, r.credential) == nil
	}
	return r.well
}

// pushSome pushes those of the entries that are listed, each as change makes it.
func (l *Notifier) pushSome(ctx context.Context, r *request, entries []entry, which []int, results []notifier.Result, change func(entry) entry) {
	if len(which) == 0 {
		return
	}
	some, told := make([]entry, len(which)), make([]notifier.Result, len(which))
	for i, n := range which {
		some[i] = change(entries[n])
	}
	l.push(ctx, r, some, told)
	for i, n := range which {
		results[n] = told[i]
	}
}

// outOf are the entries that Loki refused for their time, and the others. After an outage those are many, and each that is
// looked for by halves would be refused several times; but Loki says how old or how new a line may be, of all streams or, where it is behind
// what its stream has, of the one. Of what comes from several streams and may be either, none is.
func outOf(err error, entries []entry) (late, onTime []int, oldest time.Time) {
	r, ok := errors.AsType[*refusal](err)
	if !ok || !outOfTime[r.failure.Code] {
		return nil, nil, time.Time{}
	}
	if len(entries) == 1 && entries[0].stage < atNow {
		return []int{0}, nil, r.oldest
	}
	if r.failure.Code != tooOld && r.failure.Code != tooNew && slices.ContainsFunc(entries, func(e entry) bool { return !maps.Equal(e.labels, entries[0].labels) }) {
		return nil, nil, time.Time{}
	}
	for i, e := range entries {
		if e.stage < atNow && (e.time.Before(r.oldest) || !r.tooNew.IsZero() && !e.time.Before(r.tooNew)) {
			late = append(late, i)
		} else {
			onTime = append(onTime, i)
		}
	}
	return late, onTime, r.oldest
}

// refusal is a failure that says how old a line may be, or from when on one is too new.
type refusal struct {
	failure        *notifier.Error
	oldest, tooNew time.Time
}

func (r *refusal) Error() string { return r.failure.Error() }
func (r *refusal) Unwrap() error { return r.failure }

var (
	oldestAcceptable = regexp.MustCompile(`oldest acceptable timestamp is: (` + timestamp + `)`)
	newestOne        = regexp.MustCompile(`has timestamp too new: (` + timestamp + `)`)
)

const timestamp = `\d{4}-\d\d-\d\dT[0-9:.]+(?:Z|[+-]\d\d:\d\d)`

// withTime adds the alert's time to a line that is an object or logfmt; any other line stays as it is.
func withTime(line, at string) string {
	switch {
	case strings.HasPrefix(line, "{") && json.Valid([]byte(line)) && len(line) > len("{}"):
		return fmt.Sprintf(`{"%s":%q,%s`, eventTime, at, line[1:])
	case logfmtLine.MatchString(line):
		return eventTime + "=" + at + " " + line
	}
	return line
}

var logfmtLine = regexp.MustCompile(`^[A-Za-z_]+=`)

// Loki's own words for why it discards a line (grafana/loki pkg/validation), by what it says to the sender.
const (
	noMetadata = "disallowed_structured_metadata"
	tooOld     = "greater_than_max_sample_age"
	tooNew     = "too_far_in_future"
	tooLong    = "line_too_long"
	tooMany    = "stream_limit"
)

var reasons = []struct{ says, word string }{
	{"structured metadata, but this feature is disallowed", noMetadata},
	{"has timestamp too old", tooOld},
	{"has timestamp too new", tooNew},
	{"entry too far behind", "too_far_behind"},
	{"entry out of order", "out_of_order"},
	{"Max entry size", tooLong},
	{"Maximum active stream limit exceeded", tooMany},
}

// outOfTime are the refusals of a line for its time alone.
var outOfTime = map[string]bool{tooOld: true, tooNew: true, "too_far_behind": true, "out_of_order": true}

// attempt makes one request to the server whose turn it is.
func (l *Notifier) attempt(ctx context.Context, credential notifier.Credential, entries []entry, metadata bool) (receipt notifier.Receipt, err error) {
	content, err := body(entries, metadata)
	if err != nil {
		return receipt, err
	}
	err = l.failover.Do(ctx, func(ctx context.Context, server int) error {
		if receipt, err = l.post(ctx, server, credential, content); err == nil {
			receipt.Warn(l.failover.Took(server))
		}
		return err
	})
	return receipt, err
}

func (l *Notifier) post(ctx context.Context, server int, credential notifier.Credential, content []byte) (notifier.Receipt, error) {
	target := l.endpoints[server]
	if l.cfg.Gzip {
		content = notifier.Gzip(content)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target.String(), bytes.NewReader(content))
	if err != nil {
		return notifier.Receipt{}, err
	}
	req.Header.Set("Content-Type", "application/json")
	if l.cfg.Gzip {
		req.Header.Set("Content-Encoding", "gzip")
	}
	if l.cfg.Tenant != "" {
		req.Header.Set("X-Scope-OrgID", l.cfg.Tenant)
	}
	credential.Set(req)
	a := notifier.Do(l.client, req)
	a.Redact(credential.Secrets...)
	return readAnswer("push to Loki at "+target.Host, a)
}

// blocked is the status that Loki answers with where an administrator stopped the tenant's lines for a time, so that clients
// which take every 2xx for a success drop them (limits_config, block_ingestion_status_code).
const blocked = 260

// readAnswer turns the answer into a receipt or an error.
func readAnswer(what string, a *notifier.Answer) (notifier.Receipt, error) {
	failure := a.Failure(what)
	if failure == nil {
		switch {
		case a.Status == http.StatusNoContent, a.Status == http.StatusOK && len(bytes.TrimSpace(a.Body)) == 0: // which is what some say who speak Loki's language
			return notifier.Receipt{Status: a.Status}, nil
		case a.Status == blocked:
			failure = notifier.Errorf(notifier.Temporary, "%s: status %d: %s", what, a.Status, notifier.Snippet(a.Body))
			failure.Hint = "Loki's administrator has blocked the tenant (block_ingestion_until); nothing is stored until then"
		default:
			failure = &notifier.Error{Reason: notifier.Misconfigured, Err: errors.New(what + fmt.Sprintf(": status %d, but the answer is none of Loki", a.Status)), Hint: "check the setting url"}
		}
		failure.Status = a.Status
		return notifier.Receipt{}, failure
	}
	if a.Err != nil {
		return notifier.Receipt{}, failure
	}
	text := string(a.Body)
	for _, r := range reasons {
		if strings.Contains(text, r.says) {
			failure.Code = r.word
			break
		}
	}
	switch {
	case a.Status == http.StatusUnauthorized && strings.Contains(text, "no org id"):
		failure.Hint = "this Loki has tenants; write one into the setting tenant"
	case a.Status == http.StatusUnauthorized, a.Status == http.StatusForbidden:
		failure.Hint = "check basic_auth or bearer_token, and that it may write"
	case a.Status == http.StatusNotFound:
		failure.Hint = "check the path in the setting url; " + pushPath + " is added to it"
	case failure.Code == tooMany:
		failure.Hint = "too many combinations of labels: leave out what has many values, or raise max_global_streams_per_user"
	case a.Status == http.StatusTooManyRequests:
		failure.Hint = "raise ingestion_rate_mb or per_stream_rate_limit of the tenant, if it lasts"
	case failure.Code == tooLong:
		failure.Hint = "write Loki's max_line_size into the setting max_line"
	case a.Status == http.StatusBadRequest && strings.Contains(text, "label"):
		failure.Hint = "check the setting labels"
	}
	if outOfTime[failure.Code] {
		r := &refusal{failure: failure}
		if oldest := oldestAcceptable.FindStringSubmatch(text); oldest != nil {
			r.oldest, _ = time.Parse(time.RFC3339, oldest[1]) // of what is no time, nothing is older
		}
		if newest := newestOne.FindStringSubmatch(text); newest != nil {
			r.tooNew, _ = time.Parse(time.RFC3339, newest[1])
		}
		return notifier.Receipt{}, r
	}
	return notifier.Receipt{}, failure
}

// Probe pushes nothing, which needs the same right as a line and stores none: Loki accepts it, or says that at least one
// stream is wanted.
func (l *Notifier) Probe(ctx context.Context) error {
	credential, err := notifier.Authorization{Basic: l.cfg.BasicAuth, Bearer: l.cfg.BearerToken}.Read(ctx)
	if err != nil {
		return err
	}
	return l.failover.All(func(server int) error { return l.ask(ctx, server, credential) })
}

func (l *Notifier) ask(ctx context.Context, server int, credential notifier.Credential) error {
	_, err := l.post(ctx, server, credential, []byte(`{"streams":[]}`))
	if failure := notifier.Classify(err); err != nil && failure.Status == http.StatusBadRequest && strings.Contains(failure.Err.Error(), "at least one valid stream") {
		return nil
	}
	return err
}
