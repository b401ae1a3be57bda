package outbox

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Filter selects deliveries: those that satisfy every field that is set.
type Filter struct {
	// IDs names deliveries.
	IDs []string
	// Identity names an alert, Occurrence one of its occurrences (0: all).
	Identity   string
	Occurrence int
	Receiver   string
	States     []State
	// Since leaves out what came into its state before.
	Since time.Time
	// Limit bounds how many [DB.Find] returns; 0 is no bound. [DB.Retry] and [DB.Drop] have none.
	Limit int
}

func (f *Filter) matches(d *Delivery) bool {
	return (len(f.IDs) == 0 || slices.Contains(f.IDs, d.ID)) &&
		(f.Identity == "" || f.Identity == d.Alert.Identity && (f.Occurrence == 0 || f.Occurrence == d.Alert.Occurrence)) &&
		f.wantsReceiver(d.Receiver) && f.wantsState(d.State) && !d.Changed.Before(f.Since)
}

func (f *Filter) wantsReceiver(name string) bool { return f.Receiver == "" || f.Receiver == name }

func (f *Filter) wantsState(s State) bool { return len(f.States) == 0 || slices.Contains(f.States, s) }

// named reports whether the filter names deliveries or an alert, so that no queue need be read.
func (f *Filter) named() bool { return len(f.IDs) > 0 || f.Identity != "" }

// source is an index that holds the deliveries of a receiver in a state, in the order in which they are listed.
type source struct {
	state        State
	where, order string
}

func sources() []source {
	const (
		ready = `open = 1 AND due = 0 AND receiver = ? AND state = ?`
		timer = `open = 1 AND due > 0 AND receiver = ? AND state = ?`
		ended = `open = 0 AND receiver = ? AND state = ?`
		queue = `severity DESC, queued, seq`
	)
	return []source{
		{Delivering, ready, queue},
		{Pending, ready, queue},
		{Pending, timer, "due, seq"},
		{Held, timer, "due, seq"},
		{Dead, ended, "changed DESC, seq DESC"},
		{Suppressed, ended, "changed DESC, seq DESC"},
		{Delivered, ended, "changed DESC, seq DESC"},
	}
}

// Find lists deliveries: what is being delivered, what is due in the order of the queues, what waits for its time
// by that, then what has come to an end, the last first.
func (db *DB) Find(ctx context.Context, f Filter) ([]Delivery, error) {
	var out []Delivery
	err := db.read(ctx, "find deliveries", func(t *txn) (err error) {
		if f.named() {
			out, err = t.named(&f)
		} else {
			out, err = t.listed(&f)
		}
		return err
	})
	return out, err
}

