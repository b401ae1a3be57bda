package outbox

import "context"

// Members says how many deliveries of each receiver are in a bundle, and how many of them are held.
func (db *DB) Members(ctx context.Context, bundle string) (all, held map[string]int, err error) {
	err = db.read(ctx, "count the bundle "+bundle, func(t *txn) (err error) {
		all, held, err = (&Tx{db, t}).Members(bundle)
		return err
	})
	return all, held, err
}

// Escalations is how many alerts have a step that will be told unless somebody takes them before.
func (db *DB) Escalations(ctx context.Context) (int, error) {
	n := 0
	err := db.read(ctx, "count the escalations", func(t *txn) error {
		_, err := t.row(`SELECT count(DISTINCT alert) FROM delivery WHERE open = 1 AND due > 0 AND due < ? AND state = 'held'
			AND kind LIKE '`+StepKind+`%'`, []any{int64(never)}, &n)
		return err
	})
	return n, err
}

// Acks counts the acknowledgements that are kept, by how they came.
func (db *DB) Acks(ctx context.Context) (map[string]int, error) {
	out := map[string]int{}
	err := db.read(ctx, "count the acknowledgements", func(t *txn) error {
		return t.each(`SELECT via, count(*) FROM ack GROUP BY via`, nil, func(row scanner) (bool, error) {
			var via string
			var n int
			err := row.Scan(&via, &n)
			out[via] = n
			return true, err
		})
	})
	return out, err
}
