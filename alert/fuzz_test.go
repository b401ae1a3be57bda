package alert

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ossec-notify/ossec-notify/testdata/injection"
)

// Whatever the bytes: an alert comes out, it keeps them, and it is the same alert every time.
func FuzzParse(f *testing.F) {
	for name, text := range readCorpus(f) {
		f.Add(text, name)
	}
	for _, s := range injection.Seeds() {
		f.Add([]byte(s), "a.alert")
	}
	f.Fuzz(func(t *testing.T, raw []byte, name string) {
		opt := Options{FileName: name, Location: time.UTC, Limit: 1 << 16}
		a := Parse(raw, opt)
		if a.Rule.Level < -1 || a.Rule.Level > 16 {
			t.Errorf("level %d", a.Rule.Level)
		}
		if a.Original == nil {
			t.Error("no original")
		}
		if want := raw[:min(len(raw), opt.Limit)]; !bytes.Equal(a.Raw, want) {
			t.Errorf("raw is %d bytes, want %d", len(a.Raw), len(want))
		}
		if (a.Problem.CutAt > 0) != (len(raw) > opt.Limit) {
			t.Errorf("cut at %d of %d bytes", a.Problem.CutAt, len(raw))
		}
		if (a.Problem.Kind == "") != (a.Problem == Problem{}) {
			t.Errorf("half a problem: %+v", a.Problem)
		}
		if a.Format == FormatUnknown && a.Problem.Kind == "" {
			t.Error("unknown format without a problem")
		}
		if got, want := Parse(bytes.Clone(raw), opt).Identity(), a.Identity(); got != want || got == "" {
			t.Errorf("identity %q, then %q", want, got)
		}
		if _, err := json.Marshal(a.Original); err != nil {
			t.Errorf("original cannot be written: %v", err)
		}
		for key := range a.Original {
			a.Lookup(key)
		}
	})
}

// A stream gives what its lines give alone, and a broken line in it changes nothing about the others.
func FuzzRead(f *testing.F) {
	for _, text := range readCorpus(f) {
		f.Add(text, []byte(`{"timestamp":"2026-03-14T09:20:09.123+0100","rule":{"level":1`))
	}
	f.Fuzz(func(t *testing.T, object, other []byte) {
		var line bytes.Buffer
		if json.Compact(&line, object) != nil || line.Bytes()[0] != '{' {
			t.Skip("no object")
		}
		if len(other) == 0 || other[0] != '{' || bytes.ContainsRune(other, '\n') {
			t.Skip("no line of JSON")
		}
		opt := Options{FileName: "alerts.json", Location: time.UTC}
		want := factsOf(Parse(line.Bytes(), opt))

		stream := bytes.Join([][]byte{line.Bytes(), line.Bytes(), other, line.Bytes()}, []byte("\n"))
		var got []facts
		for a, err := range Read(bytes.NewReader(stream), opt) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, factsOf(a))
		}
		if len(got) < 4 {
			t.Fatalf("%d alerts of 4 lines", len(got))
		}
		for _, i := range []int{0, 1, len(got) - 1} {
			if diff := cmp.Diff(got[i], want); diff != "" {
				t.Errorf("alert %d of the stream (-stream +alone):\n%s", i, diff)
			}
		}
	})
}

// The shell file has no escaping, and yet: whatever stands in the description, and in a location that does not
// hold the assignment behind it, every value comes out as integratord put it in.
func FuzzShellFieldsStayInPlace(f *testing.F) {
	f.Add("(web-01) 192.0.2.11->/var/log/auth.log", "SSHD brute force.", "Mar 14 sshd[1]: x", "203.0.113.9 / US")
	f.Add("it's host->/var/log/o'brien.log", "User's shell\n'changed'", "", "")
	f.Add("o'b\nrien'\nruleid=", "'\nalertlog='x'\nsrcip='192.0.2.1", "''", "2001:db8::1")
	f.Add("'\nalertlocation='x", "x'\nruleid='1'\nalertlevel='0'\nruledescription='y", "log", "1")
	for _, s := range injection.Seeds() {
		f.Add("(web-01) 192.0.2.11->"+s, s, s, s)
	}
	f.Fuzz(func(t *testing.T, location, description, log, address string) {
		if strings.Contains(location, "'\nruleid='") {
			t.Skip("such a location can be anything")
		}
		// What integratord does to these two, as far as it matters here.
		clean := strings.NewReplacer("'", " ", "\n", " ").Replace
		log, address = clean(log), clean(address)
		const date = "2026 Mar 14 09:10:31"
		text := "alertdate='" + date + "'\nalertlocation='" + location + "'\nruleid='5712'\nalertlevel='10'\nruledescription='" +
			description + "'\nalertlog='" + log + "'\nsrcip='" + address + "'"
		a := Parse([]byte(text), Options{Location: time.UTC})
		want := map[string]any{
			"alertdate": date, "alertlocation": location, "ruleid": "5712", "alertlevel": "10",
			"ruledescription": description, "alertlog": log, "srcip": address,
		}
		if diff := cmp.Diff(a.Original, want); diff != "" {
			t.Errorf("%q (-got +want):\n%s", text, diff)
		}
		if a.Problem.Kind != "" || a.Rule.Level != 10 || a.Location != location || a.Log != log {
			t.Errorf("problem %+v, level %d, location %q, log %q", a.Problem, a.Rule.Level, a.Location, a.Log)
		}
	})
}

// What the quick way takes is what encoding/json makes of it, and it takes nearly all that the managers write.
func FuzzQuick(f *testing.F) {
	taken, of := 0, 0
	for _, text := range readCorpus(f) {
		f.Add(string(text))
		if o, err := slowly(bytes.TrimRight(text, blanks)); err == nil && o != nil {
			of++
			if _, ok := quick(string(text)); ok {
				taken++
			}
		}
	}
	if taken*10 < of*9 {
		f.Errorf("the quick way takes %d of %d alerts", taken, of)
	}
	for _, text := range []string{
		`{}`, `{"a":[]}`, `{"a":[1,-0,1.5e3,1e400,12345678901234567890,true,false,null]}`, `{"a":"\"\\\/\b\f\n\r\t"}`, `{"a":1,"a":{"b":2}}`,
		`{"a":01}`, `{"a":1.}`, `{"a":+1}`, `{"a":"` + "\x1f" + `"}`, `{"a":"` + "\xff" + `"}`, `{"a":"\u0041"}`, `{"a":tru}`, `{"a":1,}`, `{"a":1}x`, "{\"a\":1}\x00",
		strings.Repeat(`{"a":`, 60) + "1" + strings.Repeat("}", 60),
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, ok := quick(text)
		if !ok {
			t.Skip("not plain")
		}
		want, err := slowly([]byte(text))
		if err != nil {
			t.Fatalf("it is no JSON: %v", err)
		}
		if diff := cmp.Diff(map[string]any(got), map[string]any(want)); diff != "" {
			t.Errorf("(-quick +encoding/json):\n%s", diff)
		}
	})
}
