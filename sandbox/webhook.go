package sandbox

import (
	"fmt"
	"net/http"
	"strings"
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
