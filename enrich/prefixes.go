package enrich

import (
	"encoding/binary"
	"iter"
	"maps"
	"net/netip"
	"slices"
)

// prefixes finds the narrowest network that an address is in. It is a map for each length that occurs, of which real lists have
// few; addresses by themselves are networks of full length.
type prefixes[V any] struct {
	v4 family[v4, V]
	v6 family[v6, V]
}

// v4 and v6 are addresses as numbers, which a map finds several times as fast as [netip.Addr], in a fraction of the memory.
type (
	v4 uint32
	v6 struct{ high, low uint64 }
)

func (a v4) masked(bits int) v4 { return a >> (32 - bits) << (32 - bits) }

func (a v6) masked(bits int) v6 {
	if bits <= 64 {
		return v6{a.high >> (64 - bits) << (64 - bits), 0}
	}
	return v6{a.high, a.low >> (128 - bits) << (128 - bits)}
}

func asV4(addr netip.Addr) v4 {
	b := addr.As4()
	return v4(binary.BigEndian.Uint32(b[:]))
}

func asV6(addr netip.Addr) v6 {
	b := addr.As16()
	return v6{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
}

type address[A any] interface {
	comparable
	masked(bits int) A
}

type family[A address[A], V any] struct {
	of []length[A, V] // the longest first
}

// length are the networks of one length.
type length[A address[A], V any] struct {
	bits int
	of   map[A]V
}

// put adds a network, unless it is there, and reports whether it did.
func (f *family[A, V]) put(addr A, bits int, v V) bool {
	i, there := slices.BinarySearchFunc(f.of, bits, func(l length[A, V], bits int) int { return bits - l.bits })
	if !there {
		f.of = slices.Insert(f.of, i, length[A, V]{bits, map[A]V{}})
	}
	of := f.of[i].of
	addr = addr.masked(bits)
	if _, twice := of[addr]; twice {
		return false
	}
	of[addr] = v
	return true
}

func (f *family[A, V]) get(addr A) (v V, ok bool) {
	for _, l := range f.of {
		if v, ok = l.of[addr.masked(l.bits)]; ok {
			break
		}
	}
	return v, ok
}

// put adds a network, unless it is there, and reports whether it did.
func (p *prefixes[V]) put(n netip.Prefix, v V) bool {
	addr, bits := n.Addr(), n.Bits()
	if addr.Is4In6() && bits >= 96 {
		addr, bits = addr.Unmap(), bits-96
	}
	if addr.Is4() {
		return p.v4.put(asV4(addr), bits, v)
	}
	return p.v6.put(asV6(addr), bits, v)
}

// get is the value of the narrowest network around an address.
func (p *prefixes[V]) get(addr netip.Addr) (v V, ok bool) {
	if addr.Is4() {
		return p.v4.get(asV4(addr))
	}
	return p.v6.get(asV6(addr))
}

// all are the values, in no order.
func (p *prefixes[V]) all() iter.Seq[V] {
	return func(yield func(V) bool) {
		for _, l := range p.v4.of {
			for v := range maps.Values(l.of) {
				if !yield(v) {
					return
				}
			}
		}
		for _, l := range p.v6.of {
			for v := range maps.Values(l.of) {
				if !yield(v) {
					return
				}
			}
		}
	}
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
