package page

import (
	"bytes"
	"compress/gzip"
	"path"
	"testing"
)

// TestAssetsKeepTheirBudget counts bytes: the page is to be there at once, over a slow forwarded port, too. The script is
// served as it is written, so that what runs is what can be read.
func TestAssetsKeepTheirBudget(t *testing.T) {
	const kb = 1 << 10
	entries, err := files.ReadDir("assets")
	if err != nil {
		t.Fatal(err)
	}
	var packed bytes.Buffer
	total, kinds := 0, map[string]int{}
	for _, e := range entries {
		b, err := files.ReadFile("assets/" + e.Name())
		if err != nil {
			t.Fatal(err)
		}
		total += len(b)
		kinds[path.Ext(e.Name())] += len(b)
		z, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = z.Write(b)
		_ = z.Close() // into memory
	}
	for _, c := range []struct {
		what    string
		is, max int
	}{
		{"styles", kinds[".css"], 20 * kb},
		{"script", kinds[".js"], 38 * kb},
		{"page and icons", kinds[".html"] + kinds[".svg"], 8 * kb},
		{"all of it", total, 65 * kb},
		{"all of it, packed", packed.Len(), 23 * kb},
	} {
		t.Logf("%s: %d of %d bytes", c.what, c.is, c.max)
		if c.is > c.max {
			t.Errorf("%s: %d bytes, want %d at most", c.what, c.is, c.max)
		}
	}
}
