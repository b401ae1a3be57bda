package rules

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/ossec-notify/ossec-notify/alert"
)

// addressMatcher holds for alerts with an address in one of some networks. IPv4 inside IPv6 (::ffff:192.0.2.7) is IPv4
// on both sides. A network without a zone holds the addresses of every zone.
type addressMatcher struct {
	key      string
	text     func(*alert.Alert) string // what the alert says, to be read as an address
	networks []network
}

// network is an address or a CIDR block, in the form to compare with and in the form to show.
type network struct {
	prefix netip.Prefix // of one address: all its bits
	zone   string
}

func (n network) has(addr netip.Addr) bool {
	return (n.zone == "" || n.zone == addr.Zone()) && n.prefix.Contains(addr.WithZone(""))
}

func (n network) single() bool { return n.prefix.IsSingleIP() }

func (n network) String() string {
	if n.single() {
		return n.prefix.Addr().WithZone(n.zone).String()
	}
	return n.prefix.String()
}

func (n network) verb() string {
	if n.single() {
		return "is"
	}
	return "is in"
}

func (m *addressMatcher) holds(a *alert.Alert) bool {
	addr, ok := readAddress(m.text(a))
	if !ok {
		return false
	}
	for _, n := range m.networks {
		if n.has(addr) {
			return true
		}
	}
	return false
}

func (m *addressMatcher) explain(a *alert.Alert) (bool, string) {
	text := m.text(a)
	if text == "" {
		return false, "the alert has no " + m.key
	}
	addr, ok := readAddress(text)
	if !ok {
		return false, m.key + " " + quote(text) + " is no address"
	}
	subject := m.key + " " + shown(addr.String())
	for _, n := range m.networks {
		if n.has(addr) {
			return true, subject + " " + n.verb() + " " + n.String()
		}
	}
	if len(m.networks) == 1 {
		return false, subject + " " + negated(m.networks[0].verb()) + " " + m.networks[0].String()
	}
	return false, subject + " is in none of " + list(m.networks, network.String)
}

// readAddress reads an address of an alert. The look at the first byte keeps the error of netip.ParseAddr, which
// costs an allocation, for text that is nearly an address.
func readAddress(text string) (netip.Addr, bool) {
	if text == "" || !strings.ContainsAny(text[:1], "0123456789abcdefABCDEF:") {
		return netip.Addr{}, false
	}
	addr, err := netip.ParseAddr(text)
	return addr.Unmap(), err == nil
}

func sourceIP(a *alert.Alert) string { return endpointIP(&a.Source) }

func destinationIP(a *alert.Alert) string { return endpointIP(&a.Destination) }

// endpointIP falls back to the text, which may be an address with a zone or a word that the reason can show.
func endpointIP(e *alert.Endpoint) string {
	if e.IP != "" {
		return e.IP
	}
	return e.Text
}

func agentIP(a *alert.Alert) string { return a.Agent.IP }

// addresses builds the matcher of `srcip`, `dstip` and `agent_ip`.
func (p *parser) addresses(key string, values []value, text func(*alert.Alert) string) matcher {
	m := &addressMatcher{key: key, text: text}
	for _, v := range values {
		n, given, err := parseNetwork(key, strings.TrimSpace(v.text))
		if err != nil {
			p.problem(v.node, "%v", err)
			continue
		}
		if given != n.prefix.Addr() {
			p.warn(v.node, "%s has bits behind its network part: it means %s", strings.TrimSpace(v.text), n)
		}
		m.networks = append(m.networks, n)
	}
	if len(m.networks) < len(values) {
		return nil
	}
	return m
}

// parseNetwork reads an address or a CIDR block, and returns the address that was written too.
func parseNetwork(key, text string) (n network, given netip.Addr, err error) {
	if strings.HasPrefix(text, "!") {
		return n, given, fmt.Errorf("%s takes no !: write not: {%s: %s}", key, key, strings.TrimLeft(text, "! "))
	}
	if !strings.Contains(text, "/") {
		addr, err := netip.ParseAddr(text)
		if err != nil {
			return n, given, fmt.Errorf("%q is no address: write one such as 192.0.2.7, or a network such as 192.0.2.0/24", text)
		}
		addr = addr.Unmap()
		given = addr.WithZone("")
		return network{netip.PrefixFrom(given, given.BitLen()), addr.Zone()}, given, nil
	}
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		return n, given, fmt.Errorf("%q is no network: write it as address/bits, such as 192.0.2.0/24 or 2001:db8::/32", text)
	}
	if given = prefix.Addr(); given.Is4In6() && prefix.Bits() >= 96 {
		given = given.Unmap()
		prefix = netip.PrefixFrom(given, prefix.Bits()-96)
	}
	return network{prefix: prefix.Masked()}, given, nil
}
