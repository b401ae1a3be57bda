package sandbox

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// elasticPath is where the cluster is: by itself it has a server's root.
const elasticPath = "/elasticsearch"

// FakeElasticKey is the API key that the cluster expects, as Kibana shows it. Unencoded it is sandbox:elastic-api-key.
const FakeElasticKey = "c2FuZGJveDplbGFzdGljLWFwaS1rZXk="

// Limits of a cluster (elastic.co "Mapping limit settings", "Index API").
const (
	elasticFields = 1000 // of an index
	elasticDepth  = 20   // of objects in a document
	elasticID     = 512  // bytes of a document's id
	elasticKeep   = 100_000
)

// elastic is a cluster that takes documents. It knows the ids that it has, and the type that each field of an index got from
// the first document that had it, as an index without a template does.
type elastic struct {
	key string

	mu      sync.Mutex
	ids     map[string]bool
	fields  map[string]map[string]string // the type of each field, by index
	streams []string
	indexes []string // see Options.ElasticIndexes
}

func newElastic(opt Options) *elastic {
	return &elastic{key: opt.ElasticKey, ids: map[string]bool{}, fields: map[string]map[string]string{}, streams: opt.ElasticStreams, indexes: opt.ElasticIndexes}
}

// elasticError is a refusal in the cluster's form.
type elasticError struct {
	status       int
	kind, reason string
	cause        string
}

func (e *elasticError) object() map[string]any {
	o := map[string]any{"type": e.kind, "reason": e.reason}
	if e.cause != "" {
		o["caused_by"] = map[string]any{"type": "illegal_argument_exception", "reason": e.cause}
	}
	return o
}

func (e *elasticError) answer(problem string) *answer {
	o := e.object()
	o["root_cause"] = []any{e.object()}
	return object(e.status, map[string]any{"error": o, "status": e.status}, problem)
}

// answer knows GET /, the bulk API, and the question for privileges.
func (c *elastic) answer(r *request) *answer {
	path := strings.Trim(strings.TrimPrefix(r.path, elasticPath), "/")
	if refusal := c.authorize(r); refusal != nil {
		return refusal
	}
	index, isBulk := strings.CutSuffix("/"+path, "/_bulk")
	switch {
	case path == "" && (r.method == http.MethodGet || r.method == http.MethodHead):
		return object(http.StatusOK, map[string]any{"name": "sandbox", "cluster_name": "sandbox", "version": map[string]any{"number": "8.17.0", "build_flavor": "default"},
			"tagline": "You Know, for Search"})
	case path == "_security/user/_has_privileges" && r.method == http.MethodPost:
		return object(http.StatusOK, map[string]any{"username": "sandbox", "has_all_requested": true})
	case !isBulk || strings.Contains(strings.TrimPrefix(index, "/"), "/"):
		return (&elasticError{status: http.StatusBadRequest, kind: "illegal_argument_exception", reason: fmt.Sprintf("no handler found for uri [%s] and method [%s]", r.path, r.method)}).
			answer("the path is neither the root nor _bulk")
	case r.method != http.MethodPost && r.method != http.MethodPut:
		return notAllowed(r.method, "POST, PUT")
	}
	return c.bulk(r, strings.TrimPrefix(index, "/"))
}

func (c *elastic) authorize(r *request) *answer {
	scheme, value, _ := strings.Cut(r.header.Get("Authorization"), " ")
	known := strings.EqualFold(scheme, "ApiKey") && matches(value, c.key)
	if strings.EqualFold(scheme, "Basic") { // a user whose name and password are the key's parts
		known = matches(value, c.key)
	}
	if known {
		return nil
	}
	problem := "the Authorization header is not ApiKey with the key that the sandbox expects"
	if _, err := base64.StdEncoding.DecodeString(value); err != nil {
		problem = "what stands behind the scheme of the Authorization header is not base64"
	}
	return (&elasticError{status: http.StatusUnauthorized, kind: "security_exception", reason: "unable to authenticate with provided credentials"}).
		answer(problem).with("WWW-Authenticate", "ApiKey")
}

