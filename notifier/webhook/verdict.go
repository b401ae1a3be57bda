package webhook

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/templates/presets"
)

// vendorAnswer is an answer with what it holds, if it is JSON. It is judged as it came, for a short secret may be a word of every answer; what is
// told of it is without secrets.
type vendorAnswer struct {
	*notifier.Answer // without secrets
	body             []byte
	json             any
	secrets          []string
}

func read(answer *notifier.Answer, secrets []string) vendorAnswer {
	clean := *answer
	clean.Redact(secrets...)
	a := vendorAnswer{Answer: &clean, body: answer.Body, secrets: secrets}
	dec := json.NewDecoder(bytes.NewReader(answer.Body))
	dec.UseNumber()
	if dec.Decode(&a.json) != nil {
		a.json = nil
	}
	return a
}

// told is a text of the answer without secrets.
func (a vendorAnswer) told(text string) string {
	part := *a.Answer
	part.Body, part.Err = []byte(text), nil
	part.Redact(a.secrets...)
	return string(part.Body)
}

// readPresetAnswer turns the answer into a receipt or an error, as the preset says.
func (w *Notifier) readPresetAnswer(r presets.Request, what string, a vendorAnswer) (notifier.Receipt, error) {
	if a.Err != nil {
		return notifier.Receipt{}, a.Failure(what)
	}
	rules := &w.preset.Answer
	receipt := notifier.Receipt{Status: a.Status, ID: a.told(a.at(rules.ID))}
	code := a.at(rules.Code)
	success := rules.Success
	if r.Success != nil {
		success = *r.Success
	}
	if success.Status == nil {
		success.Status = []presets.Statuses{{From: 200, To: 299}}
	}
	missed := a.missed(success, code)
	if missed == "" {
		return receipt, nil
	}
	for i, v := range rules.Verdicts {
		if a.missed(v.Match, code) != "" {
			continue
		}
		if v.Is == presets.IsDelivered {
			return receipt, nil
		}
		failure := a.failure(what, rules, code, missed, &rules.Verdicts[i])
		if v.Is == presets.IsUnmarked {
			return notifier.Receipt{}, &markupError{failure}
		}
		return notifier.Receipt{}, failure
	}
	return notifier.Receipt{}, a.failure(what, rules, code, missed, nil)
}

// failure is the error of an answer that is no success, by what it missed.
func (a vendorAnswer) failure(what string, rules *presets.Answer, code, missed string, verdict *presets.Verdict) *notifier.Error {
	e := a.Failure(what)
	if e == nil { // a 2xx that says otherwise
		e = notifier.Errorf(notifier.Permanent, "%s: status %d, but %s", what, a.Status, missed)
		e.Status = a.Status
		if a.Status == http.StatusOK && strings.HasPrefix(strings.TrimSpace(string(a.Body)), "<") {
			e.Hint = "the answer is a page, not what the vendor answers: look where the address leads"
		}
	}
	code = a.told(code)
	e.Code = code
	if words := a.words(rules.Error); words != "" {
		text := fmt.Sprintf("%s: status %d: %s", what, a.Status, words)
		if code != "" && !strings.Contains(words, code) {
			text += " (code " + notifier.Snippet([]byte(code)) + ")"
		}
		e.Err = fmt.Errorf("%s", text)
	}
	// Vendors tell with every answer when they count anew: it is to be waited for only where they count too much.
	if tooMany := a.Status == http.StatusTooManyRequests || verdict != nil && verdict.Is == presets.IsTemporary; e.RetryAfter == 0 && tooMany {
		e.RetryAfter = a.wait(rules.Wait, time.Now())
	}
	if verdict == nil {
		return e
	}
	e.Reason = map[string]notifier.Reason{presets.IsTemporary: notifier.Temporary, presets.IsUnmarked: notifier.Permanent, presets.IsPermanent: notifier.Permanent, presets.IsMisconfigured: notifier.Misconfigured}[verdict.Is]
	if verdict.Hint != "" {
		e.Hint = verdict.Hint
	}
	if verdict.Wait > 0 {
		e.RetryAfter = verdict.Wait
	}
	return e
}

