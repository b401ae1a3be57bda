// Package sandbox owns the stand-ins: one HTTP server and one SMTP server on loopback that check what they are
// sent as strictly as Slack, PagerDuty, Splunk's HTTP Event Collector, Elasticsearch, Loki, a webhook of our own schema and
// a mail server do, and answer in their words. The commands demo and sandbox show them to people, and tests deliver to
// them. They keep every request, the refused ones too, and can be told to misbehave ([Server.Script]).
//
// Where a vendor's answer is known, status, code and text are the vendor's. Where only the rule is known, the
// words are ours and the status is the one that the vendor documents. A stand-in never accepts what the vendor
// refuses; it may refuse what the vendor lets pass, when that is a mistake all the same.
//
// The package knows nothing of alerts, templates and channels: it reads only what arrives. It draws no page.
package sandbox

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/ossec-notify/ossec-notify/listen"
)

// The credentials that the stand-ins expect unless Options says otherwise. They are made up, have the shape of
// the vendor's own, and open nothing anywhere else.
const (
	FakeSlackToken   = "xoxb-sandbox"
	FakeRoutingKey   = "0123456789abcdef0123456789abcdef"
	FakeHECToken     = "00000000-0000-4000-8000-000000000000"
	FakeWebhookToken = "sandbox-webhook-token"
)

// Bounds of what is read and kept, whoever sends it.
const (
	maxBody   = 16 << 20 // bytes, see Options.MaxBody
	maxMail   = 10 << 20 // bytes, see Options.MaxMail
	maxHeader = 64 << 10 // bytes of a request's header
	maxConns  = 512      // connections to each server at once, see Options.MaxConns
	keepCount = 1000     // messages in the inbox
	keepBytes = 64 << 20 // bytes of all bodies in the inbox
)

// Options say where the stand-ins listen and what they expect. The zero value is ready for use.
type Options struct {
	// HTTPAddr and SMTPAddr are host:port; 127.0.0.1 with a free port if empty. An address that is not loopback
	// is refused unless AllowRemote is set, because whoever reaches the stand-ins can fill the inbox.
	HTTPAddr, SMTPAddr string
	AllowRemote        bool

	// OnMessage, if set, is called for each message after it is in the inbox and before the sender has its
	// answer, one at a time and in the order of the inbox. It must not send to the stand-ins.
	OnMessage func(Message)
	// Keep is how many messages the inbox holds before the oldest go; 1,000 if 0.
	Keep int
	// Now is the clock for time stamps and rate limits; time.Now if nil.
	Now func() time.Time
	// RateLimit makes Slack refuse more than one message a second for a webhook or channel and more than 50 changes of
	// messages a minute, and PagerDuty more than 120 events a minute for a routing key.
	RateLimit bool

	// MaxBody is the largest body of a request, as it comes and inflated, in bytes; 16 MiB if 0. MaxMail is the
	// largest mail, which the mail server announces as SIZE; 10 MiB if 0.
	MaxBody, MaxMail int64
	// MaxConns is how many connections each of the two servers has at once, 512 if 0; one more is closed at once.
	MaxConns int

	// SlackToken, RoutingKey, PagerDutyToken and HECToken are the credentials to expect; the Fake constants if empty.
	SlackToken, RoutingKey, PagerDutyToken, HECToken string
	// OnCall are those who are on call by PagerDuty's schedules.
	OnCall []Duty
	// SlackScopes are the scopes of the Slack token; all if nil. SlackChannels are channels that exist before
	// anything is posted to them. SlackOutside are channels, by name or id, that the app is not a member of.
	SlackScopes, SlackChannels, SlackOutside []string
	// SlackEditWindow is how long the workspace lets a message be changed; for good if 0.
	SlackEditWindow time.Duration
	// WebhookToken is the bearer token that the webhook demands. If empty, none is demanded, but one that is
	// sent must be FakeWebhookToken.
	WebhookToken string
	// HECIndexes are the indexes that the HEC token may write to; any index if empty. HECAck turns on indexer
	// acknowledgement for the token, so that requests need a channel. HECAckAfter is how often it must be asked for
	// an acknowledgement before that is given; if it is negative, none ever is.
	HECIndexes  []string
	HECAck      bool
	HECAckAfter int
	// ElasticKey is the API key of Elasticsearch, FakeElasticKey if empty; ElasticStreams are the names that are data streams.
	ElasticKey     string
	ElasticStreams []string
	// ElasticIndexes are the indexes that there are, where the cluster makes none by itself; it does if empty.
	ElasticIndexes []string
	// LokiTenant is the tenant that Loki demands; none if empty.
	LokiTenant string

	// SMTPUser, if set, makes the mail server demand AUTH PLAIN with SMTPPassword before a mail.
	SMTPUser, SMTPPassword string
	// TLS, if set, lets the mail server offer STARTTLS; AUTH is then possible only after it.
	TLS *tls.Config
}

