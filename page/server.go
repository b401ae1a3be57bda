package page

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ossec-notify/ossec-notify/listen"
)

// Options say what the page shows, and where it listens.
type Options struct {
	// Listen is host:port, of this machine alone; 127.0.0.1 with a free port if empty.
	Listen string
	// Previews and Inbox are the two faces; one that is nil is not there.
	Previews Previews
	Inbox    Inbox
	// Version is shown to people.
	Version string
}

// Bounds of what one who connects gets.
const (
	maxPaste    = 1 << 20 // bytes of POST /api/paste
	maxSettings = 1 << 10 // characters of one parameter of an address
	maxStreams  = 32      // connections of GET /events at once
	askTime     = 20 * time.Second
)

// beat is how often a stream of events says that it is alive.
const beat = 15 * time.Second

// Server is a page that is being served. Its methods are safe for concurrent use.
type Server struct {
	opt      Options
	instance string
	token    string // in the address that is printed
	session  string // in the cookie that the token is swapped for
	listener net.Listener
	server   *http.Server
	serving  sync.WaitGroup

	mu      sync.Mutex
	streams map[*stream]struct{}
	closing bool
	once    string // a token that lets in once; "" where there is none, or it did
}

// Start listens and serves until Close. Others than this machine are never let in: the page shows alerts.
func Start(opt Options) (*Server, error) {
	opt.Listen = cmp.Or(opt.Listen, "127.0.0.1:0")
	host, _, err := net.SplitHostPort(opt.Listen)
	if err != nil {
		return nil, fmt.Errorf("%q is no address to listen at: write host:port, such as 127.0.0.1:8088", opt.Listen)
	}
	if !listen.Loopback(host) {
		return nil, fmt.Errorf("%s can be reached by others, and the page shows alerts: listen at 127.0.0.1, and from another machine come with ssh -L 8088:127.0.0.1:8088", opt.Listen)
	}
	l, err := net.Listen("tcp", opt.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen for the page: %w", err)
	}
	limits := listen.Usual()
	limits.Connections += maxStreams
	s := &Server{opt: opt, instance: secret(), token: secret(), session: secret(), listener: limits.Listener(l), streams: map[*stream]struct{}{}}
	s.server = limits.Server(s.handler())
	s.serving.Go(func() { _ = s.server.Serve(s.listener) }) // ends with Close
	return s, nil
}

// secret is 128 random bits.
func secret() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b)
}

// Address is the host:port where it listens.
func (s *Server) Address() string { return s.listener.Addr().String() }

// URL is the address to open: whoever has it may look.
func (s *Server) URL() string { return "http://" + s.Address() + "/?token=" + s.token }

// URLOnce is an address that lets in once: for the command line of a browser, which others of this machine can read for as long
// as it runs.
func (s *Server) URLOnce() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.once = secret()
	return "http://" + s.Address() + "/?token=" + s.once
}

// spend reports whether a token is the one that lets in once, which it does no more.
func (s *Server) spend(token string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	ok := s.once != "" && same(token, s.once)
	if ok {
		s.once = ""
	}
	return ok
}

// Close tells those who look that it ends, and why, and waits for them.
func (s *Server) Close(reason string) {
	s.mu.Lock()
	s.closing = true
	for x := range s.streams {
		x.end(event{"bye", map[string]string{"reason": reason}})
	}
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if err := s.server.Shutdown(ctx); err != nil {
		_ = s.server.Close()
	}
	s.serving.Wait()
}

