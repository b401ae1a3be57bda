package outbox

import (
	"path/filepath"
	"testing"
	"time"
)

// TestMigrationIsAllOrNothing takes a file of the newest schema through steps that do not exist yet.
func TestMigrationIsAllOrNothing(t *testing.T) {
	name := func(identity, receiver string, _ int) string { return identity + receiver }
	db, _, err := Open(t.Context(), filepath.Join(t.TempDir(), "outbox.db"), Options{Owner: true, DeliveryID: name})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	steps, err := migrations()
	if err != nil {
		t.Fatal(err)
	}
	released := len(steps)
	if _, err := db.Accept(t.Context(), []Arrival{{Identity: "a", Arrived: time.Now()}}, nil); err != nil {
		t.Fatal(err)
	}
	good := append(steps, `ALTER TABLE alert ADD COLUMN later TEXT NOT NULL DEFAULT 'x'`, `CREATE TABLE more (n INTEGER) STRICT`)
	bad := append(good[:len(good):len(good)], `ALTER TABLE no_such_table ADD COLUMN n`)

	if err := db.w.migrate(t.Context(), released, bad); err == nil {
		t.Fatal("a step that cannot be done was done")
	}
	if v, err := db.version(t.Context()); v != released || err != nil {
		t.Errorf("after a failure: got version %d, %v; want %d", v, err, released)
	}
	if err := db.w.migrate(t.Context(), released, good); err != nil {
		t.Fatal(err)
	}
	if v, err := db.version(t.Context()); v != len(good) || err != nil {
		t.Errorf("got version %d, %v; want %d", v, err, len(good))
	}
	var later string
	if err := db.r.pool.QueryRow(`SELECT later FROM alert JOIN (SELECT count(*) FROM more) WHERE identity = 'a'`).Scan(&later); err != nil || later != "x" {
		t.Errorf("got %q, %v", later, err)
	}
}

// TestCommitsAreDurable looks at what no test can see without cutting the power.
func TestCommitsAreDurable(t *testing.T) {
	name := func(identity, receiver string, _ int) string { return identity + receiver }
	db, _, err := Open(t.Context(), filepath.Join(t.TempDir(), "outbox.db"), Options{Owner: true, DeliveryID: name})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for pragma, want := range map[string]string{"synchronous": "2", "journal_mode": "wal", "auto_vacuum": "2", "busy_timeout": "10000"} {
		var got string
		err := db.write(t.Context(), pragma, func(t *txn) error {
			_, err := t.row(`PRAGMA `+pragma, nil, &got)
			return err
		})
		if err != nil || got != want {
			t.Errorf("%s: got %q, %v; want %q", pragma, got, err, want)
		}
	}
}