// bulk reads pairs of lines: what to do, and the document. What is wrong with a line that says what to do is wrong with the
// whole request; what is wrong with a document is wrong with it alone.
func (c *elastic) bulk(r *request, index string) *answer {
	illegal := func(reason string) *answer {
		return (&elasticError{status: http.StatusBadRequest, kind: "illegal_argument_exception", reason: reason}).answer(reason)
	}
	if t := r.mediaType(); t != "application/x-ndjson" && t != "application/json" {
		return object(http.StatusNotAcceptable, map[string]any{"error": fmt.Sprintf("Content-Type header [%s] is not supported", r.header.Get("Content-Type")), "status": http.StatusNotAcceptable},
			"the content type is not application/x-ndjson")
	}
	if len(r.body) == 0 {
		return (&elasticError{status: http.StatusBadRequest, kind: "parse_exception", reason: "request body is required"}).answer("the body is empty")
	}
	if r.body[len(r.body)-1] != '\n' {
		return illegal(`The bulk request must be terminated by a newline [\n]`)
	}
	type pair struct {
		index, id string
		document  []byte
	}
	var pairs []pair
	lines := bytes.Split(r.body[:len(r.body)-1], []byte("\n"))
	for i := 0; i < len(lines); i += 2 {
		var action map[string]struct {
			Index    *string `json:"_index"`
			ID       string  `json:"_id"`
			Pipeline *string `json:"pipeline"`
			Routing  *string `json:"routing"`
		}
		dec := json.NewDecoder(bytes.NewReader(lines[i]))
		dec.DisallowUnknownFields()
		err := dec.Decode(&action)
		if _, more := dec.Token(); err != nil || !errors.Is(more, io.EOF) || len(action) != 1 {
			return illegal(fmt.Sprintf("Malformed action/metadata line [%d], expected one object: %v", i+1, err))
		}
		a, isCreate := action["create"]
		if !isCreate {
			return illegal(fmt.Sprintf("Malformed action/metadata line [%d]: the sandbox takes create alone, as data streams do, but it is %v", i+1, slices.Collect(maps.Keys(action))))
		}
		p := pair{index: index, id: a.ID}
		if a.Index != nil {
			p.index = *a.Index
		}
		switch {
		case p.index == "":
			return (&elasticError{status: http.StatusBadRequest, kind: "action_request_validation_exception", reason: "Validation Failed: 1: index is missing;"}).answer("an index is missing")
		case len(p.id) > elasticID:
			return (&elasticError{status: http.StatusBadRequest, kind: "action_request_validation_exception",
				reason: fmt.Sprintf("Validation Failed: 1: id is too long, must be no longer than 512 bytes but was: %d;", len(p.id))}).answer("an id is too long")
		case a.Pipeline != nil && *a.Pipeline == "":
			return illegal("pipeline is empty")
		case i+1 == len(lines) || len(bytes.TrimSpace(lines[i+1])) == 0:
			return illegal(fmt.Sprintf("Malformed action/metadata line [%d]: no document follows", i+1))
		}
		p.document = lines[i+1]
		pairs = append(pairs, p)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.ids) > elasticKeep || len(c.fields) > elasticFields {
		clear(c.ids)
		clear(c.fields)
	}
	var items []any
	var problems []string
	failed, taken := false, 0
	for i, p := range pairs {
		item := map[string]any{"_index": p.index, "_id": p.id}
		if refusal := c.create(p.index, p.id, p.document); refusal != nil {
			failed = true
			item["status"], item["error"] = refusal.status, refusal.object()
			if refusal.status == http.StatusConflict {
				taken++ // it is there
			} else {
				problems = append(problems, fmt.Sprintf("document %d: %s %s", i+1, refusal.reason, refusal.cause))
			}
		} else {
			taken++
			item["status"], item["result"], item["_version"] = http.StatusCreated, "created", 1
		}
		items = append(items, map[string]any{"create": item})
	}
	a := object(http.StatusOK, map[string]any{"took": 1, "errors": failed, "items": items}, problems...)
	a.accepted = taken > 0
	return a
}

