package main

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/ossec-notify/ossec-notify/config"
	"github.com/ossec-notify/ossec-notify/notifier"
)

// checkEgress warns of receivers that the config's own allow-list cuts off. It asks no DNS: what a name leads to is
// looked at when the connection is made.
func checkEgress(ctx context.Context, cfg *config.Config) []finding {
	if cfg.Egress == nil {
		return nil
	}
	var found []finding
	for i, r := range cfg.All() {
		all, permits := r.Config.Destinations(ctx), cfg.Egress.MayPermit
		what := "nothing can be sent"
		if i >= len(cfg.Receivers) {
			what = "nobody can be asked"
		}
		warn := func(key, address string, permits func(host string, port uint16) bool) {
			u, err := url.Parse(address)
			if err != nil || u.Host == "" {
				return // said elsewhere
			}
			to := notifier.HostPort(u)
			host, port, err := net.SplitHostPort(to)
			n, _ := strconv.ParseUint(port, 10, 16)
			if err != nil || permits(host, uint16(n)) {
				return
			}
			what := what
			if strings.HasPrefix(key, "api_") && r.Channel.Pages { // who took its incidents
				what = "nobody can be asked"
			}
			f := findingAbout(r, &notifier.FieldError{Key: key, Message: fmt.Sprintf("leads to %s, which is not in egress.allow: %s there", to, what)}, exitDone)
			f.Warning = true
			found = append(found, f)
		}
		if n := r.Config.Network(); !n.Proxy.IsZero() {
			proxy, _ := n.Proxy.Read(ctx) // checkSecrets says why not
			warn("network.proxy", proxy, permits)
			permits = cfg.Egress.PermitsName
		}
		for _, key := range slices.Sorted(maps.Keys(all)) {
			warn(key, all[key], permits)
		}
	}
	return found
}
