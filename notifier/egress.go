package notifier

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"go.yaml.in/yaml/v4"
)

// maxConnect bounds the look-up of a name and the connection to it.
const maxConnect = 10 * time.Second

// Dial makes a connection, as [net.Dialer.DialContext] does.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// Egress is the list of where connections may lead. A nil Egress permits everything, one without entries nothing.
//
// It is asked about the very address that a connection is made to, after DNS: neither a redirect nor a name that
// leads elsewhere than it did leaves the list. A name in it permits public addresses only, for whoever answers for
// the name decides where it leads: to this host, into the network behind it, or to a cloud's metadata. Addresses
// that are not public are permitted by entries that say so.
type Egress struct {
	allow    []EgressEntry
	resolver *net.Resolver // of tests; nil is the system's
}

// NewEgress makes the list of these entries.
func NewEgress(allow ...EgressEntry) *Egress { return &Egress{allow: allow} }

// EgressEntry is one entry: a name, all names below one, an address or a network. The zero value permits nothing.
type EgressEntry struct {
	name    string // in lower case; of *.example.com it is .example.com
	network netip.Prefix
	port    uint16 // 0 is every port
}

// UnmarshalYAML reads an entry.
func (e *EgressEntry) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind != yaml.ScalarNode {
		return errors.New(`write a name, an address or a network in quotes: "mail.example.com:587", "[2001:db8::7]:443"`)
	}
	var err error
	*e, err = ParseEgressEntry(node.Value)
	return err
}

// ParseEgressEntry reads hooks.slack.com, *.example.com, 192.0.2.7, 2001:db8::7, each also with a port
// (mail.example.com:587, [2001:db8::7]:443), or a network, 192.0.2.0/24.
func ParseEgressEntry(text string) (EgressEntry, error) {
	fail := func(format string, args ...any) (EgressEntry, error) {
		return EgressEntry{}, fmt.Errorf(format, args...)
	}
	if strings.Contains(text, "://") {
		if u, err := url.Parse(text); err == nil && u.Host != "" { // the rest may be a secret
			return fail(`"%s://…" is a URL: write its host alone, %s`, u.Scheme, u.Host)
		}
		return fail("this is a URL: write a host alone, such as hooks.slack.com")
	}
	if strings.Contains(text, "@") {
		return fail("this names a user: write a host alone, such as hooks.slack.com")
	}
	if before, _, ok := strings.Cut(text, "/"); ok {
		network, err := netip.ParsePrefix(text)
		switch {
		case err != nil && strings.Trim(before, "0123456789abcdefABCDEF.:") != "": // what follows may be a secret
			return fail("this is neither a host nor a network: write a host without a path, such as hooks.slack.com")
		case err != nil:
			return fail("%q is no network: write it as address/bits, such as 192.0.2.0/24 or 2001:db8::/32, without a port", text)
		}
		if addr := network.Addr(); addr.Is4In6() && network.Bits() >= 96 {
			network = netip.PrefixFrom(addr.Unmap(), network.Bits()-96)
		}
		if network != network.Masked() {
			return fail("%q has bits behind its network part: write %s, or one address without a /", text, network.Masked())
		}
		return EgressEntry{network: network}, nil
	}
	host, port := text, uint16(0)
	if h, p, err := net.SplitHostPort(text); err == nil {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil || n == 0 {
			return fail("%q: the port is none: 1 to 65535", text)
		}
		host, port = h, uint16(n)
	} else if strings.HasPrefix(text, "[") && strings.HasSuffix(text, "]") {
		host = text[1 : len(text)-1]
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		if addr.Zone() != "" {
			return fail("%q: leave the zone out: %s", text, addr.WithZone(""))
		}
		addr = addr.Unmap()
		return EgressEntry{network: netip.PrefixFrom(addr, addr.BitLen()), port: port}, nil
	}
	name := plainName(host)
	if name == "localhost" {
		return fail(`"localhost" is this host by name: write its addresses, 127.0.0.1 and "::1"`)
	}
	rest := name
	if below, ok := strings.CutPrefix(name, "*."); ok {
		name, rest = "."+below, below
	}
	if !isHostName(rest) {
		return fail("%q is no entry: write a host name (hooks.slack.com, *.example.com), an address or a network (192.0.2.0/24)", text)
	}
	return EgressEntry{name: name, port: port}, nil
}

