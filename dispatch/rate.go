package dispatch

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Rate is how many messages a destination takes: Count in each Per, and Burst at once.
type Rate struct {
	Count int
	Per   time.Duration
	Burst int
}

// ParseRate reads "1/s", "120/m", "20/h". The burst is a tenth of the count, at least 1.
func ParseRate(text string) (Rate, error) {
	count, unit, ok := strings.Cut(text, "/")
	n, err := strconv.Atoi(strings.TrimSpace(count))
	per := map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}[strings.TrimSpace(unit)]
	if !ok || err != nil || n < 1 || per == 0 {
		return Rate{}, fmt.Errorf("%q is no rate: write 1/s, 120/m or 20/h", text)
	}
	return Rate{Count: n, Per: per, Burst: max(n/10, 1)}, nil
}

// IsZero reports whether there is no limit.
func (r Rate) IsZero() bool { return r.Count == 0 }

// Interval is the time between two messages when there is no burst.
func (r Rate) Interval() time.Duration { return r.Per / time.Duration(r.Count) }

// String is the form that ParseRate reads.
func (r Rate) String() string {
	unit := map[time.Duration]string{time.Second: "s", time.Minute: "m", time.Hour: "h", 24 * time.Hour: "d"}[r.Per]
	return fmt.Sprintf("%d/%s", r.Count, unit)
}
