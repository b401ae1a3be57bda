package enrich

import (
	"net/netip"
	"slices"
)

// prefixes finds the narrowest network that an address is in. It is a map for each length that occurs, of which real lists have
// few; addresses by themselves are networks of full length.
type prefixes[V any] struct {
	v4, v6 family[V]
}

type family[V any] struct {
	lengths []int // the longest first
	of      map[int]map[netip.Addr]V
}

func newPrefixes[V any]() *prefixes[V] {
	return &prefixes[V]{family[V]{of: map[int]map[netip.Addr]V{}}, family[V]{of: map[int]map[netip.Addr]V{}}}
}

func (p *prefixes[V]) family(addr netip.Addr) *family[V] {
	if addr.Is4() {
		return &p.v4
	}
	return &p.v6
}

// put adds a network, unless it is there, and reports whether it did.
func (p *prefixes[V]) put(n netip.Prefix, v V) bool {
	if addr := n.Addr(); addr.Is4In6() && n.Bits() >= 96 {
		n = netip.PrefixFrom(addr.Unmap(), n.Bits()-96)
	}
	n = n.Masked()
	f := p.family(n.Addr())
	m := f.of[n.Bits()]
	if m == nil {
		m = map[netip.Addr]V{}
		f.of[n.Bits()] = m
		f.lengths = append(f.lengths, n.Bits())
		slices.SortFunc(f.lengths, func(a, b int) int { return b - a })
	}
	if _, twice := m[n.Addr()]; twice {
		return false
	}
	m[n.Addr()] = v
	return true
}

// get is the value of the narrowest network around an address.
func (p *prefixes[V]) get(addr netip.Addr) (v V, ok bool) {
	f := p.family(addr)
	for _, length := range f.lengths {
		n, err := addr.Prefix(length)
		if err != nil {
			continue
		}
		if v, ok := f.of[length][n.Addr()]; ok {
			return v, true
		}
	}
	return v, false
}

// parseNetwork reads an address or a network. Bits behind the mask do not matter.
func parseNetwork(text string) (netip.Prefix, bool) {
	if n, err := netip.ParsePrefix(text); err == nil {
		return n, true
	}
	addr, err := netip.ParseAddr(text)
	if err != nil || addr.Zone() != "" {
		return netip.Prefix{}, false
	}
	return netip.PrefixFrom(addr, addr.BitLen()), true
}
