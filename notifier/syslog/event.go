package syslog

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// eventVersion is the version of the fields that the default templates make of an alert: within one, a field keeps its name and
// its meaning.
const eventVersion = "1"

// event is what CEF and LEEF say, before it is written as either.
type event struct {
	Vendor   string `json:"vendor"`
	Product  string `json:"product"`
	Version  string `json:"version"`
	ID       string `json:"id"`
	Name     string `json:"name"`
	Severity int    `json:"severity"`
	fields   []field
}

// field is one of the event, its value as it came.
type field struct {
	key, value string
	cut        bool
}

// fieldKey is what both formats take as a key.
var fieldKey = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.]*$`)

const maxFieldKey = 100 // not in the expression, which takes long to make if it counts so far

// readEvent reads what the template made. The fields keep their order; what is empty is left out, and of two with one key the
// second, as QRadar would.
func readEvent(text string) (*event, error) {
	var e event
	var within struct {
		Fields json.RawMessage `json:"fields"`
	}
	if err := errors.Join(json.Unmarshal([]byte(text), &e), json.Unmarshal([]byte(text), &within)); err != nil {
		return nil, fmt.Errorf("is no object of vendor, product, id, name, severity and fields: %w", err)
	}
	members, err := readObject(string(within.Fields))
	if err != nil {
		return nil, fmt.Errorf("its fields: %w", err)
	}
	for _, m := range members {
		if len(m.key) > maxFieldKey || !fieldKey.MatchString(m.key) {
			return nil, fmt.Errorf("its field %q: a key has letters, digits and _ alone", m.key)
		}
		value, ok := stringOf(m.value)
		if !ok && m.value != "null" {
			value = m.value // a number, true, or JSON within JSON
		}
		value = strings.TrimSpace(value)
		known := slices.ContainsFunc(e.fields, func(f field) bool { return f.key == m.key })
		if value == "" || known {
			continue
		}
		e.fields = append(e.fields, field{key: m.key, value: value})
	}
	return &e, nil
}

// fit writes an event in so many bytes. Of one that is too long the longest fields are cut, then left out.
func (e *event) fit(room int, write func() string) (string, error) {
	for range 2 * maxMembers {
		text := write()
		over := len(text) - room
		if over <= 0 {
			return text, nil
		}
		if len(e.fields) == 0 {
			break
		}
		longest := 0
		for i, f := range e.fields {
			if len(f.value) > len(e.fields[longest].value) {
				longest = i
			}
		}
		f := &e.fields[longest]
		if keep := len(f.value) - over; keep > minCut && !f.cut {
			f.value, f.cut = cutBytes(f.value, keep), true
		} else {
			e.fields = slices.Delete(e.fields, longest, longest+1)
		}
	}
	return "", tooLong(len(write()), room)
}

// Lengths in the headers of CEF and LEEF, and of CEF's fields, in characters: what its dictionary says. Other fields are as long as the message
// may be.
const (
	maxVendor  = 63
	maxVersion = 31
	maxClassID = 100 // it may have 1,023: an id that is longer is none
	maxCEFName = 512
)

var cefLengths = map[string]int{
	"act": 63, "cat": 1023, "deviceExternalId": 255, "deviceProcessName": 1023, "dhost": 1023, "duser": 1023, "dvchost": 100, "externalId": 40, "fileHash": 255,
	"filePath": 1023, "fname": 1023, "msg": 1023, "outcome": 63, "proto": 31, "reason": 1023, "request": 1023, "requestClientApplication": 1023,
	"requestMethod": 1023, "shost": 1023, "sproc": 1023, "suser": 1023,
	"cs1": 4000, "cs2": 4000, "cs3": 4000, "cs4": 4000, "cs5": 4000, "cs6": 4000, "flexString1": 1023, "flexString2": 1023,
}

var (
	cefHeader = strings.NewReplacer(`\`, `\\`, `|`, `\|`)
	cefValue  = strings.NewReplacer(`\`, `\\`, `=`, `\=`)
)

// cef writes the event as CEF:0. Of the control characters, line ends have an escape of their own; others are shown.
func (e *event) cef() string {
	word := func(s string, most int) string { return cefHeader.Replace(cutEnd(singleLine(s), most)) }
	var b strings.Builder
	fmt.Fprintf(&b, "CEF:0|%s|%s|%s|%s|%s|%d|", word(e.Vendor, maxVendor), word(e.Product, maxVendor), word(e.Version, maxVersion), word(e.ID, maxClassID),
		word(e.Name, maxCEFName), min(max(e.Severity, 0), 10))
	for i, f := range e.fields {
		if i > 0 {
			b.WriteByte(' ')
		}
		value := f.value
		if most := cefLengths[f.key]; most > 0 {
			value = cutEnd(value, most)
		}
		b.WriteString(f.key + "=" + cefText(value))
	}
	return b.String()
}

// cefText is a value as CEF has it.
func cefText(s string) string {
	var b strings.Builder
	for i, line := range strings.Split(strings.ReplaceAll(s, "\r\n", "\n"), "\n") {
		if i > 0 {
			b.WriteString(`\n`)
		}
		for j, part := range strings.Split(line, "\r") {
			if j > 0 {
				b.WriteString(`\r`)
			}
			b.WriteString(cefValue.Replace(singleLine(part)))
		}
	}
	return b.String()
}

// delimiter stands between the attributes of LEEF, which knows no escape.
const delimiter = "^"

var (
	leefHeader = strings.NewReplacer("|", " ", delimiter, " ")
	leefValue  = strings.NewReplacer(delimiter, " ", "\r\n", " ", "\n", " ", "\r", " ", "\t", " ")
)

// leef writes the event as LEEF:2.0. What would end a value is a blank, for there is no other way to write it.
func (e *event) leef() string {
	word := func(s string, most int) string { return leefHeader.Replace(leefText(cutEnd(s, most))) }
	var b strings.Builder
	fmt.Fprintf(&b, "LEEF:2.0|%s|%s|%s|%s|%s|", word(e.Vendor, maxVendor), word(e.Product, maxVendor), word(e.Version, maxVersion), word(e.ID, maxClassID), delimiter)
	for i, f := range e.fields {
		if i > 0 {
			b.WriteString(delimiter)
		}
		value := f.value
		if f.key == "sev" {
			value = leefSeverity(value)
		}
		b.WriteString(f.key + "=" + leefText(value))
	}
	return b.String()
}

func leefText(s string) string { return singleLine(leefValue.Replace(s)) }

// leefSeverity is never 0, which QRadar takes for none.
func leefSeverity(s string) string {
	n, err := strconv.Atoi(s)
	if err != nil {
		return s
	}
	return strconv.Itoa(min(max(n, 1), 10))
}
