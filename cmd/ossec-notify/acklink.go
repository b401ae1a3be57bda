package main

import (
	"cmp"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/family"
	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/site"
)

// ackLinks makes and checks the links by which the reader of a message takes an alert. A link is good for one alert and says
// which receiver it was sent to; it is signed with a key that never leaves the state directory, so that nobody can make one
// up, and ends after ackLife.
type ackLinks struct {
	key []byte
	now func() time.Time
}

const (
	ackPath    = "/ack/"
	ackLife    = 7 * 24 * time.Hour
	ackKeySize = 32
	// ackSignature is how much of the HMAC stands in a link: 128 bits.
	ackSignature = 16
)

// ackGrant is what a link grants.
type ackGrant struct {
	Identity   string `json:"a"`
	Occurrence int    `json:"o"`
	Receiver   string `json:"r"`
	Ends       int64  `json:"e"` // seconds since 1970
}

// openAckLinks reads the key, or makes it: that of links which were sent is good over restarts.
func openAckLinks(state string) (*ackLinks, error) {
	path := filepath.Join(state, "ack.key")
	key, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		key = make([]byte, ackKeySize)
		rand.Read(key)
		err = replaceFile(path, key)
	}
	if err == nil && len(key) != ackKeySize {
		err = fmt.Errorf("%s holds no key of %d bytes: remove it, and links that were sent lose their meaning", path, ackKeySize)
	}
	if err != nil {
		return nil, err
	}
	return &ackLinks{key, time.Now}, nil
}

// url is the link for a message, below the address that the config gives.
func (l *ackLinks) url(base, identity string, occurrence int, receiver string) string {
	b, err := json.Marshal(ackGrant{identity, max(occurrence, 1), receiver, l.now().Add(ackLife).Unix()})
	if err != nil {
		return ""
	}
	grant := base64.RawURLEncoding.EncodeToString(b)
	return strings.TrimRight(base, "/") + ackPath + grant + "." + base64.RawURLEncoding.EncodeToString(l.sign(grant))
}

func (l *ackLinks) sign(grant string) []byte {
	mac := hmac.New(sha256.New, l.key)
	mac.Write([]byte("ack " + grant))
	return mac.Sum(nil)[:ackSignature]
}

var (
	errAckForged = errors.New("this link is not one of ours, or was cut")
	errAckOld    = errors.New("this link is too old")
)

// open checks the token of a link.
func (l *ackLinks) open(token string) (ackGrant, error) {
	var g ackGrant
	grant, signature, _ := strings.Cut(token, ".")
	given, err := base64.RawURLEncoding.DecodeString(signature)
	if err != nil || !hmac.Equal(given, l.sign(grant)) {
		return g, errAckForged
	}
	b, err := base64.RawURLEncoding.DecodeString(grant)
	if err == nil {
		err = json.Unmarshal(b, &g)
	}
	switch {
	case err != nil:
		return g, errAckForged
	case l.now().Unix() > g.Ends:
		return g, errAckOld
	}
	return g, nil
}

// ackHandler shows what a link is about, and takes the alert when its button is pressed: programs that look at the links of
// mails and messages press none.
type ackHandler struct {
	links *ackLinks
	d     *dispatch.Deliverer
	site  *site.Site
	log   *slog.Logger
}

// maxAckForm is the size of the largest form that is read, in bytes.
const maxAckForm = 4 << 10

