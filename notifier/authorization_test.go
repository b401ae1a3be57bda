package notifier

import (
	"net/http/httptest"
	"slices"
	"testing"
)

func TestAuthorizationIsOneHeader(t *testing.T) {
	for _, tt := range []struct {
		name          string
		authorization Authorization
		header        string
		secrets       []string
	}{
		{"none", Authorization{}, "", nil},
		{"basic", Authorization{Basic: &BasicAuth{"soc", PlainSecret("p4ss:w0rd")}}, "Basic c29jOnA0c3M6dzByZA==", []string{"p4ss:w0rd", "c29jOnA0c3M6dzByZA=="}},
		{"bearer", Authorization{Bearer: PlainSecret("t0ken")}, "Bearer t0ken", []string{"t0ken"}},
	} {
		c, err := tt.authorization.Read(t.Context())
		if err != nil {
			t.Error(err)
		}
		r := httptest.NewRequest("GET", "/", nil)
		if c.Set(r); r.Header.Get("Authorization") != tt.header || !slices.Equal(c.Secrets, tt.secrets) {
			t.Errorf("%s: got %q, %q", tt.name, r.Header.Get("Authorization"), c.Secrets)
		}
		if err := tt.authorization.Validate(); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	for name, a := range map[string]Authorization{
		"both":        {Basic: &BasicAuth{"soc", PlainSecret("p4ss")}, Bearer: PlainSecret("t0ken")},
		"no user":     {Basic: &BasicAuth{"", PlainSecret("p4ss")}},
		"colon":       {Basic: &BasicAuth{"s:oc", PlainSecret("p4ss")}},
		"no password": {Basic: &BasicAuth{Username: "soc"}},
		"two lines":   {Bearer: PlainSecret("t0ken\nX-Evil: 1")},
	} {
		if a.Validate() == nil {
			t.Errorf("%s: no mistake", name)
		}
	}
	if _, err := (Authorization{Bearer: PlainSecret("t0ken\nX-Evil: 1")}).Read(t.Context()); err == nil || !Retryable(err) {
		t.Errorf("got %v", err)
	}
}
