package settings

import (
	"slices"
	"strings"
	"testing"
)

func TestKeysByOtherNamesAreLedToOurs(t *testing.T) {
	const (
		loki  = "basic_auth batch bearer_token gzip labels network tenant url"
		page  = "api_endpoint api_token endpoint network region routing_key"
		slack = "api_url channel network repeats token webhook_url"
		mail  = "bcc ca_file cc cert_file from helo key_file password reply_to smtp tls to username"
	)
	for _, tt := range []struct{ key, known, want string }{
		{"token", loki, "bearer_token"},
		{"Token", loki, "bearer_token"},
		{"api_token", loki, "bearer_token"},
		{"username", loki, "basic_auth"},
		{"host", loki, "url"},
		{"key", page, "routing_key"},
		{"webhook", slack, "webhook_url"},
		{"slack-token", slack, "token"},
		{"url", slack, "api_url webhook_url"},
		{"server", mail, "smtp"},
		{"user", mail, "username"},
		{"file", mail, ""}, // one of three
		{"colour", mail, ""},
		{"_", mail, ""},
		{"", mail, ""},
	} {
		if got := strings.Join(kin(tt.key, slices.Sorted(strings.FieldsSeq(tt.known))), " "); got != tt.want {
			t.Errorf("%q in %s: got %q, want %q", tt.key, tt.known, got, tt.want)
		}
	}
}
