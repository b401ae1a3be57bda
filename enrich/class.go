package enrich

import "net/netip"

// The classes of addresses; an address is of one of them.
const (
	public        = "public"
	private       = "private"
	loopback      = "loopback"
	linkLocal     = "link_local"
	documentation = "documentation"
	cgnat         = "cgnat"
	multicast     = "multicast"
	reserved      = "reserved"
)

var classes = []string{public, private, loopback, linkLocal, documentation, cgnat, multicast, reserved}

// alone are the classes of an address that is of no other: a list of one, with no room for more. They are not changed.
var alone = func() map[string][]any {
	all := map[string][]any{}
	for _, class := range classes {
		all[class] = []any{class}
	}
	return all
}()

// special are the networks of IANA's registries of special-purpose addresses whose addresses are no host's on the Internet
// (iana.org/assignments/iana-ipv4-special-registry and iana-ipv6-special-registry), and those for multicast.
var special = func() *prefixes[string] {
	t := &prefixes[string]{}
	for class, nets := range map[string][]string{
		private:       {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"},
		loopback:      {"127.0.0.0/8", "::1/128"},
		linkLocal:     {"169.254.0.0/16", "fe80::/10"},
		documentation: {"192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "3fff::/20"},
		cgnat:         {"100.64.0.0/10"},
		multicast:     {"224.0.0.0/4", "ff00::/8"},
		reserved:      {"0.0.0.0/8", "192.0.0.0/24", "198.18.0.0/15", "240.0.0.0/4", "::/128", "100::/64", "2001:2::/48", "5f00::/16", "fec0::/10"},
	} {
		for _, n := range nets {
			t.put(netip.MustParsePrefix(n), class)
		}
	}
	return t
}()

// classOf is the class of an address.
func classOf(addr netip.Addr) string {
	if class, ok := special.get(addr); ok {
		return class
	}
	return public
}