func (h *ackHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	head := w.Header()
	head.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
	head.Set("Referrer-Policy", "no-referrer") // the address is the permission
	head.Set("Cache-Control", "no-store")
	head.Set("X-Content-Type-Options", "nosniff")
	head.Set("X-Robots-Tag", "noindex")
	head.Set("Content-Type", "text/html; charset=utf-8")
	g, err := h.links.open(strings.TrimPrefix(r.URL.Path, ackPath))
	if err != nil {
		h.page(w, http.StatusForbidden, ackPage{Title: "No", Text: "T" + strings.TrimPrefix(err.Error(), "t") + ". Take the alert on the command line: ossec-notify ack ID"})
		return
	}
	kept, err := h.d.Box.Alert(r.Context(), g.Identity, g.Occurrence)
	if err != nil {
		status, text := http.StatusServiceUnavailable, "The outbox cannot be read now. Try again."
		if errors.Is(err, outbox.ErrNotFound) {
			status, text = http.StatusNotFound, "This alert is not kept any more."
		}
		h.page(w, status, ackPage{Title: "Not found", Text: text})
		return
	}
	page := ackPage{Title: h.title(kept), Receiver: g.Receiver}
	if r.Method == http.MethodPost {
		r.Body = http.MaxBytesReader(w, r.Body, maxAckForm)
		if err := r.ParseForm(); err != nil {
			page.Text = "This is not what the form sends. Nothing was noted."
			h.page(w, http.StatusBadRequest, page)
			return
		}
		by := cmp.Or(site.CleanName(r.PostFormValue("by")), g.Receiver)
		ack, first, err := h.d.Box.Acknowledge(r.Context(), outbox.Ack{Identity: g.Identity, Occurrence: g.Occurrence, By: by, Via: h.via(g.Receiver), At: time.Now()})
		if err != nil {
			h.log.Error("an acknowledgement could not be kept", "alert", g.Identity, "err", err)
			page.Text = "It could not be noted. Try again, or: ossec-notify ack ID"
			h.page(w, http.StatusServiceUnavailable, page)
			return
		}
		if first {
			h.log.Info("alert is taken", "alert", g.Identity, "by", ack.By, "via", ack.Via)
		}
		page.taken(ack, h.site)
		page.Mine = first
		h.page(w, http.StatusOK, page)
		return
	}
	ack, taken, err := h.d.Box.Acked(r.Context(), g.Identity, g.Occurrence)
	if err != nil {
		h.page(w, http.StatusServiceUnavailable, ackPage{Title: "Not now", Text: "The outbox cannot be read now. Try again."})
		return
	}
	if taken {
		page.taken(ack, h.site)
	} else {
		page.Form = true
	}
	h.page(w, http.StatusOK, page)
}

// via says in words by which way somebody took an alert.
func (h *ackHandler) via(receiver string) string {
	if r := h.site.Receiver(receiver); r != nil {
		switch r.Channel {
		case "email":
			return "mail link"
		case "slack":
			return "Slack link"
		}
		return r.Channel + " link"
	}
	return "link"
}

// title is what the alert is about, in the words of its messages.
func (h *ackHandler) title(kept outbox.Alert) string {
	if kept.Title != "" && kept.Rule == "" { // a message about many
		return kept.Title
	}
	a, _ := h.site.Read(kept.Header, kept.Raw)
	return family.Read(a).Sentence.Line().String()
}

type ackPage struct {
	Title, Text, Receiver string
	Form, Mine            bool
	By, Via, At           string
}

func (p *ackPage) taken(a outbox.Ack, s *site.Site) {
	zone := time.Local
	if cfg := s.Config(); cfg != nil {
		zone = cfg.Zone
	}
	p.By, p.Via, p.At = a.By, a.Via, a.At.In(zone).Format("15:04 on 2006-01-02")
}

func (h *ackHandler) page(w http.ResponseWriter, status int, p ackPage) {
	w.WriteHeader(status)
	if err := ackTemplate.Execute(w, p); err != nil {
		h.log.Debug("page not sent", "err", err)
	}
}

var ackTemplate = template.Must(template.New("ack").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>{{.Title}}</title>
<style>
body{font:1.1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.25rem;overflow-wrap:anywhere}
label{display:block;margin:1rem 0 .25rem}
input{font:inherit;width:100%;box-sizing:border-box;padding:.5rem}
button{font:inherit;font-weight:600;margin-top:1rem;padding:.7rem 1.4rem;border:0;border-radius:.4rem;background:#1c6b3c;color:#fff;width:100%}
</style></head><body><main><h1>{{.Title}}</h1>
{{with .Text}}<p>{{.}}</p>{{end}}
{{if .By}}<p>{{if .Mine}}It is yours: taken{{else}}Taken{{end}} by {{.By}} at {{.At}} ({{.Via}}). Nobody further is told.</p>{{end}}
{{if .Form}}<form method="post"><label for="by">Your name (default: {{.Receiver}})</label>
<input id="by" name="by" maxlength="60" autocomplete="name">
<button>I take it</button></form>
<p>Then nobody further is told, and those who were told see that you have it.</p>{{end}}
</main></body></html>
`))
