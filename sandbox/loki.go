package sandbox

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// lokiPath is the root of Loki's API.
const lokiPath = "/loki/"

// FakeLokiToken is the token that Loki's gateway knows, as a bearer or as the password of any user.
const FakeLokiToken = "sandbox-loki-token"

// Limits of a Loki that nobody has set up differently (grafana.com "Grafana Loki configuration parameters", limits_config).
const (
	lokiLabels        = 15
	lokiLabelName     = 1024      // bytes
	lokiLabelValue    = 2048      // bytes
	lokiLine          = 256 << 10 // bytes
	lokiMetadata      = 128       // of a line
	lokiMetadataBytes = 64 << 10  // of a line
	lokiOld           = 7 * 24 * time.Hour
	lokiAhead         = 10 * time.Minute
	lokiBehind        = time.Hour // half of max_chunk_age
	lokiStreams       = 5000
)

// lokiServer is Loki's push endpoint.
type lokiServer struct {
	tenant string
	now    func() time.Time

	mu     sync.Mutex
	newest map[string]time.Time // of each stream
}

func newLoki(opt Options) *lokiServer {
	return &lokiServer{tenant: opt.LokiTenant, now: opt.Now, newest: map[string]time.Time{}}
}

var lokiName = regexp.MustCompile(`^[a-zA-Z_:][a-zA-Z0-9_:]*$`)

