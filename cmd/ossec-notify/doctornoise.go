package main

import (
	"context"
	"fmt"
	"time"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/digest"
	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/noise"
	"github.com/ossec-notify/ossec-notify/outbox"
)

// Thresholds of noise control.
const (
	manySilenced = 1000      // alerts of one silence
	lateBundle   = time.Hour // after its time
)

// noise looks at what keeps alerts from being told: what is right for an hour may be forgotten for a year.
func (x *examination) noise(ctx context.Context, db *outbox.DB) error {
	now := time.Now()
	silences, err := db.Silences(ctx, now)
	if err != nil {
		return err
	}
	open, err := noise.OpenBundles(ctx, db)
	if err != nil {
		return err
	}
	braked, err := noise.BrakedNow(ctx, db)
	if err != nil {
		return err
	}
	scale, zone := x.scaleAndZone()
	x.silences(silences, scale, zone, now)
	x.bundles(open, now)
	x.braked(braked)
	return nil
}

// silences tells of those that may hide more than somebody meant.
func (x *examination) silences(all []outbox.Silence, scale alert.Scale, zone *time.Location, now time.Time) {
	hold, doubtful := 0, false
	warn := func(s outbox.Silence, format string, args ...any) {
		doubtful = true
		x.warning("silences", fmt.Sprintf("see whether that is meant (ossec-notify silence list), else: ossec-notify silence expire %s", s.ID), "%s of %s (%s) %s", s.ID,
			display.Quote(s.By).Line(), display.Quote(s.Reason).Line().CutEnd(160), fmt.Sprintf(format, args...))
	}
	for _, s := range all {
		switch at := noise.StandingOf(s, scale, zone, now); {
		case at.Word == "broken":
			warn(s, "cannot be read by this version, so it silences nothing")
			continue
		case at.Word == "holds":
			hold++
		}
		if s.Ends.IsZero() && s.Every == "" {
			warn(s, "has no end")
		}
		for _, doubt := range doubtsAbout(s, scale) {
			warn(s, "%s", doubt)
		}
		if s.Silenced > manySilenced {
			warn(s, "has silenced %s alerts so far", display.Thousands(s.Silenced))
		}
	}
	switch {
	case doubtful:
	case hold == 1:
		x.ok("silences", "1 silence holds")
	case hold > 1:
		x.ok("silences", "%d silences hold", hold)
	}
}

// bundles tells of what should have been told long ago.
func (x *examination) bundles(open []noise.Open, now time.Time) {
	for _, b := range open {
		if b.Due.IsZero() || now.Sub(b.Due) < lateBundle {
			continue
		}
		remedy := "see the log"
		if !x.delivering {
			remedy = "ossec-notify serve tells it now (systemctl enable --now ossec-notify); without it, it waits for the next alert"
		}
		x.warning("digests", remedy, "%s was to be told %s ago, and is not (%s): %s", display.Quote(bundleWords(b)).Line(), display.Span(now.Sub(b.Due)), b.ID,
			"ossec-notify outbox list --states held shows what is in it")
	}
}

// braked tells which receivers have more waiting than they take.
func (x *examination) braked(all []noise.Braked) {
	for _, b := range all {
		x.warning("storm", "nothing, it ends by itself; to have fewer messages: docs/noise.md", "receiver %s is braked since %s: alerts up to %s come as digests (%s in %s so far)", b.Receiver,
			b.Since.Local().Format(time.DateTime), alert.Severity(b.Level).Word(), display.Count(b.Alerts, "alert"), display.Count(b.Digests, string(digest.Scheduled)))
	}
}

// windows tells of routes that will tell nobody any more, and of windows that are over.
func (x *examination) windows() {
	if x.cfg == nil {
		return
	}
	for _, p := range x.cfg.CheckWindows(time.Now()) {
		x.warning("windows", "mend active, mute or the dates of its windows", "%s", p.Message)
	}
}
