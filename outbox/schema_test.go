package outbox_test

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/outbox"
)

// raw opens a file past this package.
func raw(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func run(t *testing.T, db *sql.DB, statements string) {
	t.Helper()
	if _, err := db.Exec(statements); err != nil {
		t.Fatal(err)
	}
}

// schemaOf is what a closed file's schema says, without the comments.
func schemaOf(t *testing.T, path string) []string {
	t.Helper()
	db := raw(t, path)
	defer db.Close()
	rows, err := db.Query(`SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY type, name`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		var words []string
		for _, line := range strings.Split(s, "\n") {
			line, _, _ = strings.Cut(line, "--")
			words = append(words, strings.Fields(line)...)
		}
		out = append(out, strings.Join(words, " "))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestEverySchemaThatWasReleasedIsMigrated has a file in testdata for each version, as it was released.
func TestEverySchemaThatWasReleasedIsMigrated(t *testing.T) {
	fresh, _ := open(t, path(t), owner())
	if err := fresh.Close(); err != nil {
		t.Fatal(err)
	}
	want := schemaOf(t, fresh.Path())
	files, err := filepath.Glob("testdata/schema-*.sql")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			version, err := strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(filepath.Base(file), "schema-"), ".sql"))
			if err != nil {
				t.Fatal(err)
			}
			schema, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			p := path(t)
			old := raw(t, p)
			run(t, old, string(schema))
			run(t, old, `INSERT INTO alert VALUES (7, 'manager/1.1', 1, '', 1, 1, 3, '5712', 't', 0, x'7b7d', x'00');
				INSERT INTO delivery (seq, tag, id, alert, receiver, channel, route, severity, state, open, reason, queued, due, changed, attempts, ambiguous)
					VALUES (3, 0, 'ID', 7, 'soc', 'slack', '', 3, 'pending', 1, '', 1, 0, 1, 0, 0);
				INSERT INTO tally VALUES ('soc', 'pending', 1)`)
			run(t, old, fmt.Sprintf("PRAGMA user_version = %d", version))
			if err := old.Close(); err != nil {
				t.Fatal(err)
			}
			db, report := open(t, p, owner())
			equal(t, report, outbox.Report{})
			equal(t, ids(next(t, db, "soc", start, 9)), "ID")
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			equal(t, schemaOf(t, p), want)
		})
	}
}

func TestANewerFileIsLeftAlone(t *testing.T) {
	p := path(t)
	newer := raw(t, p)
	run(t, newer, `CREATE TABLE alert (of_tomorrow); PRAGMA user_version = 999`)
	if err := newer.Close(); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(p)
	if err != nil {
		t.Fatal(err)
	}
	for _, opt := range []outbox.Options{owner(), {}, {Owner: true, DeliveryID: deliveryID, Suspect: true}} {
		if _, _, err := outbox.Open(t.Context(), p, opt); !errors.Is(err, outbox.ErrNewer) {
			t.Errorf("got %v, want ErrNewer", err)
		}
	}
	after, err := os.ReadFile(p)
	if err != nil || string(after) != string(before) {
		t.Errorf("the file was changed: %v", err)
	}
	if names, err := filepath.Glob(p + "*"); err != nil || len(names) != 1 {
		t.Errorf("got %v, %v", names, err)
	}
}

func TestAnOlderFileWaitsForItsOwner(t *testing.T) {
	p := path(t)
	if err := os.WriteFile(p, nil, 0o600); err != nil { // the owner died before the first migration
		t.Fatal(err)
	}
	if _, _, err := outbox.Open(t.Context(), p, outbox.Options{}); !errors.Is(err, outbox.ErrOlder) {
		t.Errorf("got %v, want ErrOlder", err)
	}
	open(t, p, owner())
	open(t, p, outbox.Options{})
}

func TestAWriterThatIsInTheWayIsToldAfterAWhile(t *testing.T) {
	p := path(t)
	opt := owner()
	opt.Busy = 10 * time.Millisecond
	db, _ := open(t, p, opt)
	other := raw(t, p)
	other.SetMaxOpenConns(1)
	run(t, other, `BEGIN IMMEDIATE`)
	if _, err := db.Accept(t.Context(), []outbox.Arrival{alert("a", start, "soc")}, nil); !errors.Is(err, outbox.ErrBusy) {
		t.Errorf("got %v, want ErrBusy", err)
	}
	equal(t, ids(find(t, db, outbox.Filter{})), "") // reading goes on
	run(t, other, `ROLLBACK`)
	accept(t, db, alert("a", start, "soc"))
	equal(t, ids(find(t, db, outbox.Filter{})), "a>soc#1")
}