// plainName is a host name as the list holds it: in lower case, without the dot at its end.
func plainName(host string) string { return strings.TrimSuffix(strings.ToLower(host), ".") }

// isHostName reports whether a name can be one that is looked up. A last label of digits is an address with a slip.
func isHostName(name string) bool {
	labels := strings.Split(name, ".")
	for _, l := range labels {
		if l == "" || len(l) > 63 || strings.Trim(l, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	return strings.Trim(labels[len(labels)-1], "0123456789") != ""
}

func (e EgressEntry) hasName(host string) bool {
	if strings.HasPrefix(e.name, ".") {
		return strings.HasSuffix(host, e.name)
	}
	return e.name != "" && host == e.name
}

func (e EgressEntry) hasPort(port uint16) bool { return e.port == 0 || e.port == port }

// Permits reports whether a connection may be made to an address that a host led to. The host may be the address.
func (e *Egress) Permits(host string, to netip.AddrPort) bool {
	if e == nil {
		return true
	}
	host, addr := plainName(host), to.Addr().Unmap().WithZone("")
	return slices.ContainsFunc(e.allow, func(a EgressEntry) bool {
		return a.hasPort(to.Port()) && (a.network.Contains(addr) || a.hasName(host) && isPublic(addr))
	})
}

// PermitsName reports whether a proxy may be asked for a host: only the proxy knows what address a name leads to, so the
// name itself must be in the list.
func (e *Egress) PermitsName(host string, port uint16) bool {
	if e == nil {
		return true
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		return e.Permits(host, netip.AddrPortFrom(addr, port))
	}
	return e.named(host, port)
}

func (e *Egress) named(host string, port uint16) bool {
	host = plainName(host)
	return slices.ContainsFunc(e.allow, func(a EgressEntry) bool { return a.hasPort(port) && a.hasName(host) })
}

// MayPermit reports whether any address that a host may lead to is permitted. It does not ask DNS.
func (e *Egress) MayPermit(host string, port uint16) bool {
	if e.PermitsName(host, port) {
		return true
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return false
	}
	if plainName(host) == "localhost" {
		return e.PermitsName("127.0.0.1", port) || e.PermitsName("::1", port)
	}
	return slices.ContainsFunc(e.allow, func(a EgressEntry) bool { return a.hasPort(port) && a.network.IsValid() })
}

// EgressError is a connection that was not made, because the list does not permit it.
type EgressError struct {
	// Address is what was to be connected to, with its port: a name where no address of it could be permitted, or where
	// a proxy was to be asked for it.
	Address string
	// Host is the name that led to the address, or "".
	Host string
	// Named: the list has the name, but none of the addresses that it leads to may be reached by a name alone.
	Named bool
	proxy bool
}

func (e *EgressError) Error() string {
	if e.Host != "" {
		return fmt.Sprintf("egress: %s (%s) is not in the allow-list", e.Address, e.Host)
	}
	return fmt.Sprintf("egress: %s is not in the allow-list", e.Address)
}

// Hint says what a person can do about it.
func (e *EgressError) Hint() string {
	switch {
	case e.Named:
		return "the name is in egress.allow, but a name permits public addresses only: if it should lead there, add the address or its network"
	case e.proxy:
		return "if alerts may go there, add the name to egress.allow: where a proxy looks it up, its address does not count"
	}
	return "if alerts may go there, add it to egress.allow in the config"
}

// Dial connects to an address that the list permits. A name may lead to several: those that are not permitted are
// left out. It is a [Dial].
func (e *Egress) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	d := net.Dialer{Timeout: maxConnect, KeepAlive: 30 * time.Second}
	if e == nil {
		return d.DialContext(ctx, network, address)
	}
	host, port, err := splitAddress(address)
	if err != nil {
		return nil, err
	}
	if !e.MayPermit(host, port) { // nor is its name looked up: that, too, would tell something to somebody
		return nil, &EgressError{Address: address}
	}
	d.Resolver = e.resolver
	var tried attempted
	d.ControlContext = func(_ context.Context, _, to string, _ syscall.RawConn) error {
		addr, err := netip.ParseAddrPort(to)
		if err != nil {
			return err
		}
		if !e.Permits(host, addr) {
			refused := &EgressError{Address: to, Named: e.named(host, port)}
			if _, err := netip.ParseAddr(host); err != nil {
				refused.Host = host
			}
			return refused
		}
		tried.add(to)
		return nil
	}
	conn, err := d.DialContext(ctx, network, address)
	refused := (*EgressError)(nil)
	if !errors.As(err, &refused) {
		return conn, err
	}
	// The dialer tells the first failure alone. Where it has tried other addresses too, theirs is the one that counts:
	// a server that is down will be up again.
	for _, to := range tried.list() {
		if conn, err = d.DialContext(ctx, network, to); err == nil {
			return conn, nil
		}
	}
	if errors.As(err, &refused) {
		return nil, refused
	}
	return nil, err
}

// attempted are the addresses that a dialer has tried, several at a time.
type attempted struct {
	mu        sync.Mutex
	addresses []string
}

func (a *attempted) add(address string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.addresses = append(a.addresses, address)
}

func (a *attempted) list() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.addresses)
}

