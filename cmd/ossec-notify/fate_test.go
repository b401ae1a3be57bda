package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ossec-notify/ossec-notify/outbox"
)

func TestAttemptsThatCameToTheSameAreOneLine(t *testing.T) {
	at := func(minute int) time.Time { return time.Date(2026, 11, 23, 13, minute, 0, 0, time.Local) }
	refused, ill := "post to webhook: connection refused", "post to webhook: status 503"
	got := attemptWords([]outbox.Attempt{
		{Started: at(0), Error: refused}, {Started: at(1), Error: ill, Status: 503}, {Started: at(3), Error: refused},
		{Started: at(7), Error: ill, Status: 503}, {Started: at(12), Error: refused}, {Started: at(17), Duration: 2 * time.Millisecond, Status: 200, Answer: "ok"},
	}, false)
	want := []string{
		"2 attempts, from 2026-11-23 13:01:00 to 2026-11-23 13:07:00: post to webhook: status 503",
		"3 attempts, from 2026-11-23 13:00:00 to 2026-11-23 13:12:00: post to webhook: connection refused",
		"attempt 6, 2026-11-23 13:17:00, 2ms: accepted (200), the answer: ok",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWhatAProgramAnsweredIsItsStatusAndWhatItPrinted(t *testing.T) {
	started := time.Date(2026, 11, 23, 13, 17, 0, 0, time.Local)
	for answer, want := range map[string]string{"blocked": "status 0, it printed: blocked", "": "status 0"} {
		got := attemptWords([]outbox.Attempt{{Started: started, Duration: 2 * time.Millisecond, Answer: answer}}, true)
		if diff := cmp.Diff([]string{"attempt 1, 2026-11-23 13:17:00, 2ms: " + want}, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

func TestKindsOfDeliveriesInWords(t *testing.T) {
	for kind, want := range map[string]string{
		"": "", "ran block 1": "report of block", "ran block 3": "report of block, attempt 3", "ran block 1, resolve": "report of block, resolved", "ran block": "report of block",
		"again 2": "reminder  2", "resolve": "resolved", "new kind": "new kind",
	} {
		if got := kindWords(kind); got != want {
			t.Errorf("%q: got %q, want %q", kind, got, want)
		}
	}
}
