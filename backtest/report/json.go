package report

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/ossec-notify/ossec-notify/backtest"
	"github.com/ossec-notify/ossec-notify/display"
)

// jsonReport is the document that docs/backtest.md describes. Within version 1 a key keeps its name, type and meaning; new keys may
// come. What is not known is absent.
type jsonReport struct {
	Version     int              `json:"version"`
	Config      string           `json:"config"`
	Against     string           `json:"against,omitempty"`
	Zone        string           `json:"time_zone"`
	From        *time.Time       `json:"from,omitempty"`
	To          *time.Time       `json:"to,omitempty"`
	Stopped     bool             `json:"stopped"`
	Read        jsonReading      `json:"read"`
	Files       []string         `json:"files"`
	Night       jsonNight        `json:"night"`
	Now         *jsonOutcome     `json:"now"`
	Then        *jsonOutcome     `json:"then,omitempty"`
	Days        []string         `json:"days"`
	Gaps        []string         `json:"gaps"`
	Receivers   []jsonReceiver   `json:"receivers"`
	Rules       []jsonNoisy      `json:"rules"`
	Agents      []jsonNoisy      `json:"agents"`
	Sources     []jsonNoisy      `json:"sources"`
	Suggestions []jsonSuggestion `json:"suggestions"`
	ChangeCount int              `json:"change_count"`
	Changes     []jsonChange     `json:"changes"`
	Damaged     []jsonDamage     `json:"damaged"`
}

type jsonReading struct {
	Alerts  int     `json:"alerts"`
	Damaged int     `json:"damaged"`
	Outside int     `json:"outside"`
	Bytes   int64   `json:"bytes"`
	Took    float64 `json:"took_s"`
}

type jsonNight struct {
	From int `json:"from"`
	To   int `json:"to"`
}

type jsonOutcome struct {
	Messages   int            `json:"messages"`
	Pages      int            `json:"pages"`
	NightPages int            `json:"night_pages"`
	Told       int            `json:"told"`
	Nobody     int            `json:"nobody"`
	Saved      map[string]int `json:"saved"`
	Heat       [7][24]int     `json:"heat"`
}

type jsonReceiver struct {
	Name    string             `json:"name"`
	Channel string             `json:"channel"`
	Place   string             `json:"place,omitempty"`
	Pages   bool               `json:"pages"`
	Always  bool               `json:"always"`
	Now     jsonReceiverCount  `json:"now"`
	Then    *jsonReceiverCount `json:"then,omitempty"`
}

type jsonReceiverCount struct {
	Alerts    int            `json:"alerts"`
	Messages  int            `json:"messages"`
	Updates   int            `json:"updates"`
	Night     int            `json:"night"`
	Saved     map[string]int `json:"saved"`
	Busiest   int            `json:"busiest,omitempty"`
	BusiestAt *time.Time     `json:"busiest_at,omitempty"`
	Days      []int          `json:"days"`
	Hours     [24]int        `json:"hours"`
}

type jsonNoisy struct {
	Key    string    `json:"key"`
	Title  string    `json:"title,omitempty"`
	Alerts int       `json:"alerts"`
	Now    jsonCost  `json:"now"`
	Then   *jsonCost `json:"then,omitempty"`
	Words  string    `json:"words,omitempty"`
	Help   string    `json:"help,omitempty"`
}

type jsonCost struct {
	Messages   int `json:"messages"`
	Pages      int `json:"pages"`
	NightPages int `json:"night_pages"`
}

type jsonSuggestion struct {
	Words  string `json:"words"`
	Route  string `json:"route,omitempty"`
	YAML   string `json:"yaml,omitempty"`
	Before int    `json:"before"`
	After  int    `json:"after"`
}

type jsonChange struct {
	Time     time.Time `json:"time"`
	Alert    string    `json:"alert"`
	Rule     string    `json:"rule"`
	Severity string    `json:"severity"`
	Title    string    `json:"title"`
	Receiver string    `json:"receiver"`
	Added    bool      `json:"added"`
	Why      string    `json:"why,omitempty"`
}

type jsonDamage struct {
	File string `json:"file"`
	Line int    `json:"line,omitempty"`
	Text string `json:"text"`
}

// JSON writes the report for programs, over several lines. What would steer a terminal is escaped as JSON escapes it; to a program
// it is the text as it came.
func JSON(w io.Writer, r *backtest.Report) error {
	out := jsonReport{
		Version: 1, Config: r.Config, Against: r.Against, Zone: zone(r).String(), From: instant(r.From), To: instant(r.To), Stopped: r.Stopped,
		Read:  jsonReading{r.Read.Alerts, r.Read.Damaged, r.Read.Outside, r.Read.Bytes, r.Read.Took.Seconds()},
		Files: full(r.Files), Night: jsonNight(r.NightOf), Now: outcomeOf(r.Now), Days: full(r.Days), Gaps: full(slices.Sorted(maps.Keys(r.Gaps))),
		Receivers: []jsonReceiver{}, Rules: jsonNoises(r, r.Rules), Agents: jsonNoises(r, r.Agents), Sources: jsonNoises(r, r.Sources),
		Suggestions: []jsonSuggestion{}, ChangeCount: r.ChangeCount, Changes: []jsonChange{}, Damaged: []jsonDamage{},
	}
	if compared(r) {
		out.Then = outcomeOf(r.Then)
	}
	for _, x := range r.Receivers {
		y := jsonReceiver{x.Name, x.Channel, x.Place, x.Pages, x.Always, receiverCount(x.Now), nil}
		if compared(r) {
			then := receiverCount(x.Then)
			y.Then = &then
		}
		out.Receivers = append(out.Receivers, y)
	}
	for _, s := range r.Suggestions {
		out.Suggestions = append(out.Suggestions, jsonSuggestion{s.Words, s.Route, s.YAML, s.Before, s.After})
	}
	for _, c := range r.Changes {
		c.Time = c.Time.UTC()
		out.Changes = append(out.Changes, jsonChange(c))
	}
	for _, d := range r.Damaged {
		out.Damaged = append(out.Damaged, jsonDamage(d))
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(out); err != nil {
		return err
	}
	_, err := w.Write(display.JSON(b.Bytes()))
	return err
}

// instant is a time in JSON; one that is not known is absent.
func instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// full is a list that is never null.
func full[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// sums are the counts by cause, never null.
func sums(saved map[string]int) map[string]int {
	if saved == nil {
		return map[string]int{}
	}
	return saved
}

func outcomeOf(o *backtest.Outcome) *jsonOutcome {
	if o == nil {
		o = &backtest.Outcome{}
	}
	return &jsonOutcome{o.Messages, o.Pages, o.NightPages, o.Told, o.Nobody, sums(o.Saved), o.Heat}
}

func receiverCount(o backtest.ReceiverOutcome) jsonReceiverCount {
	return jsonReceiverCount{o.Alerts, o.Messages, o.Updates, o.Night, sums(o.Saved), o.Busiest, instant(o.BusiestAt), full(o.Days), o.Hours}
}

func jsonNoises(r *backtest.Report, noisy []backtest.Noisy) []jsonNoisy {
	out := []jsonNoisy{}
	for _, n := range noisy {
		x := jsonNoisy{Key: n.Key, Title: n.Title, Alerts: n.Alerts, Now: jsonCost(n.Now), Words: n.Words, Help: n.Help}
		if compared(r) {
			then := jsonCost(n.Then)
			x.Then = &then
		}
		out = append(out, x)
	}
	return out
}
