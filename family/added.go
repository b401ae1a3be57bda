package family

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/display"
)

// addPlaces says behind the address of a fact where it is and whose, as far as enrichment knows.
func (r *Reading) addPlaces(a *alert.Alert) {
	if a.Added == nil {
		return
	}
	for i, f := range r.Facts {
		name, of := "srcip", a.Source
		switch f.Label {
		case "From", "Address":
		case "To":
			name, of = "dstip", a.Destination
		default:
			continue
		}
		address := firstOf(of.IP, of.Text)
		if address == "" || !strings.Contains(f.Value.Raw(), address) { // of another address
			continue
		}
		if place := placeText(a.Added, name); !place.IsZero() {
			r.Facts[i].Value = display.Join(f.Value, w(" ("), place, w(")")).Line().Cut(maxValue)
		}
	}
}

// kinds of addresses that the address itself shows, or that say nothing.
var plainClasses = []string{"public", "private", "loopback", "link_local", "documentation", "cgnat", "multicast", "reserved"}

// placeText is what there is to say of an address: `Berlin DE`, AS64500 `Example Net`, tor, `host.example.net`.
func placeText(added map[string]any, address string) display.Text {
	geo, _ := added[address+"_geo"].(map[string]any)
	text := func(key string, n int) string {
		s, _ := geo[key].(string)
		return display.Quote(s).Line().CutEnd(n).Raw()
	}
	city, country := text("city", 40), text("country", 2)
	where := strings.TrimSpace(city + " " + country)
	if city == "" {
		where = firstOf(text("country_name", 40), country)
	}
	parts := []display.Text{opt("", where, "")}
	as := opt("", text("as_org", 60), "")
	if n := wholeNumber(geo["asn"]); n > 0 {
		as = list(" ", w("AS"+strconv.FormatInt(n, 10)), as)
	}
	parts = append(parts, as)
	if classes, ok := added[address+"_class"].([]any); ok {
		for _, c := range classes {
			if c := fmt.Sprint(c); !slices.Contains(plainClasses, c) {
				parts = append(parts, q(c))
			}
		}
	}
	name, _ := added[address+"_name"].(string)
	return list(", ", append(parts, opt("", name, ""))...)
}

func wholeNumber(v any) int64 {
	switch v := v.(type) {
	case int64:
		return v
	case float64:
		return int64(v)
	}
	return 0
}