// Server is a set of running stand-ins. Its methods are safe for concurrent use.
type Server struct {
	opt          Options
	http         *http.Server
	smtp         *smtp.Server
	httpListener net.Listener
	smtpListener net.Listener

	inbox   *inbox
	script  script
	slack   *workspace
	pager   *pager
	hec     *hec
	webhook *webhook
	elastic *elastic
	loki    *lokiServer

	closing chan struct{}
	close   func() error
	loops   sync.WaitGroup
}

// Start listens and serves until Close.
func Start(opt Options) (*Server, error) {
	opt.HTTPAddr = cmp.Or(opt.HTTPAddr, "127.0.0.1:0")
	opt.SMTPAddr = cmp.Or(opt.SMTPAddr, "127.0.0.1:0")
	opt.SlackToken = cmp.Or(opt.SlackToken, FakeSlackToken)
	opt.RoutingKey = cmp.Or(opt.RoutingKey, FakeRoutingKey)
	opt.PagerDutyToken = cmp.Or(opt.PagerDutyToken, FakePagerDutyToken)
	opt.HECToken = cmp.Or(opt.HECToken, FakeHECToken)
	opt.ElasticKey = cmp.Or(opt.ElasticKey, FakeElasticKey)
	opt.Keep = cmp.Or(opt.Keep, keepCount)
	opt.MaxBody = cmp.Or(opt.MaxBody, maxBody)
	opt.MaxMail = cmp.Or(opt.MaxMail, maxMail)
	opt.MaxConns = cmp.Or(opt.MaxConns, maxConns)
	if opt.Now == nil {
		opt.Now = time.Now
	}

	httpListener, err := listenAt(opt.HTTPAddr, opt)
	if err != nil {
		return nil, fmt.Errorf("sandbox: listen for http: %w", err)
	}
	smtpListener, err := listenAt(opt.SMTPAddr, opt)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("sandbox: listen for smtp: %w", err), httpListener.Close())
	}

	s := &Server{
		opt:          opt,
		httpListener: httpListener,
		smtpListener: smtpListener,
		inbox:        newInbox(opt.Keep, opt.OnMessage),
		slack:        newWorkspace(opt),
		pager:        newPager(opt),
		hec:          newHEC(opt),
		webhook:      &webhook{token: opt.WebhookToken},
		elastic:      newElastic(opt),
		loki:         newLoki(opt),
		closing:      make(chan struct{}),
	}
	s.close = sync.OnceValue(s.shut)
	// No WriteTimeout: a scripted answer may be held for as long as a test likes.
	s.http = &http.Server{
		Handler:           http.HandlerFunc(s.serveHTTP),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          silent(),
	}
	s.smtp = newSMTP(s)
	// Both loops end only when Close closes their listeners, and then with an error that says just that.
	s.loops.Go(func() { _ = s.http.Serve(httpListener) })
	s.loops.Go(func() { _ = s.smtp.Serve(smtpListener) })
	return s, nil
}

// listenAt refuses addresses that others than this host can reach.
func listenAt(addr string, opt Options) (net.Listener, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	if !opt.AllowRemote && !listen.Loopback(host) {
		return nil, fmt.Errorf("%q is not a loopback address", addr)
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	return listen.Limits{Connections: opt.MaxConns}.Listener(l), nil
}

// Close ends all connections, releases every held answer and waits for the listeners. Afterwards the inbox
// can still be read, and takes nothing more. Further calls do nothing.
func (s *Server) Close() error { return s.close() }

func (s *Server) shut() error {
	close(s.closing)
	s.inbox.close()
	err := errors.Join(s.http.Close(), s.smtp.Close())
	// A loop that had not begun when its server was closed has not told the server of its listener.
	_, _ = s.httpListener.Close(), s.smtpListener.Close()
	s.loops.Wait()
	if err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("sandbox: close: %w", err)
	}
	return nil
}

