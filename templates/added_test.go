package templates

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ossec-notify/ossec-notify/alert"
)

func enrichedAlert() *alert.Alert {
	a := *alert.Parse([]byte(`{"rule":{"level":5,"description":"d","id":"1"},"agent":{"id":"001","name":"web-01"},"id":"1.2","data":{"srcip":"81.2.69.142"}}`), alert.Options{})
	a.Added = map[string]any{"srcip_geo": map[string]any{"country": "GB", "asn": int64(64500)}, "asset": nil}
	a.Shown = []alert.Shown{
		{Name: "criticality_of_all", Value: "high\n*x*"}, {Name: "contact.mail", Value: "a@example.com"}, {Name: "---", Value: "x"}, {Name: "empty", Value: " "},
		{Name: "Runbook", Value: "https://wiki.example.com/1", Link: true}, {Name: "Bad", Value: "javascript:alert(1)", Link: true},
		{Name: "Worse", Value: "https://wiki.example.com/|x>", Link: true}, {Name: "Wiki", Value: "http://wiki.example.com/ä", Link: true}, {Name: "Map", Value: "https://maps.example.com/?at=1,2", Link: true},
	}
	return &a
}

func TestShownColumnsAreFactsBehindThoseOfTheFamily(t *testing.T) {
	d := NewData(enrichedAlert(), alert.DefaultScale, Context{})
	var got []string
	for _, f := range d.Facts[len(d.Facts)-2:] {
		got = append(got, f.Label.String()+": "+f.Value.String())
	}
	if diff := cmp.Diff([]string{"Criticality of all: high⏎*x*", "Mail: a@example.com"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A label that is too wide for its column stands above its value, and moves no other. One without end is cut.
func TestLabelsOfColumnsAreWhole(t *testing.T) {
	a := enrichedAlert()
	a.Shown = []alert.Shown{
		{Name: "owner", Value: "web team"}, {Name: "team that is called at night", Value: "blue"}, {Name: strings.Repeat("w", 50), Value: "x"},
	}
	d := NewData(a, alert.DefaultScale, Context{})
	got := table(d.Facts[len(d.Facts)-3:]).String()
	want := "Owner    web team\nTeam that is called at night\n         blue\nW" + strings.Repeat("w", 38) + "…\n         x"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestLinksOfTablesStandBesideThoseOfTheConfig(t *testing.T) {
	set, err := Load(Options{Links: map[string]string{"runbook": "https://old.example.com/{{ .Rule.ID }}", "alert": "https://siem.example.com/{{ .ID }}"}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, l := range set.Links(NewData(enrichedAlert(), alert.DefaultScale, Context{})) {
		got = append(got, l.Label.String()+" "+l.URL.Raw())
	}
	want := []string{"Open alert https://siem.example.com/1.2", "Runbook https://wiki.example.com/1", "Map https://maps.example.com/?at=1,2"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestTemplatesSeeWhatWasAdded(t *testing.T) {
	set, err := Default().WithText("t.tmpl", `{{define "sentence"}}{{ .Added.srcip_geo.country }} {{ .Added.srcip_geo.asn }}|{{ .Added.asset.owner }}|{{ .Added.none.at.all }}|{{ field "srcip_geo.country" . }}{{end}}`)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		a    *alert.Alert
		want string
	}{{enrichedAlert(), "GB 64500|||GB"}, {&alert.Alert{Original: map[string]any{}}, " |||"}} {
		title, err := set.part("sentence", NewData(c.a, alert.DefaultScale, Context{Channel: "webhook"}))
		if err != nil || strings.TrimSpace(title.Raw()) != strings.TrimSpace(c.want) {
			t.Errorf("got %q, %v, want %q", title.Raw(), err, c.want)
		}
	}
	uses := set.AddedUses()
	var paths []string
	for _, u := range uses {
		paths = append(paths, u.Action)
	}
	if diff := cmp.Diff([]string{"srcip_geo.country", "srcip_geo.asn", "asset.owner", "none.at.all", "srcip_geo.country"}, paths); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestDocumentsHoldWhatWasAddedUnderItsOwnNames(t *testing.T) {
	set := Default()
	d := NewData(enrichedAlert(), alert.DefaultScale, Context{Channel: "webhook"})
	doc, err := set.document(d)
	if err != nil {
		t.Fatal(err)
	}
	event, err := set.event(d)
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range map[string]any{"document": doc, "event": event} {
		for _, indent := range []string{"", "  "} {
			j, err := toJSON(v, indent)
			if err != nil {
				t.Fatal(err)
			}
			var got map[string]any
			if err := json.Unmarshal([]byte(j), &got); err != nil {
				t.Fatalf("%s: %v\n%s", name, err, j)
			}
			if diff := cmp.Diff(map[string]any{"country": "GB", "asn": 64500.0}, got["srcip_geo"]); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
			if _, there := got["asset"]; there || got["original"] == nil {
				t.Errorf("%s: %s", name, j)
			}
		}
	}
	for _, key := range DocumentKeys() {
		if key == "srcip_geo" || key == "-" {
			t.Errorf("%q is a key of the documents themselves", key)
		}
	}
}
