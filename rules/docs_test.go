package rules

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"github.com/ossec-notify/ossec-notify/alert"
)

// Every example of the manual works as it stands.
func TestExamplesOfTheManual(t *testing.T) {
	manual, err := os.ReadFile("../docs/routing.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(manual), -1)
	for _, b := range blocks {
		if strings.HasPrefix(b[1], "match:") {
			var config struct{ Match yaml.Node }
			if err := yaml.Unmarshal([]byte(b[1]), &config); err != nil {
				t.Errorf("%s\n%v", b[1], err)
			} else if _, problems := parseMatch(&config.Match, alert.DefaultScale); problems != nil {
				t.Errorf("%s\n%s", b[1], told(problems))
			}
			continue
		}
		receivers := map[string]bool{"siem": true, "oncall": true, "soc": true, "shop-team": true, "root-mail": true}
		if problems := table(t, b[1]).Check(receivers); problems != nil {
			t.Errorf("%s\n%s", b[1], told(problems))
		}
	}

	matchers := regexp.MustCompile("`((?:"+strings.Join(matcherKeys, "|")+`|any|all|not|field\.\S+): [^`+"`]+)`").FindAllStringSubmatch(string(manual), -1)
	refused := 0
	for _, m := range matchers {
		text := strings.ReplaceAll(m[1], `\|`, "|") // a bar in a table of Markdown
		var n yaml.Node
		mistaken := yaml.Unmarshal([]byte(text), &n) != nil
		if !mistaken {
			_, problems := parseMatch(&n, alert.DefaultScale)
			mistaken = len(problems) > 0 && !problems[0].Warning
		}
		if mistaken {
			refused++
		}
	}
	// The left column of the last table: what is refused, but for the \t, which is a tab by right.
	if want := 9; len(blocks) != 4 || len(matchers) < 45 || refused != want {
		t.Errorf("got %d blocks, %d matchers, %d of them refused, want 4, at least 45, %d", len(blocks), len(matchers), refused, want)
	}
}