// HTTPAddr is the host:port of the HTTP stand-ins.
func (s *Server) HTTPAddr() string { return reachable(s.httpListener.Addr()) }

// SMTPAddr is the host:port of the mail server.
func (s *Server) SMTPAddr() string { return reachable(s.smtpListener.Addr()) }

// reachable gives an address that can be dialled also where all interfaces are listened on.
func reachable(a net.Addr) string {
	t, ok := a.(*net.TCPAddr)
	if !ok || !t.IP.IsUnspecified() {
		return a.String()
	}
	return net.JoinHostPort("127.0.0.1", fmt.Sprint(t.Port))
}

func (s *Server) url(path string) string { return "http://" + s.HTTPAddr() + path }

// SlackWebhookURL is the incoming webhook, its made-up secret included.
func (s *Server) SlackWebhookURL() string { return s.url(slackHookPath) }

// SlackAPIURL is the base of Slack's Web API, with the slash at its end that slack-go wants.
func (s *Server) SlackAPIURL() string { return s.url(slackAPIPath) }

// PagerDutyURL is the base of the Events API; clients add /v2/enqueue. It is the base of the REST API, too: of that there is
// GET /oncalls and GET /incidents.
func (s *Server) PagerDutyURL() string { return s.url("") }

// SplunkURL is the base of the HTTP Event Collector; clients add /services/collector/event.
func (s *Server) SplunkURL() string { return s.url("") }

// ElasticURL is the root of Elasticsearch; clients add /_bulk.
func (s *Server) ElasticURL() string { return s.url(elasticPath) }

// LokiURL is the root of Loki; clients add /loki/api/v1/push.
func (s *Server) LokiURL() string { return s.url("") }

// WebhookURL is the webhook. Any path below it is the same webhook.
func (s *Server) WebhookURL() string { return s.url(webhookPath) }

// SMTPURL is the mail server, with the user it expects and without the password.
func (s *Server) SMTPURL() string {
	u := url.URL{Scheme: "smtp", Host: s.SMTPAddr()}
	if s.opt.SMTPUser != "" {
		u.User = url.User(s.opt.SMTPUser)
	}
	return u.String()
}

// Messages is the inbox: what arrived, refused or not, in the order of arrival. The messages are shared and
// must not be changed.
func (s *Server) Messages() []Message { return s.inbox.all() }

// Wait waits until n messages were accepted since the start, or since Clear, and returns the accepted ones that
// the inbox still holds, in the order of arrival. If ctx ends first, it returns them with the cause; if the
// server closes first, with net.ErrClosed.
func (s *Server) Wait(ctx context.Context, n int) ([]Message, error) { return s.inbox.wait(ctx, n) }

// Clear empties the inbox. What the stand-ins know stays: open incidents, the messages that may be edited.
func (s *Server) Clear() { s.inbox.clear() }

// Incidents are PagerDuty's incidents, in the order in which they were opened.
func (s *Server) Incidents() []Incident { return s.pager.list() }

// HECEvents are the events that the HTTP Event Collector indexed, in their order: also those that stood in a request before one
// that it refused.
func (s *Server) HECEvents() []HECEvent {
	s.hec.mu.Lock()
	defer s.hec.mu.Unlock()
	return slices.Clone(s.hec.indexed)
}

// RestartHEC makes the HTTP Event Collector forget what it has yet to acknowledge, and count from the beginning.
func (s *Server) RestartHEC() {
	s.hec.mu.Lock()
	defer s.hec.mu.Unlock()
	clear(s.hec.acks)
}

// Script queues replies for a service. Each takes the place of, delays or breaks one answer of that service, in
// order; then it answers by its own rules again.
func (s *Server) Script(service Service, replies ...Reply) { s.script.add(service, replies) }
