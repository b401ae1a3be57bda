package window

import (
	"math"
	"time"
)

// The seconds of a day, as clocks count them.
const day = 24 * 60 * 60

// margin is more than clocks anywhere are away from UTC, and from what they showed before they were set.
const margin = 2 * day

// clock is what clocks show in a zone from since until before until, where they are not set: offset seconds more than
// UTC. They need not be set at since and until. Times are in Unix seconds; what clocks show is the Unix time at which clocks of UTC show the same.
type clock struct {
	zone                 *time.Location
	offset, since, until int64
}

// at is the clock of a zone at a time: c itself where it is that.
func (c clock) at(zone *time.Location, t int64) clock {
	if c.zone == zone && c.since <= t && t < c.until {
		return c
	}
	local := time.Unix(t, 0).In(zone)
	_, offset := local.Zone()
	c = clock{zone, int64(offset), math.MinInt64, math.MaxInt64}
	since, until := local.ZoneBounds()
	if !since.IsZero() {
		c.since = since.Unix()
	}
	if !until.IsZero() {
		c.until = until.Unix()
	}
	// Behind the table of a zone, ZoneBounds ends at the years of UTC, and those are 365 days long to it: on the last
	// day of a leap year, its end is over.
	if c.until <= t {
		c.until = (floor(t) + 1) * day
	}
	return c
}

// first is the first time at which clocks show wall or later.
func (c clock) first(wall int64) int64 {
	if t := wall - c.offset; c.steady(t) {
		return t
	}
	for c = c.at(c.zone, wall-margin); ; c = c.at(c.zone, c.until) {
		if t := max(c.since, wall-c.offset); t < c.until {
			return t
		}
	}
}

// last is the time from which on clocks show wall or later for good.
func (c clock) last(wall int64) int64 {
	if t := wall - c.offset; c.steady(t) {
		return t
	}
	for c = c.at(c.zone, wall+margin); ; c = c.at(c.zone, c.since-1) {
		if t := min(c.until, wall-c.offset); t > c.since {
			return t
		}
	}
}

// steady reports whether clocks are set at no time that could matter to what they show at t.
func (c clock) steady(t int64) bool { return c.since <= t-margin && t+margin < c.until }