func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.page)
	mux.HandleFunc("GET /assets/{name}", s.asset)
	mux.HandleFunc("GET /api/state", answering(func(r *http.Request) (any, error) { return s.state(r.Context()) }))
	mux.HandleFunc("GET /events", s.events)
	mux.HandleFunc("GET /frame/{key}", s.frame)
	if p := s.opt.Previews; p != nil {
		mux.HandleFunc("GET /api/alerts", answering(func(r *http.Request) (any, error) {
			q := r.URL.Query()
			return p.Alerts(r.Context(), q.Get("source"), q.Get("q"), q.Get("after"))
		}))
		mux.HandleFunc("GET /api/preview", answering(func(r *http.Request) (any, error) {
			q := r.URL.Query()
			return p.Preview(r.Context(), Query{Alert: q.Get("alert"), Against: q.Get("against"), To: q.Get("to")})
		}))
		mux.HandleFunc("POST /api/paste", s.paste)
	}
	if in := s.opt.Inbox; in != nil {
		mux.HandleFunc("GET /inbox", s.page)
		mux.HandleFunc("GET /api/inbox", answering(func(r *http.Request) (any, error) {
			q := r.URL.Query()
			return in.Items(r.Context(), q.Get("channel"), q.Get("q"), q.Get("after"))
		}))
		mux.HandleFunc("GET /api/inbox/{id}", answering(func(r *http.Request) (any, error) {
			before := in.Unread()
			item, err := in.Item(r.Context(), r.PathValue("id"))
			if now := in.Unread(); err == nil && now != before {
				s.read(item.ID, now)
			}
			return item, err
		}))
		mux.HandleFunc("DELETE /api/inbox", func(w http.ResponseWriter, _ *http.Request) {
			in.Clear()
			w.WriteHeader(http.StatusNoContent)
		})
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		refuse(w, http.StatusNotFound, "there is nothing at "+r.URL.Path, "")
	})
	return s.guarded(mux)
}

// Content-Security-Policy of the page and of the frame in which a mail is shown. A script, a style or an image that is not
// ours does not load, whatever an alert says; a mail may bring its own styles, and nothing that runs or is fetched.
const (
	pagePolicy  = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
	framePolicy = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)

// guarded lets in who may ask: by a name of this machine, with the cookie, and to change something from our own page. The
// address with the token is swapped for the cookie, and is not where one stays.
func (s *Server) guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", pagePolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		switch {
		case r.Host == "" || !listen.FitHost(r.Host, s.opt.Listen, nil):
			refuse(w, http.StatusForbidden, fmt.Sprintf("this page does not answer to the name %+q", r.Host), "open the address that ossec-notify printed")
			return
		case r.Method == http.MethodGet && r.URL.Query().Has("token") && s.take(w, r):
			return
		case !s.known(r):
			refuse(w, http.StatusForbidden, "this page shows alerts, and needs the address that ossec-notify printed: it holds a token", "copy the whole address from the terminal into the browser; each start prints another one")
			return
		case r.Method != http.MethodGet && r.Method != http.MethodHead && r.Header.Get("Origin") != "http://"+r.Host:
			refuse(w, http.StatusForbidden, "only the page itself may ask for that", "a request that changes something needs the header Origin: http://"+s.Address())
			return
		case slices.ContainsFunc([]string{r.URL.RawQuery, r.URL.Path}, func(x string) bool { return len(x) > 4*maxSettings }):
			refuse(w, http.StatusRequestURITooLong, "the address is too long", "")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// cookie is its name. It holds the port: a browser has one jar for all ports of a host.
func (s *Server) cookie() string {
	_, port, _ := net.SplitHostPort(s.Address())
	return "ossec-notify-" + port
}

