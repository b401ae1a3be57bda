package injection

import "testing"

func TestNamesAreDistinct(t *testing.T) {
	names, texts := map[string]bool{}, map[string]string{}
	for _, p := range All() {
		if names[p.Name] {
			t.Errorf("%s is there twice", p.Name)
		}
		if other, ok := texts[p.Text]; ok {
			t.Errorf("%s is %s again", p.Name, other)
		}
		names[p.Name], texts[p.Text] = true, p.Name
	}
	t.Logf("%d payloads", len(names))
}
