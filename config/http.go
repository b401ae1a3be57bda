package config

import (
	"fmt"
	"net"
	"slices"
	"strconv"

	"github.com/ossec-notify/ossec-notify/listen"
	"github.com/ossec-notify/ossec-notify/notifier"
)

// HTTP says where serve answers, and to whom. In the config it may be the address alone.
type HTTP struct {
	// Listen is host:port; "" for nowhere.
	Listen string `yaml:"listen"`
	// Hosts are further names that it is asked by.
	Hosts []string `yaml:"hosts"`
	// Token is asked for what tells more than whether it runs; none is demanded where it is not set.
	Token notifier.Secret `yaml:"token"`
	// URL is where people reach it: below it lie the links by which they take an alert. Without it there are none.
	URL string `yaml:"url"`
}

// Names are the further names that it answers to.
func (c HTTP) Names() []string {
	if u, err := notifier.ParseURL(c.URL); err == nil {
		return append(slices.Clip(c.Hosts), u.Hostname())
	}
	return c.Hosts
}

// Short is what a single value stands for.
func (c *HTTP) Short() any { return &c.Listen }

// faults are mistakes; doubts are what is allowed, and perhaps not meant.
func (c HTTP) faults() (fault, doubt string) {
	host, port, err := net.SplitHostPort(c.Listen)
	if n, portErr := strconv.ParseUint(port, 10, 16); err != nil || portErr != nil || n == 0 {
		return fmt.Sprintf("%q is no address to listen at: write host:port, such as 127.0.0.1:9720", c.Listen), ""
	}
	if c.URL != "" {
		if u, err := notifier.ParseURL(c.URL); err != nil || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			return "url is no address such as https://notify.example.com", ""
		}
	}
	if !listen.Loopback(host) && c.Token.IsZero() {
		doubt = fmt.Sprintf("others than this host can reach %s and read the metrics: listen at 127.0.0.1, or demand a token: http: {listen: %q, token: {file: PATH}}", c.Listen, c.Listen)
	}
	return "", doubt
}
