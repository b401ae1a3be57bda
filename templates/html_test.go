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