// throughProxy is the Proxy function of a transport that asks a proxy for everything that the list permits.
func (e *Egress) throughProxy(proxy, target *url.URL) (*url.URL, error) {
	host, port, err := splitAddress(HostPort(target))
	if err != nil {
		return nil, err
	}
	if !e.PermitsName(host, port) {
		_, err := netip.ParseAddr(host)
		return nil, &EgressError{Address: HostPort(target), proxy: err != nil}
	}
	return proxy, nil
}

// HostPort is the address of a URL's server, with the scheme's port where the URL names none.
func HostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return net.JoinHostPort(u.Hostname(), port)
}

func splitAddress(address string) (host string, port uint16, err error) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, err
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return "", 0, fmt.Errorf("the port of %s is none: 1 to 65535", address)
	}
	return host, uint16(n), nil
}

// isPublic reports whether an address belongs to the internet at large: to none of the blocks for special purposes
// (https://www.iana.org/assignments/iana-ipv4-special-registry, iana-ipv6-special-registry), nor to a cloud's own
// services. An IPv6 address that stands for an IPv4 address (NAT64, 6to4) is what that is.
func isPublic(addr netip.Addr) bool {
	addr = addr.Unmap()
	if addr.Is4() {
		return !slices.ContainsFunc(special4, func(p netip.Prefix) bool { return p.Contains(addr) })
	}
	b := addr.As16()
	switch {
	case nat64.Contains(addr):
		return isPublic(netip.AddrFrom4([4]byte(b[12:16])))
	case sixToFour.Contains(addr):
		return isPublic(netip.AddrFrom4([4]byte(b[2:6])))
	}
	return global6.Contains(addr) && !slices.ContainsFunc(special6, func(p netip.Prefix) bool { return p.Contains(addr) })
}

var (
	special4 = prefixes(
		"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
		"192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
		"168.63.129.16/32", // Azure's own services, to every machine there
	)
	global6   = netip.MustParsePrefix("2000::/3")
	special6  = prefixes("2001::/23", "2001:db8::/32", "3fff::/20")
	nat64     = netip.MustParsePrefix("64:ff9b::/96")
	sixToFour = netip.MustParsePrefix("2002::/16")
)

func prefixes(texts ...string) []netip.Prefix {
	var all []netip.Prefix
	for _, text := range texts {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}
