package syslog

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/yamlnode"
)

// The values of the setting format.
const (
	formatJSON = "json" // the document of docs/webhook.md
	formatCEF  = "cef"
	formatLEEF = "leef"
)

// The values of the setting header.
const (
	headerRFC5424 = "rfc5424"
	headerRFC3164 = "rfc3164"
)

// The values of the setting framing.
const (
	framingOctet   = "octet"   // RFC 6587, 3.4.1: the length before each message
	framingNewline = "newline" // RFC 6587, 3.4.2: a line end behind each
)

// The schemes of the setting address.
const (
	schemeTCP  = "tcp"
	schemeTLS  = "tls"
	schemeUDP  = "udp"
	schemeUnix = "unix"
)

// ports are those of a server that names none: RFC 5425, RFC 5426, and what IANA has for syslog over TCP.
var ports = map[string]string{schemeTCP: "601", schemeTLS: "6514", schemeUDP: "514"}

// Sizes of messages, in bytes.
const (
	// streamBytes is a little less than what rsyslog takes by default. It cuts a longer message, and takes the rest for a
	// message of its own that has no host.
	streamBytes   = 8000
	datagramBytes = 2048       // RFC 5426, 3.2: what a receiver should take
	oldBytes      = 1024       // RFC 3164, 4.1
	minBytes      = 480        // RFC 5424, 6.1: what every receiver takes
	maxDatagram   = 65_507     // what UDP over IPv4 can carry
	maxStream     = 16_000_000 // more than any receiver takes
)

// Names of facilities, at their numbers (RFC 5424, 6.2.1).
var facilities = []string{
	"kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp", "ntp", "audit", "console", "cron2",
	"local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
}

const defaultFacility = "local0" // OSSEC's own

// maxIdle is how long a connection is kept that nothing is sent on, where the config does not say: less than firewalls do.
const maxIdle = 5 * time.Minute

// Config are the settings of one receiver.
type Config struct {
	// Address is the server: tcp://, tls:// or udp:// with a host and perhaps a port, or unix:// with the path of a socket.
	Address string `yaml:"address"`
	// Format is what the text of a message is: json (without it), cef or leef.
	Format string `yaml:"format"`
	// Facility is a name or a number; local0 without it.
	Facility string `yaml:"facility"`
	// AppName and Hostname take the place of what the template says; each may be a template.
	AppName  string `yaml:"app_name"`
	Hostname string `yaml:"hostname"`
	// Enterprise is a private enterprise number of IANA's: with it the header has structured data of the name ossec@NUMBER.
	Enterprise int `yaml:"enterprise"`
	// Device takes the place of what CEF and LEEF say of who watches.
	Device Device `yaml:"device"`
	// MaxBytes is how long a message may be; what is longer is cut.
	MaxBytes yamlnode.Size `yaml:"max_bytes"`
	// Framing divides messages on a connection: octet, or newline for servers that know nothing else.
	Framing string `yaml:"framing"`
	// Header is rfc5424, or rfc3164 for receivers that know nothing else. Without it: what the socket of a host wants, rfc3164, else
	// rfc5424.
	Header string `yaml:"header"`
	// CAFile, CertFile and KeyFile are those of TLS: further certificates to trust, and our own with its key, in PEM.
	CAFile   string `yaml:"ca_file"`
	CertFile string `yaml:"cert_file"`
	KeyFile  string `yaml:"key_file"`
	// Idle is how long a connection is kept that nothing is sent on.
	Idle yamlnode.Duration `yaml:"idle"`
}

// Device names what CEF and LEEF call the device.
type Device struct {
	Vendor  string `yaml:"vendor"`
	Product string `yaml:"product"`
	Version string `yaml:"version"`
}

// server is what the setting address says.
type server struct {
	scheme     string
	host, port string
	path       string // of a socket
}

// String is the address as the config would have it, with its port.
func (s server) String() string {
	if s.scheme == schemeUnix {
		return "unix://" + s.path
	}
	return s.scheme + "://" + net.JoinHostPort(s.host, s.port)
}

// words name the server in errors, where an address with its scheme would be taken for a link.
func (s server) words() string {
	if s.scheme == schemeUnix {
		return "syslog at " + s.path
	}
	return "syslog at " + net.JoinHostPort(s.host, s.port) + " over " + strings.ToUpper(s.scheme)
}

// stream reports whether messages follow one another on a connection.
func (s server) stream() bool { return s.scheme == schemeTCP || s.scheme == schemeTLS }

var errAddress = errors.New("is no address such as tcp://siem.example.com:601, tls://siem.example.com:6514, udp://siem.example.com:514 or unix:///dev/log")

func parseAddress(text string) (server, error) {
	u, err := url.Parse(text)
	if err != nil {
		return server{}, errAddress
	}
	s := server{scheme: u.Scheme, host: u.Hostname(), port: cmp.Or(u.Port(), ports[u.Scheme]), path: u.Path}
	switch {
	case u.User != nil:
		return server{}, errors.New("holds a user name: syslog knows no log-in; with tls:// give a certificate in cert_file")
	case u.RawQuery != "" || u.Fragment != "":
		return server{}, errors.New("holds more than a host and a port: what follows the ? are settings of their own")
	case u.Scheme == schemeUnix:
		if u.Host != "" || !filepath.IsAbs(s.path) {
			return server{}, errors.New("is no path of a socket such as unix:///dev/log, with three strokes")
		}
		return s, nil
	case ports[u.Scheme] == "" || s.host == "":
		return server{}, errAddress
	case strings.Trim(u.Path, "/") != "":
		return server{}, errors.New("holds a path: a server of syslog has a host and a port alone")
	}
	if n, err := strconv.Atoi(s.port); err != nil || n < 1 || n > 65535 {
		return server{}, errors.New("the port is none: 1 to 65535")
	}
	s.path = ""
	return s, nil
}

