package spool

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"
)

// formatVersion is the version of the record's format that this program writes. It grows when an older program
// would misread a record; a key that an older program may ignore needs no new version.
const formatVersion = 1

var (
	// ErrDamaged is what a record is that cannot be read and never will be. It belongs in spool/bad.
	ErrDamaged = errors.New("damaged record")
	// ErrNewer is what a record is that a newer program wrote, during an upgrade. It is left to that program.
	ErrNewer = errors.New("record of a newer version")
)

// header is the first line of a record. The options and the alert follow it, as long as it says.
type header struct {
	Version   int        `json:"version"`
	Name      byteText   `json:"name"`
	Response  bool       `json:"response"`
	Args      []byteText `json:"args"`
	Home      byteText   `json:"home"`
	UID       int        `json:"uid"`
	Owner     *int       `json:"owner"` // may be missing
	Arrival   time.Time  `json:"arrival"`
	Truncated bool       `json:"truncated"`
	File      byteText   `json:"file"`
	Problem   byteText   `json:"problem"`
	Options   int        `json:"options"`
	Alert     int        `json:"alert"`
}

// encode is the record's file. It writes the header by hand: the first use of encoding/json in a process costs
// a fifth of a millisecond, and a door has no second use.
func (r *Record) encode() []byte {
	b := make([]byte, 0, 1024+len(r.Options)+len(r.Alert))
	b = append(b, `{"version":`...)
	b = strconv.AppendInt(b, formatVersion, 10)
	b = appendText(append(b, `,"name":`...), r.Name)
	b = strconv.AppendBool(append(b, `,"response":`...), r.Response)
	b = append(b, `,"args":[`...)
	for i, a := range r.Args {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendText(b, a)
	}
	b = appendText(append(b, `],"home":`...), r.Home)
	b = strconv.AppendInt(append(b, `,"uid":`...), int64(r.UID), 10)
	if r.Owner != nil {
		b = strconv.AppendInt(append(b, `,"owner":`...), int64(*r.Owner), 10)
	}
	b = append(b, `,"arrival":"`...)
	b = r.Arrival.AppendFormat(b, time.RFC3339Nano)
	b = strconv.AppendBool(append(b, `","truncated":`...), r.Truncated)
	b = appendText(append(b, `,"file":`...), r.File)
	b = appendText(append(b, `,"problem":`...), r.Problem)
	b = strconv.AppendInt(append(b, `,"options":`...), int64(len(r.Options)), 10)
	b = strconv.AppendInt(append(b, `,"alert":`...), int64(len(r.Alert)), 10)
	b = append(b, "}\n"...)
	b = append(b, r.Options...)
	return append(b, r.Alert...)
}

// decode reads a record's file.
func decode(data []byte) (*Record, error) {
	line, body, ok := bytes.Cut(data, []byte("\n"))
	if !ok {
		return nil, fmt.Errorf("%w: it has no header line", ErrDamaged)
	}
	var version struct {
		Version int `json:"version"`
	}
	if json.Unmarshal(line, &version) == nil && version.Version > formatVersion {
		return nil, fmt.Errorf("%w: %d, this program knows %d", ErrNewer, version.Version, formatVersion)
	}
	var h header
	switch err := json.Unmarshal(line, &h); {
	case err != nil:
		return nil, fmt.Errorf("%w: its header: %w", ErrDamaged, err)
	case h.Version < 1:
		return nil, fmt.Errorf("%w: its header names no version", ErrDamaged)
	case h.Options < 0 || h.Alert < 0 || h.Options > len(body) || h.Alert != len(body)-h.Options:
		return nil, fmt.Errorf("%w: %d bytes follow the header, which says %d and %d", ErrDamaged, len(body), h.Options, h.Alert)
	}
	r := &Record{
		Version: h.Version, Name: string(h.Name), Response: h.Response, Home: string(h.Home), UID: h.UID, Owner: h.Owner,
		Arrival: h.Arrival, Truncated: h.Truncated, File: string(h.File), Problem: string(h.Problem),
		Alert: body[h.Options:],
	}
	for _, a := range h.Args {
		r.Args = append(r.Args, string(a))
	}
	if h.Options > 0 {
		r.Options = body[:h.Options:h.Options]
	}
	return r, nil
}

// byteText is a string of the header. Arguments and paths are bytes, which JSON has no strings of: a key in
// ossec.conf may be Latin-1. So each character of the JSON string stands for one byte, up to U+00FF.
type byteText string

// UnmarshalText turns characters into bytes.
func (t *byteText) UnmarshalText(text []byte) error {
	out := make([]byte, 0, len(text))
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		if r > 0xff {
			return fmt.Errorf("%q stands for no byte", r)
		}
		out = append(out, byte(r))
		text = text[n:]
	}
	*t = byteText(out)
	return nil
}

// appendText appends s as a JSON string for byteText. It is ASCII.
func appendText(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < ' ' || c > '~':
			b = append(b, `\u00`...)
			b = append(b, hex[c>>4], hex[c&15])
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}
