package sandbox

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// webhookPath is where the webhook is.
const webhookPath = "/webhook"

// schemaHeader says that the body follows a version of the schema of the preset json.
const schemaHeader = "X-Ossec-Notify-Schema"

// webhook is a receiver as somebody would write it for the preset json: it demands valid JSON, and the schema
// where the request says that it follows it.
type webhook struct {
	token string // demanded if not empty
}

func (h *webhook) answer(r *request) *answer {
	switch r.method {
	case http.MethodPost, http.MethodPut, http.MethodPatch:
	default:
		return notAllowed(r.method, "POST, PUT, PATCH")
	}
	if value := r.header.Get("Authorization"); value != "" || h.token != "" {
		want := h.token
		if want == "" {
			want = FakeWebhookToken
		}
		if scheme, token, _ := strings.Cut(value, " "); !strings.EqualFold(scheme, "Bearer") || !matches(token, want) {
			return object(http.StatusUnauthorized, map[string]any{"error": "invalid token"},
				"the Authorization header is not Bearer with the token that the sandbox expects").with("WWW-Authenticate", "Bearer")
		}
	}
	if len(r.body) == 0 {
		return object(http.StatusBadRequest, map[string]any{"error": "empty body"}, "the body is empty")
	}
	version := r.header.Get(schemaHeader)
	if !isJSON(r.mediaType()) {
		if version != "" {
			return object(http.StatusUnsupportedMediaType, map[string]any{"error": "not JSON"},
				fmt.Sprintf("the content type is %q, not application/json", r.header.Get("Content-Type")))
		}
		return text(http.StatusOK, "ok").accept()
	}
	v, err := parseJSON(r.body)
	if err != nil {
		return object(http.StatusBadRequest, map[string]any{"error": "invalid JSON: " + err.Error()}, "the body is not JSON: "+err.Error())
	}
	if version == "" {
		return object(http.StatusOK, map[string]any{"ok": true}).accept()
	}
	problems := checkSchema(version, v)
	if len(problems) > 0 {
		return object(http.StatusUnprocessableEntity, map[string]any{"error": "schema", "problems": problems}, problems...)
	}
	return object(http.StatusOK, map[string]any{"ok": true}).accept()
}

func isJSON(mediaType string) bool {
	return mediaType == "application/json" || strings.HasSuffix(mediaType, "+json")
}

// The keys of version 1 by type. A key that is absent is not known; it is never null or empty.
var (
	schemaRequired = []string{"version", "action", "delivery", "receiver"}
	schemaActions  = []string{"trigger", "update", "acknowledge", "resolve", "digest", "test"}
	schemaTexts    = []string{"action", "delivery", "receiver", "route", "id", "dedup_key", "severity", "family", "title", "next", "location", "program", "decoder", "manager", "log"}
	schemaNumbers  = []string{"version", "occurrence", "level", "late_s"}
	schemaTimes    = []string{"time", "received"}
	schemaObjects  = []string{"rule", "host", "source", "destination", "user", "target_user", "repeats", "file", "process", "request", "vulnerability", "cloud", "block", "links", "counts"}
	schemaLists    = []string{"facts", "previous", "alerts"}
)

// checkSchema checks the body against version 1.
func checkSchema(version string, v any) []string {
	m, ok := v.(map[string]any)
	if !ok {
		return []string{"the body is not an object"}
	}
	var problems []string
	if n, _ := m["version"].(json.Number); version != "1" || n != "1" {
		problems = append(problems, fmt.Sprintf("header and body do not both say version 1: %q, %v", version, m["version"]))
	}
	for _, k := range schemaRequired {
		if _, ok := m[k]; !ok {
			problems = append(problems, k+" is missing")
		}
	}
	if action, ok := m["action"].(string); ok && !slices.Contains(schemaActions, action) {
		problems = append(problems, fmt.Sprintf("action %q is none of %s", action, strings.Join(schemaActions, ", ")))
	}
	return append(problems, checkAlert(m, "")...)
}

// checkAlert checks the keys that a message and each alert of a digest have in common.
func checkAlert(m map[string]any, prefix string) []string {
	var problems []string
	want := func(keys []string, kind string, is func(any) bool) {
		for _, k := range keys {
			if v, ok := m[k]; ok && v != nil && v != "" && !is(v) {
				problems = append(problems, prefix+k+" is not "+kind)
			}
		}
	}
	want(schemaTexts, "text", is[string])
	want(schemaNumbers, "a number", is[json.Number])
	want(schemaObjects, "an object", is[map[string]any])
	want(schemaLists, "a list", is[[]any])
	want(schemaTimes, "a time of RFC 3339 with milliseconds", func(v any) bool {
		s, _ := v.(string)
		_, err := time.Parse("2006-01-02T15:04:05.000Z07:00", s)
		return err == nil
	})
	for _, k := range sorted(m) {
		if k == "original" { // the alert as it came: its nulls are the manager's
			continue
		}
		if k != "alerts" {
			problems = append(problems, checkKnown(m[k], prefix+k)...)
			continue
		}
		list, _ := m[k].([]any)
		for i, v := range list {
			at := fmt.Sprintf("%s%s[%d].", prefix, k, i)
			if a, ok := v.(map[string]any); ok {
				problems = append(problems, checkAlert(a, at)...)
			} else {
				problems = append(problems, strings.TrimSuffix(at, ".")+" is not an object")
			}
		}
	}
	return problems
}

// is reports whether a value has a type.
func is[T any](v any) bool {
	_, ok := v.(T)
	return ok
}

// checkKnown finds null and empty texts, which stand for what is not known and should be absent.
func checkKnown(v any, at string) []string {
	var problems []string
	switch v := v.(type) {
	case nil:
		problems = append(problems, at+" is null")
	case string:
		if v == "" {
			problems = append(problems, at+" is empty")
		}
	case []any:
		for i, e := range v {
			problems = append(problems, checkKnown(e, fmt.Sprintf("%s[%d]", at, i))...)
		}
	case map[string]any:
		for _, k := range sorted(v) {
			problems = append(problems, checkKnown(v[k], at+"."+k)...)
		}
	}
	return problems
}