// facility is its number.
func (c Config) facility() (int, bool) {
	name := cmp.Or(c.Facility, defaultFacility)
	if n, err := strconv.Atoi(name); err == nil {
		return n, n >= 0 && n < len(facilities)
	}
	n := slices.Index(facilities, strings.ToLower(name))
	return n, n >= 0
}

// Destinations are the servers that the receiver connects to, by the setting that names each.
func (c Config) Destinations(_ context.Context) map[string]string {
	s, err := parseAddress(c.Address)
	if err != nil || s.scheme == schemeUnix {
		return nil
	}
	return map[string]string{"address": s.String()}
}

// TemplateSettings are the settings that are templates, each by the part that it becomes.
func (c Config) TemplateSettings() map[string]string {
	return notifier.OnlyTemplates(map[string]string{"hostname": c.Hostname, "app_name": c.AppName})
}

// Validate reports every mistake in the settings, as FieldErrors.
func (c Config) Validate() error {
	var errs []error
	bad := func(key, format string, args ...any) {
		errs = append(errs, &notifier.FieldError{Key: key, Message: fmt.Sprintf(format, args...)})
	}
	oneOf := func(key, value string, known ...string) {
		if value != "" && !slices.Contains(known, value) {
			bad(key, "%q is none of %s", value, strings.Join(known, ", "))
		}
	}
	s, err := parseAddress(c.Address)
	switch {
	case c.Address == "":
		bad("address", "is missing: the server, such as tcp://siem.example.com:601")
	case err != nil:
		bad("address", "%v", err)
	}
	addressed := err == nil
	oneOf("format", c.Format, formatJSON, formatCEF, formatLEEF)
	oneOf("header", c.Header, headerRFC5424, headerRFC3164)
	oneOf("framing", c.Framing, framingOctet, framingNewline)
	if addressed && c.Framing != "" && !s.stream() {
		bad("framing", "is for tcp:// and tls://, where messages follow one another; a datagram is one message")
	}
	if _, ok := c.facility(); !ok {
		bad("facility", "%q is no facility: write a name such as local0 or auth, or a number from 0 to 23", c.Facility)
	}
	if c.Enterprise < 0 {
		bad("enterprise", "is no number of IANA's list of private enterprises")
	}
	if c.Enterprise > 0 && c.Header == headerRFC3164 {
		bad("enterprise", "is of no use with header: rfc3164, which has no structured data")
	}
	most := yamlnode.Size(maxStream)
	if s.scheme == schemeUDP {
		most = maxDatagram
	}
	if c.MaxBytes != 0 && (c.MaxBytes < minBytes || c.MaxBytes > most) {
		bad("max_bytes", "is %s: write %d to %s", c.MaxBytes, minBytes, most)
	}
	if addressed && s.scheme != schemeTLS {
		for key, file := range map[string]string{"ca_file": c.CAFile, "cert_file": c.CertFile, "key_file": c.KeyFile} {
			if file != "" {
				bad(key, "is of no use without TLS: write tls:// in the address")
			}
		}
	}
	if c.CertFile != "" && c.KeyFile == "" {
		bad("key_file", "is missing: the key of cert_file")
	}
	if c.KeyFile != "" && c.CertFile == "" {
		bad("cert_file", "is missing: the certificate of key_file")
	}
	if c.Idle < 0 {
		bad("idle", "is no time span such as 5m")
	}
	return errors.Join(errs...)
}

// ConfigFromURL makes the settings of a receiver that integratord's arguments describe: an address, and behind a ? some of the
// settings (format, facility, app_name, hostname, framing, header, enterprise, max_bytes).
//
//	tls://siem.example.com:6514?format=cef&facility=local4
func ConfigFromURL(hookURL string) (Config, error) {
	address, rest, _ := strings.Cut(hookURL, "?")
	query, err := url.ParseQuery(rest)
	if err != nil {
		return Config{}, &notifier.FieldError{Key: "address", Message: "what follows the ? is no list of format=… and the like"}
	}
	cfg := Config{Address: address}
	texts := map[string]*string{
		"format": &cfg.Format, "facility": &cfg.Facility, "app_name": &cfg.AppName, "hostname": &cfg.Hostname, "framing": &cfg.Framing, "header": &cfg.Header,
	}
	for key := range query {
		value := query.Get(key)
		if to := texts[key]; to != nil {
			*to = value
			continue
		}
		switch key {
		case "enterprise":
			if cfg.Enterprise, err = strconv.Atoi(value); err != nil {
				err = fmt.Errorf("%q is no number", value)
			}
		case "max_bytes":
			cfg.MaxBytes, err = yamlnode.ParseSize(value)
		default:
			return Config{}, &notifier.FieldError{Key: "address", Message: fmt.Sprintf("%q is none of format, facility, app_name, hostname, framing, header, enterprise, max_bytes", key)}
		}
		if err != nil {
			return Config{}, &notifier.FieldError{Key: key, Message: err.Error()}
		}
	}
	return cfg, cfg.Validate()
}