// create takes one document.
func (c *elastic) create(index, id string, document []byte) *elasticError {
	if why := elasticIndex(index); why != "" {
		return &elasticError{status: http.StatusBadRequest, kind: "invalid_index_name_exception", reason: fmt.Sprintf("Invalid index name [%s], %s", index, why)}
	}
	if len(c.indexes) > 0 && !slices.Contains(c.indexes, index) {
		return &elasticError{status: http.StatusNotFound, kind: "index_not_found_exception",
			reason: fmt.Sprintf("no such index [%s] and [action.auto_create_index] is [false]", index)}
	}
	parsing := func(cause string) *elasticError {
		return &elasticError{status: http.StatusBadRequest, kind: "document_parsing_exception", reason: "[1:1] failed to parse", cause: cause}
	}
	if !utf8.Valid(document) {
		return parsing("Invalid UTF-8 start byte")
	}
	if why := repeatedKey(document); why != "" {
		return parsing(why)
	}
	m, err := parseObject(document)
	if err != nil {
		return parsing(err.Error())
	}
	if _, timed := m["@timestamp"]; !timed && slices.Contains(c.streams, index) {
		return parsing("data stream timestamp field [@timestamp] is missing")
	}
	if id != "" && c.ids[index+"\n"+id] {
		return &elasticError{status: http.StatusConflict, kind: "version_conflict_engine_exception", reason: fmt.Sprintf("[%s]: version conflict, document already exists (current version [1])", id)}
	}
	found := map[string]string{}
	if why := elasticTypes("", m, 1, found); why != "" {
		return parsing(why)
	}
	known := c.fields[index]
	if known == nil {
		known = map[string]string{}
		c.fields[index] = known
	}
	for path, kind := range found {
		if had, ok := known[path]; ok && !fits(kind, had) {
			return parsing(fmt.Sprintf("failed to parse field [%s] of type [%s]: it is %s", path, had, kind))
		}
	}
	if len(known)+len(found) > elasticFields {
		more := 0
		for path := range found {
			if known[path] == "" {
				more++
			}
		}
		if len(known)+more > elasticFields {
			return parsing(fmt.Sprintf("Limit of total fields [%d] has been exceeded", elasticFields))
		}
	}
	for path, kind := range found {
		if known[path] == "" {
			known[path] = kind
		}
	}
	if id != "" {
		c.ids[index+"\n"+id] = true
	}
	return nil
}

// elasticIndex says what is wrong with the name of an index (elastic.co "Create index", path parameters).
func elasticIndex(name string) string {
	switch {
	case name != strings.ToLower(name):
		return "must be lowercase"
	case strings.ContainsAny(name, "\\/*?\"<>| ,#:"):
		return `must not contain the following characters ['\\','/','*','?','"','<','>','|',' ',',','#',':']`
	case strings.IndexAny(name, "-_+") == 0:
		return "must not start with '_', '-', or '+'"
	case name == "." || name == "..":
		return "must not be '.' or '..'"
	case len(name) > 255:
		return fmt.Sprintf("index name is too long, (%d > 255)", len(name))
	}
	return ""
}

// elasticFixed are fields whose type is that of the Elastic Common Schema, in whatever index.
var elasticFixed = map[string]string{
	"@timestamp": "date", "event.created": "date", "event.start": "date", "event.end": "date",
	"source.ip": "ip", "destination.ip": "ip", "host.ip": "ip", "related.ip": "ip",
	"source.port": "long", "destination.port": "long", "event.severity": "long", "process.pid": "long", "file.size": "long",
	"http.response.status_code": "long", "vulnerability.score.base": "float", "source.as.number": "long",
}

