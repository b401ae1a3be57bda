package page

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"errors"
	"html/template"
	"io/fs"
	"net/http"
	"strings"
	"sync"
)

// The script and the styles are served without what only those read who write them.
//
//go:generate bash ../.ci/pack
//go:embed assets/page.html assets/icon.svg assets/packed/page.css assets/packed/page.js
var files embed.FS

// assetTypes are the files that the page asks for below /assets/, and what they are.
var assetTypes = map[string]string{
	"page.css": "text/css; charset=utf-8", "page.js": "text/javascript; charset=utf-8", "icon.svg": "image/svg+xml",
}

// asset is a file that the page asks for.
type asset struct {
	plain, packed []byte
	etag          string
}

// assets are packed once, when the first page is asked for.
var assets = sync.OnceValue(func() map[string]asset {
	all := map[string]asset{}
	for name := range assetTypes {
		plain, err := files.ReadFile("assets/packed/" + name)
		if errors.Is(err, fs.ErrNotExist) {
			plain, err = files.ReadFile("assets/" + name)
		}
		if err != nil {
			panic(err) // embedded
		}
		var packed bytes.Buffer
		z, _ := gzip.NewWriterLevel(&packed, gzip.BestCompression)
		_, _ = z.Write(plain)
		_ = z.Close() // into memory
		sum := sha256.Sum256(plain)
		all[name] = asset{plain, packed.Bytes(), `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`}
	}
	return all
})

// asset answers with a file, or says that the browser has it already.
func (s *Server) asset(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	a, ok := assets()[name]
	if !ok {
		refuse(w, http.StatusNotFound, "there is nothing at "+r.URL.Path, "")
		return
	}
	h := w.Header()
	h.Set("Cache-Control", "no-cache") // ask each time whether it is still the same
	h.Set("ETag", a.etag)
	h.Set("Vary", "Accept-Encoding")
	if strings.Contains(r.Header.Get("If-None-Match"), a.etag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", assetTypes[name])
	body := a.plain
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		body = a.packed
	}
	_, _ = w.Write(body)
}

var shell = sync.OnceValue(func() *template.Template { return template.Must(template.ParseFS(files, "assets/page.html")) })

// page is the document, with the state in it, so that it can be drawn without asking: its template is given the [State].
func (s *Server) page(w http.ResponseWriter, r *http.Request) {
	state, err := s.state(r.Context())
	if err != nil {
		refuse(w, http.StatusInternalServerError, err.Error(), "")
		return
	}
	var b bytes.Buffer
	if err := shell().Execute(&b, state); err != nil {
		refuse(w, http.StatusInternalServerError, err.Error(), "")
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(b.Bytes())
}
