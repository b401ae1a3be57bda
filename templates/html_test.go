package templates

import (
	"strings"
	"testing"
)

// A link is ours, and its address no quotation: a mail that shows hxxps:// where the button should be has no button.
func TestLinksOfHTMLLead(t *testing.T) {
	set, err := Load(Options{Links: map[string]string{"alert": "https://wazuh.example.com/{{.Agent.Name}}"}})
	if err != nil {
		t.Fatal(err)
	}
	page := parts(t, set, data(t, "email", bruteForce))["html"]
	if want := `<a href="https://wazuh.example.com/web-01"`; !strings.Contains(page, want) {
		t.Errorf("no %s in\n%s", want, page)
	}
	own, err := set.WithText("own.html.tmpl", `{{plain "http://h.example/"}} {{"http://h.example/"}} {{plain .Log | upper}}`)
	if err != nil {
		t.Fatal(err)
	}
	page = parts(t, own, data(t, "email", strings.ReplaceAll(bruteForce, "Failed password", "http://h.example/")))["html"]
	if strings.Contains(strings.ToLower(page), "http://") {
		t.Errorf("a link that came with the alert is alive: %s", page)
	}
}

// Whatever a template prints of an alert is in display form: lists, objects and JSON of it too.
func TestHTMLShowsTricksOfEveryValue(t *testing.T) {
	for _, action := range []string{
		"{{.Agent.Name}}", "{{.Agent}}", "{{.Original}}", "{{list .Agent.Name}}", "{{dict `a` .Agent.Name}}", "{{toJson .Original}}", "{{.Original.agent}}", "{{values .Original.agent}}",
		"{{.Agent.Name | live}}", "{{rich .Agent.Name}}", "{{plain .Agent.Name}}", "{{joinText `, ` (list .Agent.Name)}}", "{{printf `%v` .Original}}", "<p title='{{.Original.agent}}'>",
	} {
		set, err := Default().WithText("own.html.tmpl", action)
		if err != nil {
			t.Fatal(action, err)
		}
		page := parts(t, set, data(t, "email", strings.ReplaceAll(bruteForce, `"web-01"`, `"we\u202eb\u200b-01 http://h.example/"`)))["html"]
		if strings.ContainsAny(page, "\u202e\u200b") || strings.Contains(page, "http://") != strings.Contains(action, "live") || !strings.Contains(page, "u202e") {
			t.Errorf("%s gives %q", action, page)
		}
	}
}