func (l *lokiServer) answer(r *request) *answer {
	switch {
	case r.path != "/loki/api/v1/push":
		return text(http.StatusNotFound, "404 page not found", "the path is not /loki/api/v1/push")
	case r.method != http.MethodPost:
		return notAllowed(r.method, http.MethodPost)
	}
	if auth := r.header.Get("Authorization"); auth != "" {
		scheme, token, _ := strings.Cut(auth, " ")
		if strings.EqualFold(scheme, "Basic") {
			_, token, _ = (&http.Request{Header: r.header}).BasicAuth()
		}
		if !matches(token, FakeLokiToken) {
			return text(http.StatusUnauthorized, "invalid credentials", "the Authorization header is not of a token that the sandbox expects")
		}
	}
	if tenant := r.header.Get("X-Scope-OrgID"); l.tenant != "" && tenant != l.tenant {
		return text(http.StatusUnauthorized, "no org id", fmt.Sprintf("the tenant in X-Scope-OrgID is %q, not the one that the sandbox expects", tenant))
	}
	if t := r.mediaType(); t != "application/json" {
		return text(http.StatusBadRequest, "snappy: corrupt input", fmt.Sprintf("the content type is %q, not application/json", t))
	}
	if !utf8.Valid(r.body) {
		return text(http.StatusBadRequest, "invalid UTF-8", "the body is not valid UTF-8")
	}
	var push struct {
		Streams []struct {
			Stream map[string]string   `json:"stream"`
			Values [][]json.RawMessage `json:"values"`
		} `json:"streams"`
	}
	if err := json.Unmarshal(r.body, &push); err != nil {
		return text(http.StatusBadRequest, "couldn't parse push request: "+err.Error(), "the body is no push request: "+err.Error())
	}
	if len(push.Streams) == 0 { // asked whether it may be: new servers say 400, and that there must be a stream
		return text(http.StatusNoContent, "")
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var refused, notes []string
	status, stored := http.StatusBadRequest, 0
	for _, s := range push.Streams {
		name := streamName(s.Stream)
		if why := badLabels(name, s.Stream); why != "" {
			refused = append(refused, why)
			continue
		}
		if _, known := l.newest[name]; !known && len(l.newest) >= lokiStreams {
			status = http.StatusTooManyRequests
			refused = append(refused, "Maximum active stream limit exceeded when trying to create stream "+name+", reduce the number of active streams (reduce labels or reduce label values)")
			continue
		}
		for _, v := range s.Values {
			why, malformed := l.line(name, v)
			switch {
			case malformed:
				return text(http.StatusBadRequest, "couldn't parse push request: "+why, "a value is no [time, line, metadata]: "+why)
			case why != "":
				refused = append(refused, why)
			default:
				stored++
			}
		}
	}
	if len(refused) > 0 {
		for _, why := range refused {
			notes = append(notes, cutTo(why, 300))
		}
		a := text(status, strings.Join(refused, "\n")+"\n", notes...)
		a.accepted = stored > 0 // the others are in
		return a
	}
	return text(http.StatusNoContent, "").accept()
}

// line takes one line of a stream, or says why not. What is not even of the form is malformed.
func (l *lokiServer) line(stream string, v []json.RawMessage) (why string, malformed bool) {
	if len(v) != 2 && len(v) != 3 {
		return fmt.Sprintf("it has %d elements", len(v)), true
	}
	var stamp, line string
	if json.Unmarshal(v[0], &stamp) != nil || json.Unmarshal(v[1], &line) != nil {
		return "time and line are not texts", true
	}
	ns, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil {
		return fmt.Sprintf("the time %q is not in nanoseconds", stamp), true
	}
	if len(v) == 3 {
		var metadata map[string]string
		if err := json.Unmarshal(v[2], &metadata); err != nil {
			return "the metadata is no object of texts", true
		}
		size := 0
		for name, value := range metadata {
			size += len(name) + len(value)
		}
		switch {
		case len(metadata) > lokiMetadata:
			return fmt.Sprintf("stream '%s' has too many structured metadata labels: '%d', limit: '%d'.", stream, len(metadata), lokiMetadata), false
		case size > lokiMetadataBytes:
			return fmt.Sprintf("stream '%s' has structured metadata too large: '%d' bytes, limit: '%d' bytes.", stream, size, lokiMetadataBytes), false
		}
	}
	at, now := time.Unix(0, ns).UTC(), l.now()
	switch newest := l.newest[stream]; {
	case at.Before(now.Add(-lokiOld)):
		return fmt.Sprintf("entry for stream '%s' has timestamp too old: %s, oldest acceptable timestamp is: %s", stream, at.Format(time.RFC3339), now.Add(-lokiOld).UTC().Format(time.RFC3339)), false
	case at.After(now.Add(lokiAhead)):
		return fmt.Sprintf("entry for stream '%s' has timestamp too new: %s", stream, at.Format(time.RFC3339)), false
	case len(line) > lokiLine:
		return fmt.Sprintf("Max entry size '%d' bytes exceeded for stream '%s' while adding an entry with length '%d' bytes", lokiLine, stream, len(line)), false
	case at.Before(newest.Add(-lokiBehind)):
		return fmt.Sprintf("entry with timestamp %s ignored, reason: 'entry too far behind, entry timestamp is: %s, oldest acceptable timestamp is: %s',", at, at.Format(time.RFC3339), newest.Add(-lokiBehind).Format(time.RFC3339)), false
	case at.After(newest):
		l.newest[stream] = at
	}
	return "", false
}

// badLabels says what is wrong with the labels of a stream.
func badLabels(stream string, labels map[string]string) string {
	if len(labels) == 0 {
		return "error at least one label pair is required per stream"
	}
	for name, value := range labels {
		switch {
		case !lokiName.MatchString(name):
			return fmt.Sprintf("Error parsing labels '%s' with error: parse error: unexpected character in %q", stream, name)
		case len(name) > lokiLabelName:
			return fmt.Sprintf("stream '%s' has label name too long: '%s'", stream, cutTo(name, 50))
		case len(value) > lokiLabelValue:
			return fmt.Sprintf("stream '%s' has label value too long: '%s'", cutTo(stream, 200), cutTo(value, 50))
		}
	}
	if len(labels) > lokiLabels {
		return fmt.Sprintf("entry for stream '%s' has %d label names; limit %d", stream, len(labels), lokiLabels)
	}
	return ""
}

// streamName writes labels as Loki does.
func streamName(labels map[string]string) string {
	var b strings.Builder
	for i, name := range slices.Sorted(maps.Keys(labels)) {
		fmt.Fprintf(&b, "%s%s=%q", map[bool]string{true: ", "}[i > 0], name, labels[name])
	}
	return "{" + b.String() + "}"
}

func cutTo(s string, n int) string { return strings.ToValidUTF8(s[:min(len(s), n)], "") }
