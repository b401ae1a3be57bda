package email

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/ossec-notify/ossec-notify/notifier"
)

// The values of the setting tls.
const (
	tlsStartTLS = "starttls" // required, never given up for a server that does not offer it
	tlsImplicit = "implicit" // from the first byte, as on port 465
	tlsNone     = "none"
)

// Config are the settings of one receiver.
type Config struct {
	// SMTP is the server: smtp://[user@]host[:port], or smtps:// for TLS from the first byte. Without a port it
	// is 587 with starttls, 465 with implicit TLS, 25 with none.
	SMTP string `yaml:"smtp"`
	// Username and Password log in; without a user name there is no log-in. The user may stand in SMTP instead.
	Username string          `yaml:"username"`
	Password notifier.Secret `yaml:"password"`
	// From is the sender, in the header and on the envelope. A display name in it wins over the template's.
	From string    `yaml:"from"`
	To   Addresses `yaml:"to"`
	CC   Addresses `yaml:"cc"`
	// BCC get the mail and stand in no header.
	BCC     Addresses `yaml:"bcc"`
	ReplyTo string    `yaml:"reply_to"`
	// TLS is starttls, implicit or none. Without it: implicit for smtps:// and port 465, none for a server on
	// this host, else starttls.
	TLS string `yaml:"tls"`
	// CAFile holds further certificates to trust, in PEM.
	CAFile string `yaml:"ca_file"`
	// CertFile and KeyFile are the client's own certificate, for servers that ask for one.
	CertFile string `yaml:"cert_file"`
	KeyFile  string `yaml:"key_file"`
	// HeloName is the name that we greet with; the host's own without it.
	HeloName string `yaml:"helo"`
}

// Addresses are mail addresses, in YAML one text or a list of them. A text may hold several, between commas.
type Addresses []string

// UnmarshalYAML reads both forms.
func (a *Addresses) UnmarshalYAML(node *yaml.Node) error {
	switch node.Kind {
	case yaml.ScalarNode:
		*a = Addresses{node.Value}
		return nil
	case yaml.SequenceNode:
		return node.Decode((*[]string)(a))
	}
	return errors.New("give an address or a list of addresses")
}

// parse reads the addresses.
func (a Addresses) parse() ([]*mail.Address, error) {
	var all []*mail.Address
	for _, text := range a {
		if strings.Contains(text, "://") { // which may hold a password
			return nil, errors.New("a URL is no mail address such as root@example.com")
		}
		list, err := mail.ParseAddressList(text)
		if err != nil {
			return nil, fmt.Errorf("%q is no mail address such as root@example.com (%s)", text, strings.TrimPrefix(err.Error(), "mail: "))
		}
		for _, address := range list {
			if !isPrintableASCII(address.Address) {
				return nil, fmt.Errorf("%q holds letters that not every mail server takes; write the domain in its xn-- form", address.Address)
			}
		}
		all = append(all, list...)
	}
	return all, nil
}

// server is what the setting smtp says, with what follows from it.
type server struct {
	host, port string
	user       string
	tls        string
}

func (s server) address() string { return net.JoinHostPort(s.host, s.port) }

func (s server) onThisHost() bool {
	ip := net.ParseIP(s.host)
	return s.host == "localhost" || (ip != nil && ip.IsLoopback())
}

var defaultPorts = map[string]string{tlsStartTLS: "587", tlsImplicit: "465", tlsNone: "25"}

// Destinations are the servers that the receiver connects to, by the setting that names each.
func (c Config) Destinations(_ context.Context) map[string]string {
	s, mistake := c.server()
	if mistake != nil {
		return nil
	}
	return map[string]string{"smtp": "smtp://" + s.address()}
}

// server reads SMTP, TLS and Username.
func (c Config) server() (server, *notifier.FieldError) {
	fail := func(key, message string) (server, *notifier.FieldError) {
		return server{}, &notifier.FieldError{Key: key, Message: message}
	}
	if c.SMTP == "" {
		return fail("smtp", "is missing: the mail server, such as smtp://mail.example.com")
	}
	u, err := url.Parse(c.SMTP)
	if err != nil || (u.Scheme != "smtp" && u.Scheme != "smtps") || u.Hostname() == "" {
		return fail("smtp", "is no address such as smtp://mail.example.com:587 or smtps://mail.example.com")
	}
	if strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return fail("smtp", "holds more than a user, a host and a port; from, to and the others are settings of their own")
	}
	if _, set := u.User.Password(); set {
		return fail("smtp", "holds a password: put it into the setting password")
	}
	s := server{host: u.Hostname(), port: u.Port(), user: cmp.Or(c.Username, u.User.Username()), tls: c.TLS}
	if n, err := strconv.Atoi(s.port); s.port != "" && (err != nil || n < 1 || n > 65535) {
		return fail("smtp", "the port is none: 1 to 65535")
	}
	implied := ""
	if u.Scheme == "smtps" || s.port == defaultPorts[tlsImplicit] {
		implied = tlsImplicit
	}
	switch {
	case s.tls != "" && defaultPorts[s.tls] == "":
		return fail("tls", fmt.Sprintf("%q is none of starttls, implicit, none", s.tls))
	case u.Scheme == "smtps" && s.tls != "" && s.tls != tlsImplicit:
		return fail("tls", fmt.Sprintf("%s contradicts smtps://, which means implicit; write smtp://", s.tls))
	case s.tls == "" && implied != "":
		s.tls = implied
	case s.tls == "" && s.onThisHost():
		s.tls = tlsNone
	case s.tls == "":
		s.tls = tlsStartTLS
	}
	s.port = cmp.Or(s.port, defaultPorts[s.tls])
	return s, nil
}

