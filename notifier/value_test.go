package notifier

import (
	"strings"
	"testing"
)

func TestParseURL(t *testing.T) {
	for _, in := range []string{"https://example.com", "http://[2001:db8::1]:8088/x?y=z", "HTTPS://example.com/a%20b"} {
		if u, err := ParseURL(in); err != nil || u.Host == "" {
			t.Errorf("%s: got %v, %v", in, u, err)
		}
	}
	for _, in := range []string{
		"", "s3cret", "s3cret.example.com/hook", "ftp://s3cret.example.com", "https://", "https://:443/s3cret", "https:///s3cret",
		"https://s3cret.example.com/\nx", "https://s3cret.example.com:x", "://s3cret",
	} {
		u, err := ParseURL(in)
		if err == nil {
			t.Errorf("%q was taken for %v", in, u)
		} else if strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%q stands in the error: %v", in, err)
		}
	}
}

func TestHeaderValue(t *testing.T) {
	for in, ok := range map[string]bool{
		"": true, "Key x": true, "tab\tis fine": true, "ü": true,
		"s3cret\nX: y": false, "s3cret\r": false, "s3cret\x00": false, "s3cret\x1b": false, "s3cret\x7f": false,
	} {
		err := HeaderValue(in)
		if (err == nil) != ok {
			t.Errorf("%q: got %v, want it to be taken: %v", in, err, ok)
		}
		if err != nil && strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%q stands in the error: %v", in, err)
		}
	}
}
