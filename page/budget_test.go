package page

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"testing"
)

// TestAssetsKeepTheirBudget counts bytes: the page is to be there at once, over a slow forwarded port, too.
func TestAssetsKeepTheirBudget(t *testing.T) {
	const kb = 1 << 10
	var packed bytes.Buffer
	total, kinds := 0, map[string]int{}
	err := fs.WalkDir(files, "assets", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := files.ReadFile(name)
		if err != nil {
			return err
		}
		total += len(b)
		kinds[path.Ext(name)] += len(b)
		z, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
		if err != nil {
			return err
		}
		if _, err := z.Write(b); err != nil {
			return err
		}
		return z.Close()
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what    string
		is, max int
	}{
		{"styles", kinds[".css"], 20 * kb},
		{"script", kinds[".js"], 32 * kb},
		{"page and icons", kinds[".html"] + kinds[".svg"], 8 * kb},
		{"all of it", total, 60 * kb},
		{"all of it, compressed", packed.Len(), 20 * kb},
	} {
		t.Logf("%s: %d of %d bytes", c.what, c.is, c.max)
		if c.is == 0 || c.is > c.max {
			t.Errorf("%s: %d bytes, want some, and %d at most", c.what, c.is, c.max)
		}
	}
}

// TestAssetsArePacked sees when a file was edited, and what is embedded was not made again.
func TestAssetsArePacked(t *testing.T) {
	var want string
	for _, name := range []string{"page.css", "page.js"} {
		b, err := os.ReadFile(filepath.Join("assets", name))
		if err != nil {
			t.Fatal(err)
		}
		want += fmt.Sprintf("%x  %s\n", sha256.Sum256(b), name)
	}
	got, err := os.ReadFile(filepath.Join("assets", "packed", "made-of"))
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("the page's files were edited since they were packed: go generate ./page\ngot\n%swant\n%s", got, want)
	}
}
