package alert

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// readAll is what a person would note of a stream: format, rule and problem of each alert.
func readAll(t *testing.T, r io.Reader, opt Options) []string {
	t.Helper()
	var out []string
	for a, err := range Read(r, opt) {
		if err != nil {
			out = append(out, "error: "+err.Error())
			continue
		}
		line := string(a.Format) + " " + a.Rule.ID
		if a.Problem.Kind != "" {
			line += " " + string(a.Problem.Kind) + ": " + a.Problem.ReadsAs
		}
		out = append(out, line)
	}
	return out
}

func TestStreams(t *testing.T) {
	one := func(id int) string { return fmt.Sprintf(`{"timestamp":"t","rule":{"id":"%d","x":"}{\"\\"}}`, id) }
	shell := "alertdate='d'\nalertlocation='l'\nruleid='7'\nalertlevel='3'\nruledescription='d'\nalertlog='x'\nsrcip=''"
	log := func(id int) string {
		return fmt.Sprintf("** Alert 1773475810.%d: - a,\n2026 Mar 14 08:10:10 mgr-01->/var/log/x\nRule: %d (level 9) -> 'd'\nline\n", id, id)
	}
	for name, c := range map[string]struct {
		in   string
		want []string
	}{
		"nothing":                  {"", []string{"unknown  empty: nothing"}},
		"blank":                    {" \n\n\x00", []string{"unknown  empty: nothing"}},
		"one line":                 {one(1), []string{"wazuh 1"}},
		"lines":                    {one(1) + "\n" + one(2) + "\r\n\n" + one(3) + "\n", []string{"wazuh 1", "wazuh 2", "wazuh 3"}},
		"one behind the other":     {one(1) + one(2) + " " + one(3), []string{"wazuh 1", "wazuh 2", "wazuh 3"}},
		"byte order mark":          {"\uFEFF" + one(1) + "\n" + one(2), []string{"wazuh 1", "wazuh 2"}},
		"array":                    {"[" + one(1) + "," + one(2) + "]\n", []string{"wazuh 1", "wazuh 2"}},
		"pretty array":             {"[\n  " + one(1) + ",\n" + one(2) + "\n]\n", []string{"wazuh 1", "wazuh 2"}},
		"pretty":                   {"{\n  \"rule\": {\n    \"id\": \"1\"\n  }\n}\n{\n  \"rule\":\n  {\n    \"id\": \"2\"\n  }\n}\n", []string{"wazuh 1", "wazuh 2"}},
		"wrapped":                  {"{\"rule\": {\"id\": \"1\"},\n \"location\": \"x\"}\n" + one(2), []string{"wazuh 1", "wazuh 2"}},
		"cut in a value":           {one(1) + "\n" + `{"timestamp":"t","rule":{"id":"2` + "\n" + one(3) + "\n", []string{"wazuh 1", "wazuh  truncated: Wazuh JSON, ends in rule.id", "wazuh 3"}},
		"cut behind a colon":       {`{"timestamp":"t","rule":` + "\n" + one(3), []string{"wazuh  truncated: Wazuh JSON, ends in rule", "wazuh 3"}},
		"cut behind a backslash":   {`{"timestamp":"t\` + "\n" + one(3), []string{"wazuh  truncated: Wazuh JSON, ends in timestamp", "wazuh 3"}},
		"cut at the end":           {one(1) + "\n" + `{"timestamp":"t","rule":{"id":"2"`, []string{"wazuh 1", "wazuh 2 truncated: Wazuh JSON, ends in rule"}},
		"damaged":                  {`{"timestamp":"t",:{"id":"1"}}` + "\n" + one(2), []string{"wazuh  damaged: Wazuh JSON, damaged at byte 18", "wazuh 2"}},
		"other text between":       {one(1) + "\nsomething {else}\n" + one(2), []string{"wazuh 1", "unknown  unknown: text", "wazuh 2"}},
		"begins in a line":         {`9,"x":{"y":1}}` + "\n" + one(2) + "\n", []string{"unknown  unknown: text", "wazuh 2"}},
		"a brace too many":         {one(1) + "}\n" + one(2), []string{"wazuh 1", "wazuh 2"}},
		"shell file":               {shell, []string{"shell 7"}},
		"shell file with a log":    {strings.Replace(shell, "='d'\nalertlog", "='\n\n** Alert 1.1: x\n'\nalertlog", 1), []string{"shell 7"}},
		"alerts.log":               {log(1) + "\n" + log(2) + "\n\n\n" + log(3), []string{"log 1", "log 2", "log 3"}},
		"alerts.log, header in it": {log(1) + "** Alert 1.2: - forged,\nx\n\n" + log(2), []string{"log 1", "log 2"}},
		"alerts.log, no header":    {log(1) + "\n** Alert me when done\n\n" + log(2), []string{"log 1", "log 2"}},
		"alerts.log from its tail": {"Rule: 4 (level 2) -> 'x'\nline\n\n" + log(2), []string{"unknown  unknown: text", "log 2"}},
		"unknown text":             {"Dear all,\n\nthis is no alert.\n", []string{"unknown  unknown: text"}},
		"brackets in a text":       {"[2026-03-14] started\n[2026-03-14] stopped\n", []string{"unknown  unknown: text"}},
	} {
		for kind, r := range map[string]io.Reader{
			"whole": strings.NewReader(c.in), "byte by byte": iotest.OneByteReader(strings.NewReader(c.in)), "error late": iotest.DataErrReader(strings.NewReader(c.in)),
		} {
			if diff := cmp.Diff(readAll(t, r, Options{}), c.want); diff != "" {
				t.Errorf("%s, %s (-got +want):\n%s", name, kind, diff)
			}
		}
	}
}

func TestReadErrorEndsTheStreamBehindWhatCame(t *testing.T) {
	r := io.MultiReader(strings.NewReader(`{"rule":{"id":"1"}}`+"\n"+`{"timestamp":"t","rule":{"id":"2"`), iotest.ErrReader(errors.New("disk on fire")))
	want := []string{"wazuh 1", "wazuh 2 truncated: Wazuh JSON, ends in rule", "error: read alerts: disk on fire"}
	if diff := cmp.Diff(readAll(t, r, Options{}), want); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
	if diff := cmp.Diff(readAll(t, iotest.ErrReader(errors.New("no")), Options{}), []string{"error: read alerts: no"}); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
}

func TestReadingStopsWhenAsked(t *testing.T) {
	r := strings.NewReader(strings.Repeat(`{"rule":{"id":"1"}}`+"\n", 10000))
	n := 0
	for range Read(r, Options{}) {
		if n++; n == 2 {
			break
		}
	}
	if n != 2 || r.Len() == 0 {
		t.Errorf("%d alerts, %d bytes unread", n, r.Len())
	}
}

// An alert beyond the limit loses its end and nothing else, whatever its length.
func TestHugeAlertsInAStream(t *testing.T) {
	huge := `{"timestamp":"t","rule":{"id":"1","level":4},"full_log":"` + strings.Repeat("x{", 1<<17) + `"}`
	log := "** Alert 1.1: - a,\n2026 Mar 14 08:10:10 h->l\nRule: 1 (level 9) -> 'd'\n" + strings.Repeat("line\n", 1<<16)
	for name, c := range map[string]struct {
		in   string
		want []string
	}{
		"lines": {huge + "\n" + `{"rule":{"id":"2"}}`, []string{"wazuh 1 truncated: Wazuh JSON, ends in full_log", "wazuh 2"}},
		"log":   {log + "\n" + strings.ReplaceAll(log[:90], "1.1", "1.2"), []string{"log 1 truncated: alerts.log text, cut at byte 4096", "log 1"}},
		"text":  {strings.Repeat("some text\n", 1<<14), []string{"unknown  unknown: text"}},
	} {
		if diff := cmp.Diff(readAll(t, strings.NewReader(c.in), Options{Limit: 4096}), c.want); diff != "" {
			t.Errorf("%s (-got +want):\n%s", name, diff)
		}
		for a, err := range Read(strings.NewReader(c.in), Options{Limit: 4096}) {
			if err != nil || len(a.Raw) > 4096 {
				t.Errorf("%s: kept %d bytes, error %v", name, len(a.Raw), err)
			}
		}
	}
}

// The alerts of one stream do not share memory.
func TestAlertsOfAStreamStandAlone(t *testing.T) {
	var all []*Alert
	in := `{"rule":{"id":"1"}}` + "\n" + `{"rule":{"id":"2"}}` + "\n"
	for a := range Read(strings.NewReader(in), Options{}) {
		all = append(all, a)
	}
	_ = append(all[0].Raw, "overwritten"...)
	if got := string(all[1].Raw); got != `{"rule":{"id":"2"}}` {
		t.Errorf("second alert is %s", got)
	}
	if !bytes.Equal(all[0].Raw, []byte(`{"rule":{"id":"1"}}`)) {
		t.Errorf("first alert is %s", all[0].Raw)
	}
}
