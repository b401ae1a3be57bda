package noise

import (
	"time"

	"github.com/ossec-notify/ossec-notify/outbox"
)

// sees notes on which of the last days the alert's rule fired, once a day.
func (c *Control) sees(tx *outbox.Tx, in *arrival) error {
	if in.known || in.Rule.ID == "" {
		return nil
	}
	key := ruleKey + in.Rule.ID
	today := in.now.Unix() / (24 * 60 * 60)
	days, _, err := get[ruleDays](tx, key)
	if err != nil || days.Last == today {
		return err
	}
	days.Bits, days.Last = days.Bits<<min(max(today-days.Last, 0), 63)|1, today
	return set(tx, key, days, in.now.Add(ruleMemory))
}

// ruleDays are the days, counted from 1970, on which a rule fired: Last, and one bit for each before, the lowest for Last.
type ruleDays struct {
	Last int64  `json:"last"`
	Bits uint64 `json:"bits"`
}

const ruleMemory = 60 * 24 * time.Hour

// firedInWeekBefore reports whether a rule fired in the seven days before that of a time.
func (d ruleDays) firedInWeekBefore(at time.Time) bool {
	ago := d.Last - at.Unix()/(24*60*60) // of Last, as seen from that day: 0 when it is that day
	if ago < 0 {
		return -ago <= 7
	}
	return ago < 57 && d.Bits>>(ago+1)&0x7f != 0
}
