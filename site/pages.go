package site

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"
	"unicode"

	"github.com/ossec-notify/ossec-notify/config"
	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/oncall"
	"github.com/ossec-notify/ossec-notify/outbox"
)

// pages finds out which pages people took at the service that sent them, for as long as others would be told otherwise, and
// notes it in the outbox. It is for one goroutine.
type pages struct {
	site *Site
	box  *outbox.DB
	log  *slog.Logger

	of       *config.Config // whose accounts these are
	accounts map[string]*pageAccount
	alerts   map[pageKey][]outbox.Delivery // the pages of this round
}

// pageAccount is that of one receiver, made when it is asked first. Where that fails for a file that is missing or broken, it is
// tried again each time.
type pageAccount struct {
	receiver *config.Receiver
	source   *oncall.Source
	said     string
}

type pageKey struct {
	source *oncall.Source
	key    string
}

// run works until ctx ends.
func (p *pages) run(ctx context.Context) {
	(&oncall.Poller{Waiting: p.waiting, Changed: p.changed, Log: p.log}).Run(ctx)
}

// waiting are the pages that were told, of alerts that nobody has taken and of which others are to be told yet.
func (p *pages) waiting(ctx context.Context) ([]oncall.Waiting, error) {
	p.alerts = map[pageKey][]outbox.Delivery{}
	if cfg := p.site.Config(); cfg != p.of {
		p.of, p.accounts = cfg, map[string]*pageAccount{}
		if cfg != nil {
			for _, r := range cfg.Receivers {
				if _, _, ok := r.Config.API(); ok {
					p.accounts[r.Name] = &pageAccount{receiver: r}
				}
			}
		}
	}
	if len(p.accounts) == 0 {
		return nil, nil
	}
	told, err := p.box.Escalating(ctx)
	if err != nil {
		return nil, err
	}
	var out []oncall.Waiting
	for _, d := range told {
		source := p.source(d.Receiver)
		receipt, ok := notifier.ParseRef(d.Receipt)
		if source == nil || !ok {
			continue
		}
		key := pageKey{source, receipt.ID}
		p.alerts[key] = append(p.alerts[key], d)
		out = append(out, oncall.Waiting{Key: receipt.ID, Triggered: d.Changed, Source: source})
	}
	return out, nil
}

// source is the account of a receiver; nil where there is nobody to ask.
func (p *pages) source(receiver string) *oncall.Source {
	a := p.accounts[receiver]
	if a == nil {
		return nil
	}
	if a.source == nil {
		var err error
		a.source, err = p.of.Incidents(a.receiver)
		if err != nil && err.Error() != a.said {
			a.said = err.Error()
			p.log.Error("cannot ask who took pages; acknowledgements there are not seen", "receiver", receiver, "err", err)
		}
	}
	return a.source
}

// changed notes that people took what was told by a page. What was resolved by no person, as PagerDuty does with incidents
// that are old enough, was answered by nobody.
func (p *pages) changed(ctx context.Context, w oncall.Waiting, found oncall.Incident) error {
	via := "PagerDuty"
	switch {
	case found.Status == oncall.Resolved && !found.Person:
		p.log.Warn("resolved in PagerDuty, by no person: the escalation goes on", "key", w.Key, "by", CleanName(found.By))
		return nil
	case found.Status == oncall.Resolved:
		via = resolvedInPagerDuty
	case found.Status != oncall.Acknowledged: // the acknowledgement timed out there, after it was told here
		return nil
	}
	at := time.Now()
	if found.At.After(w.Triggered) && found.At.Before(at) { // else it is the time of what was before, or of another clock
		at = found.At
	}
	by := cmp.Or(CleanName(found.By), "somebody")
	var errs []error
	for _, d := range p.alerts[pageKey{w.Source, w.Key}] {
		ack, first, err := p.box.Acknowledge(ctx, outbox.Ack{Identity: d.Alert.Identity, Occurrence: d.Alert.Occurrence, By: by, Via: via, Receiver: d.Receiver, At: at})
		switch {
		case errors.Is(err, outbox.ErrNotFound): // it was removed for its age
		case err != nil:
			errs = append(errs, err)
		case first:
			p.log.Info("alert is taken", "alert", d.Alert.Identity, "by", ack.By, "via", ack.Via)
		}
	}
	return errors.Join(errs...)
}

// resolvedInPagerDuty is how somebody took an alert who ended its incident there.
const resolvedInPagerDuty = "PagerDuty, resolved"

// maxName is how long the name of a person is kept, in characters.
const maxName = 60

// CleanName is a person's name as somebody typed it, without what is no letter of a name, and not too long.
func CleanName(s string) string {
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "")))
	return display.Quote(s).Line().CutEnd(maxName).String()
}