// named finds deliveries by their own name or their alert's.
func (t *txn) named(f *Filter) ([]Delivery, error) {
	const columns = `SELECT ` + deliveryColumns + `, ` + alertHeadColumns
	var out []Delivery
	take := func(row scanner) (bool, error) {
		var d Delivery
		err := d.scan(row, false)
		if err == nil && f.matches(&d) {
			out = append(out, d)
		}
		return true, err
	}
	if len(f.IDs) == 0 {
		err := t.each(columns+` FROM alert AS a CROSS JOIN delivery AS d ON d.alert = a.id WHERE a.identity = ?`,
			[]any{f.Identity}, take)
		if err != nil {
			return nil, err
		}
	}
	for _, id := range f.IDs {
		if err := t.each(columns+byID+` CROSS JOIN alert AS a ON a.id = d.alert`, []any{tagHash(id), id}, take); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(out, inList)
	return clip(out, f.Limit), nil
}

// listed reads as many of each receiver and state as are wanted, and puts them in order.
func (t *txn) listed(f *Filter) ([]Delivery, error) {
	counts, err := t.counts()
	if err != nil {
		return nil, err
	}
	var out []Delivery
	for _, src := range sources() {
		if !f.wantsState(src.state) {
			continue
		}
		var part []Delivery
		for key, limit := range counts { // the limit, so that the rest of the index need not be read
			if key.state != src.state || !f.wantsReceiver(key.receiver) {
				continue
			}
			if f.Limit > 0 {
				limit = min(limit, f.Limit-len(out))
			}
			err := t.each(`SELECT `+deliveryColumns+`, `+alertHeadColumns+` FROM (
				SELECT * FROM delivery WHERE `+src.where+` AND changed >= ? ORDER BY `+src.order+` LIMIT ?
				) AS d CROSS JOIN alert AS a ON a.id = d.alert`,
				[]any{key.receiver, string(src.state), micros(f.Since), limit}, func(row scanner) (bool, error) {
					var d Delivery
					err := d.scan(row, false)
					part = append(part, d)
					return true, err
				})
			if err != nil {
				return nil, err
			}
		}
		slices.SortStableFunc(part, inList)
		if out = append(out, part...); f.Limit > 0 && len(out) >= f.Limit {
			break
		}
	}
	return clip(out, f.Limit), nil
}

func clip(list []Delivery, limit int) []Delivery {
	if limit > 0 && len(list) > limit {
		return list[:limit]
	}
	return list
}

// inList is the order of Find.
func inList(a, b Delivery) int {
	if c := cmp.Compare(slices.Index(States(), a.State), slices.Index(States(), b.State)); c != 0 {
		return c
	}
	if !a.State.Open() {
		return cmp.Or(b.Changed.Compare(a.Changed), cmp.Compare(b.Seq, a.Seq))
	}
	due := dueOf(a.State, a.Due)
	if c := cmp.Compare(due, dueOf(b.State, b.Due)); c != 0 {
		return c
	}
	if due > 0 {
		return cmp.Compare(a.Seq, b.Seq)
	}
	return cmp.Or(cmp.Compare(b.Severity, a.Severity), a.Queued.Compare(b.Queued), cmp.Compare(a.Seq, b.Seq))
}

// Show finds one delivery with its whole alert and its attempts, the first first. Error: [ErrNotFound].
func (db *DB) Show(ctx context.Context, id string) (Delivery, []Attempt, error) {
	var d Delivery
	var attempts []Attempt
	err := db.read(ctx, "show delivery "+id, func(t *txn) error {
		found := false
		err := t.each(`SELECT `+deliveryColumns+`, `+alertColumns+byID+` CROSS JOIN alert AS a ON a.id = d.alert`,
			[]any{tagHash(id), id}, func(row scanner) (bool, error) {
				found = true
				return false, d.scan(row, true)
			})
		if err != nil {
			return err
		}
		if !found {
			return ErrNotFound
		}
		return t.each(`SELECT started, duration, status, answer, error, ambiguous, request FROM attempt
			WHERE delivery = ? ORDER BY id`, []any{d.Seq}, func(row scanner) (bool, error) {
			var a Attempt
			var started, duration int64
			err := row.Scan(&started, &duration, &a.Status, &a.Answer, &a.Error, &a.Ambiguous, &a.Request)
			a.Started, a.Duration = fromMicros(started), time.Duration(duration)*time.Microsecond
			attempts = append(attempts, a)
			return true, err
		})
	})
	return d, attempts, err
}

// Alert finds an alert that was accepted, whole; occurrence 0 is the last. Error: [ErrNotFound].
func (db *DB) Alert(ctx context.Context, identity string, occurrence int) (Alert, error) {
	return db.alert(ctx, fmt.Sprintf("show alert %s", identity),
		`a.identity = ?1 AND (a.occurrence = ?2 OR ?2 = 0) ORDER BY a.occurrence DESC LIMIT 1`, identity, occurrence)
}

// Qualified finds the whole identity of an alert, NAME/id, by its id alone: the first of the names that the file knows
// under which there is such an alert. Error: [ErrNotFound].
func (db *DB) Qualified(ctx context.Context, id string) (string, error) {
	found := ""
	err := db.read(ctx, "find alert "+id, func(t *txn) error {
		for after := ""; ; { // a leap from name to name, whatever there is under each
			var first string
			if ok, err := t.row(`SELECT identity FROM alert WHERE identity > ? ORDER BY identity LIMIT 1`, []any{after}, &first); err != nil {
				return err
			} else if !ok {
				return ErrNotFound
			}
			slash := strings.LastIndexByte(first, '/')
			switch {
			case slash >= 0:
				after = first[:slash] + "0" // the character behind the slash
			case strings.HasPrefix(first, "h-"): // hashes have no name
				after = "h."
				continue
			default:
				after = first
				continue
			}
			ok, err := t.row(`SELECT identity FROM alert WHERE identity = ? LIMIT 1`, []any{first[:slash+1] + id}, &found)
			if ok || err != nil {
				return err
			}
		}
	})
	return found, err
}

// AlertOfRecord finds the alert that was made of a spool record ([Arrival.Record]): [ErrNotFound] until the record
// was taken out of the spool.
func (db *DB) AlertOfRecord(ctx context.Context, record string) (Alert, error) {
	return db.alert(ctx, "find the alert of record "+record, `a.record = ? AND a.record <> ''`, record)
}

// OfKind lists the messages of a kind that were queued since a time. It looks at all deliveries: it is for people who ask.
func (db *DB) OfKind(ctx context.Context, kind string, since time.Time) ([]Delivery, error) {
	var out []Delivery
	err := db.read(ctx, "find messages of a kind", func(t *txn) error {
		return t.each(`SELECT `+deliveryColumns+`, `+alertHeadColumns+` FROM delivery AS d CROSS JOIN alert AS a ON a.id = d.alert
			WHERE d.kind = ? AND d.queued >= ? ORDER BY d.seq`, []any{kind, micros(since)}, func(row scanner) (bool, error) {
			var d Delivery
			err := d.scan(row, false)
			out = append(out, d)
			return true, err
		})
	})
	return out, err
}

// maxRecent is how many bytes of alerts [DB.Recent] reads.
const maxRecent = 64 << 20

// Recent calls f with the newest alerts, the newest first, at most limit of them: whole is false where there may be others
// that arrived since then. So it costs little, however many there are. Messages about many alerts are among them.
func (db *DB) Recent(ctx context.Context, since time.Time, limit int, f func(Alert)) (whole bool, err error) {
	err = db.read(ctx, "look at the newest alerts", func(t *txn) error {
		whole = true
		n, size := 0, 0
		return t.each(`SELECT `+alertColumns+` FROM alert AS a ORDER BY a.id DESC LIMIT ?`, []any{limit + 1}, func(row scanner) (bool, error) {
			var a Alert
			var arrived, at int64
			if err := row.Scan(&a.Identity, &a.Occurrence, &arrived, &at, &a.Severity, &a.Rule, &a.Title, &a.Header, &a.Raw); err != nil {
				return false, err
			}
			a.Arrived, a.Time = fromMicros(arrived), fromMicros(at)
			if n == limit || size > maxRecent {
				whole = a.Arrived.Before(since)
				return false, nil
			}
			n++
			size += len(a.Header) + len(a.Raw)
			if !a.Arrived.Before(since) { // one that waited in the spool for long may stand between others
				f(a)
			}
			return true, nil
		})
	})
	return whole, err
}

func (db *DB) alert(ctx context.Context, what, where string, args ...any) (Alert, error) {
	var a Alert
	err := db.read(ctx, what, func(t *txn) error {
		var arrived, at int64
		found, err := t.row(`SELECT `+alertColumns+` FROM alert AS a WHERE `+where, args, &a.Identity, &a.Occurrence, &arrived,
			&at, &a.Severity, &a.Rule, &a.Title, &a.Header, &a.Raw)
		if err == nil && !found {
			err = ErrNotFound
		}
		a.Arrived, a.Time = fromMicros(arrived), fromMicros(at)
		return err
	})
	return a, err
}