// Validate reports every mistake in the settings, as FieldErrors.
func (c Config) Validate() error {
	var errs []error
	bad := func(key, format string, args ...any) {
		errs = append(errs, &notifier.FieldError{Key: key, Message: fmt.Sprintf(format, args...)})
	}
	s, mistake := c.server()
	switch {
	case mistake != nil:
		errs = append(errs, mistake)
	case s.user == "" && !c.Password.IsZero():
		bad("username", "is missing: there is a password")
	case s.user != "" && c.Password.IsZero():
		bad("password", "is missing: there is a user name")
	case s.user != "" && s.tls == tlsNone && !s.onThisHost():
		bad("tls", "none would send the password readable over the network; use starttls or implicit")
	}
	if c.From == "" {
		bad("from", "is missing: the sender's address")
	} else if from, err := (Addresses{c.From}).parse(); err != nil {
		bad("from", "%v", err)
	} else if len(from) != 1 {
		bad("from", "holds %d addresses, must be one", len(from))
	}
	if len(c.To) == 0 {
		bad("to", "is missing: who gets the mail")
	}
	for _, list := range []struct {
		key       string
		addresses Addresses
	}{{"to", c.To}, {"cc", c.CC}, {"bcc", c.BCC}} {
		if _, err := list.addresses.parse(); err != nil {
			bad(list.key, "%v", err)
		}
	}
	if c.ReplyTo != "" {
		if _, err := (Addresses{c.ReplyTo}).parse(); err != nil {
			bad("reply_to", "%v", err)
		}
	}
	if c.CertFile != "" && c.KeyFile == "" {
		bad("key_file", "is missing: the key of cert_file")
	}
	if c.KeyFile != "" && c.CertFile == "" {
		bad("cert_file", "is missing: the certificate of key_file")
	}
	if v, ok := c.Password.Plain(); ok {
		if err := notifier.HeaderValue(v); err != nil {
			bad("password", "%v", err)
		}
	}
	if c.HeloName != "" && (!isPrintableASCII(c.HeloName) || strings.ContainsAny(c.HeloName, " <>")) {
		bad("helo", "is no host name")
	}
	return errors.Join(errs...)
}

// ConfigFromURL makes the settings of a receiver that integratord's arguments describe:
//
//	smtp://user@host:587/?from=ossec@example.com&to=root@example.com,soc@example.com
//
// with the password in an argument of its own, or behind the user's name. The keys cc, bcc, reply_to, tls and
// helo are known too. A + stands for itself, as it does in addresses. The error holds no part of the URL but
// addresses.
func ConfigFromURL(hookURL string, password notifier.Secret) (Config, error) {
	u, err := url.Parse(hookURL)
	if err != nil {
		return Config{}, &notifier.FieldError{Key: "smtp", Message: "is no address such as smtp://user@mail.example.com:587/?from=…&to=…"}
	}
	query, err := url.ParseQuery(strings.ReplaceAll(u.RawQuery, "+", "%2B"))
	if err != nil {
		return Config{}, &notifier.FieldError{Key: "smtp", Message: "what follows the ? is no list of from=… and to=…"}
	}
	for key := range query {
		if !slices.Contains([]string{"from", "to", "cc", "bcc", "reply_to", "tls", "helo"}, key) {
			return Config{}, &notifier.FieldError{Key: "smtp", Message: fmt.Sprintf("%q is none of from, to, cc, bcc, reply_to, tls, helo", key)}
		}
	}
	cfg := Config{
		Username: u.User.Username(),
		Password: password,
		From:     query.Get("from"),
		To:       query["to"],
		CC:       query["cc"],
		BCC:      query["bcc"],
		ReplyTo:  query.Get("reply_to"),
		TLS:      query.Get("tls"),
		HeloName: query.Get("helo"),
	}
	if p, _ := u.User.Password(); cfg.Password.IsZero() {
		cfg.Password = notifier.PlainSecret(p)
	}
	u.User, u.RawQuery = nil, ""
	cfg.SMTP = u.String()
	return cfg, cfg.Validate()
}

func isPrintableASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r < 0x20 || r > 0x7e }) < 0
}