// take swaps the token for the cookie, and leads to the address without it. It reports whether the token is ours.
func (s *Server) take(w http.ResponseWriter, r *http.Request) bool {
	q := r.URL.Query()
	if token := q.Get("token"); !same(token, s.token) && !s.spend(token) {
		return false
	}
	http.SetCookie(w, &http.Cookie{Name: s.cookie(), Value: s.session, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode})
	q.Del("token")
	to := *r.URL
	to.Scheme, to.Host, to.RawQuery = "", "", q.Encode()
	if !strings.HasPrefix(to.Path, "/") || strings.HasPrefix(to.Path, "//") || strings.Contains(to.Path, `\`) { // which would lead elsewhere
		to.Path = "/"
	}
	to.RawPath = ""
	if r.Header.Get("Sec-Fetch-Site") == "cross-site" {
		// A link of another page, such as a terminal's in a browser: what that leads to comes without a Strict cookie, over any
		// number of redirects. What our own page leads to comes with it.
		w.Header().Set("Refresh", "0; url="+to.String())
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, "ossec-notify opens its page.\n")
		return true
	}
	w.Header().Set("Location", to.String())
	w.WriteHeader(http.StatusSeeOther)
	return true
}

// known reports whether a request comes with our cookie, and not from the page of another port, whose cookies are ours.
func (s *Server) known(r *http.Request) bool {
	switch site := r.Header.Get("Sec-Fetch-Site"); {
	case site == "", site == "same-origin", site == "none", r.Header.Get("Sec-Fetch-Mode") == "navigate":
	default:
		return false
	}
	// The server of another port can have set one of the same name for a path, which comes first.
	return slices.ContainsFunc(r.CookiesNamed(s.cookie()), func(c *http.Cookie) bool { return same(c.Value, s.session) })
}

func same(got, want string) bool { return subtle.ConstantTimeCompare([]byte(got), []byte(want)) == 1 }

// state is what is loaded, and what the server itself knows.
func (s *Server) state(ctx context.Context) (State, error) {
	var out State
	if s.opt.Previews != nil {
		var err error
		if out, err = s.opt.Previews.State(ctx); err != nil {
			return out, err
		}
		out.Faces = append(out.Faces, "preview")
	}
	if s.opt.Inbox != nil {
		out.Faces = append(out.Faces, "inbox")
		out.Unread = s.opt.Inbox.Unread()
	}
	out.Instance, out.Version = s.instance, s.opt.Version
	return out, nil
}

func (s *Server) paste(w http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxPaste))
	if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
		refuse(w, http.StatusRequestEntityTooLarge, "that is more than 1 MiB", "paste less, or give the file to preview --web FILE")
		return
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, "the text did not arrive whole", "paste it again")
		return
	}
	answering(func(r *http.Request) (any, error) {
		ids, err := s.opt.Previews.Paste(r.Context(), text)
		return map[string][]string{"alerts": ids}, err
	})(w, r)
}

// frame is a mail's HTML, under a policy by which it shows and does nothing.
func (s *Server) frame(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Security-Policy", framePolicy)
	key := r.PathValue("key")
	var html []byte
	found := false
	if s.opt.Previews != nil {
		html, found = s.opt.Previews.Frame(key)
	}
	if !found && s.opt.Inbox != nil {
		html, found = s.opt.Inbox.Frame(key)
	}
	if !found {
		refuse(w, http.StatusNotFound, "this mail is not kept any more", "choose the alert again")
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(html)
}

// answering answers in JSON what f finds, within [askTime].
func answering(f func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeoutCause(r.Context(), askTime, fmt.Errorf("it took more than %s", askTime))
		defer cancel()
		for _, values := range r.URL.Query() {
			if slices.ContainsFunc(values, func(v string) bool { return len(v) > maxSettings }) {
				refuse(w, http.StatusRequestURITooLong, "a part of the address is too long", "")
				return
			}
		}
		v, err := f(r.WithContext(ctx))
		if known := new(Error); errors.As(err, &known) {
			refuse(w, known.Status, known.Text, known.Hint)
			return
		}
		if err != nil {
			refuse(w, http.StatusInternalServerError, err.Error(), "")
			return
		}
		b, err := json.Marshal(v)
		if err != nil {
			refuse(w, http.StatusInternalServerError, err.Error(), "")
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(b)
	}
}

// refuse says why there is no answer, and what to do.
func refuse(w http.ResponseWriter, status int, text, hint string) {
	var b bytes.Buffer
	_ = json.NewEncoder(&b).Encode(struct {
		Error string `json:"error"`
		Hint  string `json:"hint"`
	}{text, hint}) // of strings alone
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}
