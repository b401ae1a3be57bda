package rules

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"

	"github.com/ossec-notify/ossec-notify/alert"
)

const addedRoutes = `
- match: {any: [{field.asset.owner: shop}, {not: {field.data.x: y}}], group: sshd}
  to: [a]
  dedup: {for: 1h, by: [rule, field.asset.site]}
  routes: [{match: {all: [{field.srcip_geo.country: DE}]}, to: [b]}]
`

func addedTable(t *testing.T, added ...string) *Table {
	t.Helper()
	var n yaml.Node
	if err := yaml.Unmarshal([]byte(addedRoutes), &n); err != nil {
		t.Fatal(err)
	}
	routes, problems := ParseRoutes(&n, alert.DefaultScale, nil)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return &Table{Routes: routes, Added: added}
}

func TestFieldUsesAreAllPlacesThatNameOne(t *testing.T) {
	var got []string
	for _, u := range addedTable(t).FieldUses() {
		if u.Line == 0 {
			t.Errorf("%s has no place", u.Path)
		}
		got = append(got, u.Path)
	}
	if diff := cmp.Diff([]string{"asset.owner", "data.x", "srcip_geo.country", "asset.site"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// What is looked up does not depend on the form in which the alert came.
func TestShellAlertsLackNothingThatIsAdded(t *testing.T) {
	says := func(added ...string) string {
		var all []string
		for _, p := range addedTable(t, added...).CheckShell() {
			all = append(all, p.Message)
		}
		return strings.Join(all, "\n")
	}
	if got := says("asset", "srcip_geo"); strings.Contains(got, "asset") || strings.Contains(got, "srcip_geo") || !strings.Contains(got, "field.data.x") || !strings.Contains(got, "group") {
		t.Errorf("got %s", got)
	}
	if got := says(); !strings.Contains(got, "field.asset.owner") || !strings.Contains(got, "field.asset.site") || !strings.Contains(got, "field.srcip_geo.country") {
		t.Errorf("without enrichment: %s", got)
	}
}
