package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/config"
	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/enrich"
)

// enriched are the alerts of an input, with what the config adds to them.
func (e *env) enriched(ctx context.Context, in input, cfg *config.Config) iter.Seq2[*alert.Alert, error] {
	return func(yield func(*alert.Alert, error) bool) {
		for a, err := range e.alerts(ctx, in, cfg.Zone) {
			if !yield(cfg.Enrich.Enrich(a), err) {
				return
			}
		}
	}
}

// noteEnrichment says on stderr what could not be looked up.
func (e *env) noteEnrichment(of *enrich.Enricher) {
	for _, n := range of.Notes() {
		fmt.Fprintf(e.stderr, "note: enrich: %s\n", safe(n.String()))
	}
}

// writeAdded says what enrichment added to an alert; nothing where it added nothing.
func writeAdded(w io.Writer, a *alert.Alert) {
	if a.Added == nil {
		return
	}
	lines := append(enrich.Fields(a.Added), placeless(a.Added)...)
	slices.SortStableFunc(lines, func(a, b enrich.Field) int { return strings.Compare(a.Name, b.Name) })
	links := ownLinks(a)
	if len(lines) == 0 {
		fmt.Fprintf(w, "  Added: nothing is known of it beside.\n")
		return
	}
	fmt.Fprintf(w, "  Added:\n")
	width := 0
	for _, l := range lines {
		width = max(width, len(addedName(l)))
	}
	for _, l := range lines {
		fmt.Fprintf(w, "    %-*s  %s\n", width, addedName(l), addedValue(l, links))
	}
}

// placeless says why addresses have no place where databases were asked for it.
func placeless(added map[string]any) (out []enrich.Field) {
	for _, address := range []string{"srcip", "dstip"} {
		geo, asked := added[address+"_geo"]
		classes, _ := added[address+"_class"].([]any)
		switch {
		case !asked || geo != nil || len(classes) == 0:
		case classes[0] == "public":
			out = append(out, enrich.Field{Name: address + "_geo", Value: "nothing: no database that is read knows the address"})
		default:
			out = append(out, enrich.Field{Name: address + "_geo", Value: fmt.Sprintf("nothing: addresses of the class %v have no place", classes[0])})
		}
	}
	return out
}

// ownLinks are the links that tables of the operator's and the config's map give an alert. They may be followed, as in its messages.
func ownLinks(a *alert.Alert) map[string]bool {
	links := map[string]bool{}
	for _, s := range a.Shown {
		if s.Link && display.IsPageAddress(s.Value) {
			links[s.Value] = true
		}
	}
	return links
}

// addedValue is the value as a terminal shows it.
func addedValue(l enrich.Field, links map[string]bool) string {
	if links[l.Value] {
		return l.Value
	}
	return display.Quote(l.Value).Line().CutEnd(200).String()
}

// addedName is the name as a terminal shows it.
func addedName(l enrich.Field) string { return display.Quote(l.Name).Line().CutEnd(200).String() }

// enrich opens the sources of enrichment and, if asked to, asks the name server.
func (x *examination) enrich(ctx context.Context, online bool) {
	if x.cfg == nil || x.cfg.Enrich == nil {
		return
	}
	doubts := x.cfg.Enrich.Check(time.Now())
	for _, d := range doubts {
		x.warning("enrich", cmp.Or(d.Remedy, "mend the file, or the config; alerts go on"), "%s", display.Visible(d.Message))
	}
	var silent error
	if online {
		silent = x.cfg.Enrich.Probe(ctx)
	}
	if silent != nil {
		x.warning("enrich", "name one that answers under enrich: {reverse_dns: {server: ADDRESS}}; alerts go on without names", "reverse_dns: %s", safe(silent.Error()))
	}
	if len(doubts) == 0 && silent == nil {
		x.ok("enrich", "%s", x.cfg.Enrich)
	}
}
