package alert

import (
	"net/netip"
	"strings"
)

// endpoint reads what stands in the place of an address, and a port beside it. Cloud services write the port
// into the address, Windows maps IPv4 into IPv6, OSSEC with GeoIP adds " / US".
func endpoint(text, port string) Endpoint {
	if !says(text) {
		return Endpoint{}
	}
	e := Endpoint{Text: text, Port: portText(port)}
	address := text
	if before, geo, found := strings.Cut(text, " / "); found {
		address, e.Geo = before, strings.TrimSpace(geo)
	}
	address = strings.TrimSpace(address)
	if addr, err := netip.ParseAddr(strings.Trim(address, "[]")); err == nil {
		e.IP = addr.Unmap().WithZone("").String()
	} else if pair, err := netip.ParseAddrPort(address); err == nil {
		e.IP = pair.Addr().Unmap().WithZone("").String()
		if e.Port == "" {
			e.Port = portText(address[strings.LastIndexByte(address, ':')+1:])
		}
	}
	return e
}

// portText is a port, or nothing for the ways in which a missing one is written.
func portText(s string) string {
	if !says(s) || s == "0" {
		return ""
	}
	return s
}
