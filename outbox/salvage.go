package outbox

import (
	"context"
	"database/sql"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"
)

// salvageSlice is how many deliveries are copied in one transaction.
const salvageSlice = 200

// salvage copies what was waiting or dead, and the texts under keys, from a damaged file, as far as they can be
// read, and returns how many deliveries that were. What cannot be read is passed over: the evidence is kept. An
// error says that what could be read could not be written. The tables are read in the order of their keys and
// without their other indexes, which may be what is damaged.
func (db *DB) salvage(ctx context.Context, path string, now time.Time) (int, error) {
	u := url.URL{Scheme: "file", Path: path, RawQuery: "mode=ro&_query_only=1"}
	if _, err := os.Stat(path + "-wal"); err != nil {
		u.RawQuery += "&immutable=1" // or SQLite would make a -wal and leave it beside the evidence
	}
	src, err := sql.Open("sqlite", u.String())
	if err != nil {
		return 0, err
	}
	defer src.Close()
	src.SetMaxOpenConns(1)
	if err := db.salvageMeta(ctx, src); err != nil {
		return 0, err
	}
	if err := db.salvageState(ctx, src); err != nil {
		return 0, err
	}
	later := laterColumns
	if version := 0; src.QueryRowContext(ctx, `PRAGMA user_version`).Scan(&version) == nil && version < 2 {
		later = withoutLaterColumns
	}
	copied := 0
	for last, leap := int64(0), int64(1); leap < 1<<40; {
		found, lastRead, readErr := readSlice(ctx, src, later, last)
		if lastRead > last {
			last, leap = lastRead, 1
		}
		n, err := db.adopt(ctx, src, found, now)
		copied += n
		switch {
		case err != nil:
			return copied, err
		case ctx.Err() != nil:
			return copied, context.Cause(ctx)
		case readErr != nil: // behind the damage there may be more
			last += leap
			leap *= 2
		case len(found) < salvageSlice:
			return copied, nil
		}
	}
	return copied, nil
}

// salvaged is a delivery and the number of its alert.
type salvaged struct {
	Delivery
	alert int64
}

// The columns of delivery that came with the second schema, and what stands for them in the first.
const (
	laterColumns        = `d.kind, d.bundle, d.notes, d.about, d.receipt`
	withoutLaterColumns = `'', '', '', '', ''`
)

// readSlice reads deliveries in the order of their numbers, from the one after that given, until it has a slice of
// them that are worth keeping, or meets damage. lastRead is the number of the last that could be read.
func readSlice(ctx context.Context, src *sql.DB, later string, after int64) (found []salvaged, lastRead int64, err error) {
	rows, err := src.QueryContext(ctx, `SELECT d.seq, d.alert, d.id, d.receiver, d.channel, d.route, d.severity, d.state,
		d.reason, d.queued, d.due, d.attempts, d.ambiguous, `+later+` FROM delivery AS d NOT INDEXED WHERE d.seq > ? ORDER BY d.seq`, after)
	err = eachRow(rows, err, func(row scanner) (bool, error) {
		var d salvaged
		var queued, due int64
		if err := row.Scan(&d.Seq, &d.alert, &d.ID, &d.Receiver, &d.Channel, &d.Route, &d.Severity, &d.State, &d.Reason,
			&queued, &due, &d.Attempts, &d.Ambiguous, &d.Kind, &d.Bundle, &d.Notes, &d.About, &d.Receipt); err != nil {
			return false, err
		}
		lastRead = d.Seq
		if d.State.Open() || d.State == Dead {
			d.Queued, d.Due = fromMicros(queued), dueTime(due)
			found = append(found, d)
		}
		return len(found) < salvageSlice, nil
	})
	return found, lastRead, err
}

// adopt enters deliveries with their alerts, and returns how many.
func (db *DB) adopt(ctx context.Context, src *sql.DB, found []salvaged, now time.Time) (int, error) {
	arrivals := map[int64]*Arrival{}
	for i := range found {
		if id := found[i].alert; arrivals[id] == nil {
			var a Arrival
			var arrived, at int64
			err := src.QueryRowContext(ctx, `SELECT identity, occurrence, record, arrived, time, severity, rule, title, header, raw
				FROM alert NOT INDEXED WHERE id = ?`, id).Scan(&a.Identity, &a.Occurrence, &a.Record, &arrived, &at, &a.Severity,
				&a.Rule, &a.Title, &a.Header, &a.Raw)
			if err != nil {
				continue
			}
			a.Arrived, a.Time = fromMicros(arrived), fromMicros(at)
			a.Deliveries = []NewDelivery{{}} // it is not one that nobody gets
			arrivals[id] = &a
		}
	}
	found = slices.DeleteFunc(found, func(d salvaged) bool { return arrivals[d.alert] == nil })
	copied := 0
	err := db.write(ctx, "copy from the damaged file", func(t *txn) error {
		copied = 0
		for i := range found {
			d := &found[i].Delivery
			id, _, _, err := t.enterAlert(arrivals[found[i].alert])
			if err != nil {
				return err
			}
			if d.State == Delivering {
				d.State, d.Ambiguous = Pending, true
			}
			entered, err := t.insertDelivery(id, micros(d.Queued), d)
			if err != nil {
				return err
			}
			if entered {
				copied++
			}
			if !d.State.Open() { // kept from now on
				if _, err := t.exec(`UPDATE delivery SET changed = ? WHERE alert = ? AND receiver = ? AND kind = ?`,
					micros(now), id, d.Receiver, d.Kind); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return copied, nil
}

func (db *DB) salvageMeta(ctx context.Context, src *sql.DB) error {
	meta := map[string]string{}
	rows, err := src.QueryContext(ctx, `SELECT key, value FROM meta`)
	_ = eachRow(rows, err, func(row scanner) (bool, error) {
		var key, value string
		if err := row.Scan(&key, &value); err != nil {
			return false, err
		}
		if key != ownerKey { // the term is the new file's own
			meta[key] = value
		}
		return true, nil
	})
	_, err = db.Accept(ctx, nil, meta)
	return err
}

// salvageState copies what noise control kept: a silence that is lost wakes people, and what was to be told at a time would
// not be. Files of the first schema have none of it.
func (db *DB) salvageState(ctx context.Context, src *sql.DB) error {
	for _, table := range []struct{ name, columns, marks string }{
		{"state", `key, due, value`, `?, ?, ?`},
		{"silence", silenceColumns, `?, ?, ?, ?, ?, ?, ?, ?, ?`},
		{"ack", `identity, occurrence, author, via, receiver, at, told`, `?, ?, ?, ?, ?, ?, ?`},
	} {
		var found [][]any
		rows, err := src.QueryContext(ctx, `SELECT `+table.columns+` FROM `+table.name)
		_ = eachRow(rows, err, func(row scanner) (bool, error) { // as far as it can be read
			values := make([]any, strings.Count(table.marks, "?"))
			dest := make([]any, len(values))
			for i := range values {
				dest[i] = &values[i]
			}
			if err := row.Scan(dest...); err != nil {
				return false, err
			}
			found = append(found, values)
			return true, nil
		})
		err = db.write(ctx, "copy from the damaged file", func(t *txn) error {
			for _, values := range found {
				if _, err := t.exec(`INSERT OR IGNORE INTO `+table.name+` (`+table.columns+`) VALUES (`+table.marks+`)`, values...); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