// words are the vendor's own, in one line.
func (a vendorAnswer) words(paths []string) string {
	for _, path := range paths {
		text := a.at(path)
		if path == "text" && text == "" && a.json == nil {
			text = string(a.body)
		}
		if s := notifier.Snippet([]byte(a.told(text))); s != "" {
			return s
		}
	}
	return ""
}

// wait is how long the vendor asks to wait, where it says so in its own way.
func (a vendorAnswer) wait(w *presets.Wait, now time.Time) time.Duration {
	if w == nil {
		return 0
	}
	text := a.at(w.JSON)
	if w.Header != "" {
		text = a.Header.Get(w.Header)
	}
	n, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if err != nil || !(n > 0) || n > 1e15 {
		return 0
	}
	unit := time.Second
	if strings.HasSuffix(w.Unit, "ms") {
		unit = time.Millisecond
	}
	if !strings.HasPrefix(w.Unit, "epoch_") {
		return time.Duration(min(n, float64(notifier.MaxRetryAfter/unit)) * float64(unit))
	}
	at := time.UnixMilli(int64(n * float64(unit/time.Millisecond)))
	return min(max(at.Sub(now), 0), notifier.MaxRetryAfter)
}

// missed is the first of a condition that does not hold, in words; "" where all holds.
func (a vendorAnswer) missed(m presets.Match, code string) string {
	if m.Status != nil && !slices.ContainsFunc(m.Status, func(s presets.Statuses) bool { return s.Hold(a.Status) }) {
		return "the preset has another status for what is delivered"
	}
	if m.Code != nil && !slices.Contains(m.Code, code) {
		return "the answer lacks the code of what is delivered"
	}
	if m.Text != "" && !strings.Contains(strings.ToLower(string(a.body)), strings.ToLower(m.Text)) {
		return fmt.Sprintf("the answer lacks the text %q", m.Text)
	}
	if m.Body != "" && !strings.EqualFold(strings.TrimSpace(string(a.body)), m.Body) {
		if text, ok := a.json.(string); !ok || !strings.EqualFold(strings.TrimSpace(text), m.Body) {
			return fmt.Sprintf("the answer is not %q", m.Body)
		}
	}
	for _, path := range slices.Sorted(maps.Keys(m.JSON)) {
		want := m.JSON[path]
		v, there := lookup(a.json, path)
		switch {
		case want == presets.Absent && there:
			return fmt.Sprintf("the answer has %q, which what is delivered has not", path)
		case want == presets.Absent:
		case !there:
			return fmt.Sprintf("the answer lacks %q", path)
		case want != presets.Present && scalar(v) != want:
			return fmt.Sprintf("%q in the answer is not %q", path, want)
		}
	}
	return ""
}

// at is the value at a path, as text; "" where there is none.
func (a vendorAnswer) at(path string) string {
	if path == "" {
		return ""
	}
	v, there := lookup(a.json, path)
	if !there {
		return ""
	}
	return scalar(v)
}

// lookup finds the value at a path; what is null or empty is not there.
func lookup(v any, path string) (any, bool) {
	if m, ok := v.(map[string]any); ok { // a key may hold a dot
		if x, ok := m[path]; ok {
			return x, !isEmpty(x)
		}
	}
	part, rest, more := strings.Cut(path, ".")
	var next any
	switch v := v.(type) {
	case map[string]any:
		next = v[part]
	case []any:
		i, err := strconv.Atoi(part)
		if err != nil || i < 0 || i >= len(v) {
			return nil, false
		}
		next = v[i]
	}
	if !more {
		return next, !isEmpty(next)
	}
	return lookup(next, rest)
}

func isEmpty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	}
	return false
}

// scalar is a value as text: of an object or a list its JSON.
func scalar(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case json.Number:
		return v.String()
	}
	b, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(b)
}
