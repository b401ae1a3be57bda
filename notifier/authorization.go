package notifier

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
)

// BasicAuth is a user name and its password, the setting basic_auth.
type BasicAuth struct {
	Username string `yaml:"username"`
	Password Secret `yaml:"password"`
}

// Authorization are the settings of who authenticates by HTTP's own schemes: basic_auth or bearer_token, or neither.
type Authorization struct {
	Basic  *BasicAuth
	Bearer Secret
}

// Validate reports every mistake, as FieldErrors. What secrets hold is looked at only where the config holds them itself.
func (a Authorization) Validate() error {
	var errs []error
	bad := func(key, message string) { errs = append(errs, &FieldError{Key: key, Message: message}) }
	value := func(key string, s Secret) {
		v, _ := s.Plain()
		if err := HeaderValue(v); err != nil {
			bad(key, err.Error())
		}
	}
	if b := a.Basic; b != nil {
		if b.Username == "" || strings.Contains(b.Username, ":") || HeaderValue(b.Username) != nil {
			bad("basic_auth.username", "is empty or holds a colon or a control character")
		}
		if b.Password.IsZero() {
			bad("basic_auth.password", "is missing")
		}
		value("basic_auth.password", b.Password)
		if !a.Bearer.IsZero() {
			bad("bearer_token", "is set beside basic_auth: a request can carry one of them")
		}
	}
	value("bearer_token", a.Bearer)
	return errors.Join(errs...)
}

// Read reads the secrets. Those that cannot be read or sent are a temporary failure.
func (a Authorization) Read(ctx context.Context) (Credential, error) {
	switch {
	case a.Basic != nil:
		password, err := a.Basic.Password.ReadHeader(ctx, "basic_auth.password") // RFC 7617, 2: no control characters
		if err != nil {
			return Credential{}, err
		}
		encoded := base64.StdEncoding.EncodeToString([]byte(a.Basic.Username + ":" + password))
		return Credential{"Basic " + encoded, []string{password, encoded}}, nil
	case !a.Bearer.IsZero():
		token, err := a.Bearer.ReadHeader(ctx, "bearer_token")
		if err != nil {
			return Credential{}, err
		}
		return Credential{"Bearer " + token, []string{token}}, nil
	}
	return Credential{}, nil
}

// Credential is what was read for one attempt. The zero value is none.
type Credential struct {
	Header  string   // the value of the Authorization header
	Secrets []string // to be taken out of answers
}

// Set sets the header of a request.
func (c Credential) Set(req *http.Request) {
	if c.Header != "" {
		req.Header.Set("Authorization", c.Header)
	}
}