// elasticTypes finds the type of each field, by its path. It says what cannot be a field's value.
func elasticTypes(path string, v any, depth int, found map[string]string) string {
	if depth > elasticDepth {
		return fmt.Sprintf("Limit of mapping depth [%d] has been exceeded due to object field [%s]", elasticDepth, path)
	}
	fixed := elasticFixed[path]
	text, isText := v.(string)
	switch {
	case v == nil:
		return ""
	case fixed == "ip" && isText:
		if _, err := netip.ParseAddr(text); err != nil {
			return fmt.Sprintf("'%s' is not an IP string literal.", text)
		}
	case fixed == "date" && isText:
		if _, err := time.Parse(time.RFC3339, text); err != nil {
			return fmt.Sprintf("failed to parse date field [%s] with format [strict_date_optional_time||epoch_millis]", text)
		}
	}
	kind := fixed
	switch v := v.(type) {
	case []any:
		for _, x := range v {
			if _, isList := x.([]any); isList {
				return fmt.Sprintf("field [%s]: lists in lists are one list, which is no intention", path)
			}
			if why := elasticTypes(path, x, depth, found); why != "" {
				return why
			}
		}
		return ""
	case map[string]any:
		kind = "object"
		for key, x := range v {
			if strings.Trim(key, ". ") == "" {
				return "field name cannot contain only whitespace or dots"
			}
			below := key
			if path != "" {
				below = path + "." + key
			}
			if why := elasticTypes(below, x, depth+1, found); why != "" {
				return why
			}
		}
	case string:
		if fixed == "" {
			kind = "text"
		} else if fixed == "long" || fixed == "float" {
			return fmt.Sprintf("failed to parse field [%s] of type [%s]: it is text", path, fixed)
		}
	case bool:
		kind = "boolean"
	case json.Number:
		f, err := v.Float64()
		if err != nil || math.IsInf(f, 0) {
			return fmt.Sprintf("field [%s]: the number %s is out of range", path, v)
		}
		kind = "float"
		if _, err := v.Int64(); err == nil {
			kind = "long"
		}
		if fixed == "float" && kind == "long" {
			kind = fixed
		}
	}
	if fixed != "" && kind != fixed {
		return fmt.Sprintf("failed to parse field [%s] of type [%s]: it is %s", path, fixed, kind)
	}
	if path == "" {
		return ""
	}
	if had := found[path]; had != "" && !fits(kind, had) {
		return fmt.Sprintf("failed to parse field [%s] of type [%s]: it is %s", path, had, kind)
	}
	found[path] = kind
	return ""
}

// fits reports whether a field of one type takes a value of another: a text takes any single value, a float a whole number.
func fits(value, field string) bool {
	return value == field || field == "text" && value != "object" || field == "float" && value == "long"
}

// repeatedKey finds a key that an object has twice, which the cluster refuses and Go does not.
func repeatedKey(document []byte) string {
	dec := json.NewDecoder(bytes.NewReader(document))
	dec.UseNumber()
	type level struct {
		keys  map[string]bool // nil in a list
		value bool            // a value follows, not a key
	}
	var open []level
	for {
		token, err := dec.Token()
		if err != nil {
			return "" // what is no JSON is told elsewhere
		}
		top := len(open) - 1
		switch t := token.(type) {
		case json.Delim:
			switch t {
			case '{':
				open = append(open, level{keys: map[string]bool{}})
				continue
			case '[':
				open = append(open, level{})
				continue
			}
			open = open[:top]
			top--
		case string:
			if top >= 0 && open[top].keys != nil && !open[top].value {
				if open[top].keys[t] {
					return fmt.Sprintf("Duplicate field '%s'", t)
				}
				open[top].keys[t], open[top].value = true, true
				continue
			}
		}
		if top >= 0 {
			open[top].value = false
		}
	}
}
