package inbox

import (
	"testing"

	"github.com/ossec-notify/ossec-notify/sandbox"
)

func TestGistOfSeveralEventsIsTheFirst(t *testing.T) {
	for body, want := range map[string]string{
		`{"event":{"severity":"high","description":"a"}}`:                                               "high: a",
		`{"event":{"severity":"high","description":"a"}}` + "\n" + `{"event":{}}{"event":"text"}`:       "high: a (and 2 more)",
		`{"time":"x","severity":"high","description":"a"}` + "\n" + `{"severity":"","description":"b"}`: "high: a (and 1 more)",
		`{"event":{"description":"a"}}`:                                                                 "a",
		`{"event":"text"}`:                                                                              "16 bytes",
		"text\ntext":                                                                                    "9 bytes",
	} {
		if got := Gist(sandbox.Message{Service: sandbox.Splunk, Body: []byte(body)}); got != want {
			t.Errorf("%s: got %q, want %q", body, got, want)
		}
	}
}
