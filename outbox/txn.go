package outbox

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
)

// session is a connection with its statements, which are kept prepared: preparing one costs more than running it.
// A process has one that writes and one that reads, and transactions on each take turns, first come first served.
type session struct {
	turn  chan struct{} // holds one element while a transaction runs
	pool  *sql.DB       // keeps no idle connection
	conn  *sql.Conn     // nil until the first transaction
	stmts map[string]*sql.Stmt

	// lazy: of a scratch file. One transaction of SQLite's is kept open for many of ours, so that they cost no more than their
	// statements; one that fails takes those before it along.
	lazy bool
	kept int // how many of ours it has had; 0 while there is none
}

// maxKept bounds what a transaction of a scratch file keeps in memory.
const maxKept = 2000

func newSession(dsn string) (*session, error) {
	pool, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, err
	}
	pool.SetMaxIdleConns(-1)
	return &session{turn: make(chan struct{}, 1), pool: pool}, nil
}

// close waits for a transaction that runs.
func (s *session) close() error {
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	s.disconnect()
	return s.pool.Close()
}

// txn is a transaction that runs.
type txn struct {
	ctx   context.Context // of its statements
	s     *session
	tally map[tallyKey]int
}

type tallyKey struct {
	receiver string
	state    State
}

// write runs f in a transaction. The context ends only the waiting for the lock; a statement that could be
// cancelled would also cost a goroutine.
func (db *DB) write(ctx context.Context, what string, f func(*txn) error) error {
	return explain(what, db.w.run(ctx, `BEGIN IMMEDIATE`, context.WithoutCancel(ctx), func(t *txn) error {
		if err := db.stillOwner(t); err != nil {
			return err
		}
		return f(t)
	}))
}

// read runs f on one state of the file, whatever is written meanwhile.
func (db *DB) read(ctx context.Context, what string, f func(*txn) error) error {
	return explain(what, db.r.run(ctx, `BEGIN`, ctx, f))
}

// run begins a transaction while ctx lasts, and runs f with statements that last as long as inner.
func (s *session) run(ctx context.Context, begin string, inner context.Context, f func(*txn) error) (err error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	t := &txn{ctx: ctx, s: s, tally: map[tallyKey]int{}}
	if s.lazy {
		return t.keepOn(inner, f)
	}
	defer func() {
		if err == nil {
			return
		}
		// SQLite may have rolled back already, and a BEGIN that was interrupted may have succeeded. Where
		// ROLLBACK does not make it certain that no transaction is left, a new connection does.
		t.ctx = context.WithoutCancel(ctx)
		if _, rollbackErr := t.exec(`ROLLBACK`); rollbackErr != nil {
			s.disconnect()
		}
	}()
	if _, err := t.exec(begin); err != nil {
		return err
	}
	t.ctx = inner
	if err := f(t); err != nil {
		return err
	}
	if err := t.writeTally(); err != nil {
		return err
	}
	_, err = t.exec(`COMMIT`)
	return err
}

// keepOn runs f in the transaction that is kept open.
func (t *txn) keepOn(inner context.Context, f func(*txn) error) error {
	t.ctx = context.WithoutCancel(inner) // a statement that can be cancelled costs a goroutine
	if t.s.kept == 0 {
		if _, err := t.exec(`BEGIN IMMEDIATE`); err != nil {
			return err
		}
	}
	t.s.kept++
	if err := f(t); err != nil {
		return err
	}
	if err := t.writeTally(); err != nil {
		return err
	}
	if t.s.kept < maxKept {
		return nil
	}
	t.s.kept = 0
	_, err := t.exec(`COMMIT`)
	return err
}

// lock waits for the turn and sees that there is a connection.
func (s *session) lock(ctx context.Context) (unlock func(), err error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	unlock = func() { <-s.turn }
	if s.conn == nil {
		if s.conn, err = s.pool.Conn(ctx); err != nil {
			unlock()
			return nil, err
		}
		s.stmts = map[string]*sql.Stmt{}
	}
	return unlock, nil
}

func (s *session) disconnect() {
	for _, stmt := range s.stmts {
		_ = stmt.Close()
	}
	if s.conn != nil {
		_ = s.conn.Close()
	}
	s.conn, s.stmts = nil, nil
}

func (t *txn) stmt(query string) (*sql.Stmt, error) {
	if stmt := t.s.stmts[query]; stmt != nil {
		return stmt, nil
	}
	stmt, err := t.s.conn.PrepareContext(t.ctx, query)
	if err != nil {
		return nil, err
	}
	t.s.stmts[query] = stmt
	return stmt, nil
}

func (t *txn) exec(query string, args ...any) (sql.Result, error) {
	stmt, err := t.stmt(query)
	if err != nil {
		return nil, err
	}
	return stmt.ExecContext(t.ctx, args...)
}

// row runs a query whose one row is scanned into dest. found is false when there is none.
func (t *txn) row(query string, args []any, dest ...any) (found bool, err error) {
	stmt, err := t.stmt(query)
	if err != nil {
		return false, err
	}
	err = stmt.QueryRowContext(t.ctx, args...).Scan(dest...)
	if err == sql.ErrNoRows {
		return false, nil
	}
	return err == nil, err
}

// each calls f for every row, until f says that it is enough.
func (t *txn) each(query string, args []any, f func(scanner) (more bool, err error)) error {
	stmt, err := t.stmt(query)
	if err != nil {
		return err
	}
	rows, err := stmt.QueryContext(t.ctx, args...)
	return eachRow(rows, err, f)
}

func eachRow(rows *sql.Rows, err error, f func(scanner) (more bool, err error)) error {
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if more, err := f(rows); err != nil || !more {
			return err
		}
	}
	return rows.Err()
}

// seqs are the numbers that a query gives.
func (t *txn) seqs(query string, args ...any) ([]int64, error) {
	var out []int64
	err := t.each(query, args, func(row scanner) (bool, error) {
		var seq int64
		err := row.Scan(&seq)
		out = append(out, seq)
		return true, err
	})
	return out, err
}

// counts says how many deliveries of a receiver are in a state, where there are any.
func (t *txn) counts() (map[tallyKey]int, error) {
	out := map[tallyKey]int{}
	err := t.each(`SELECT receiver, state, n FROM tally WHERE n > 0`, nil, func(row scanner) (bool, error) {
		var key tallyKey
		var n int
		err := row.Scan(&key.receiver, &key.state, &n)
		out[key] = n
		return true, err
	})
	return out, err
}

// tallies says how many deliveries of each receiver are in a state.
func (t *txn) tallies(s State) (map[string]int, error) {
	counts, err := t.counts()
	out := map[string]int{}
	for key, n := range counts {
		if key.state == s {
			out[key.receiver] = n
		}
	}
	return out, err
}

// list is how a statement takes many numbers: as the JSON array that its json_each(?) reads.
func list(numbers []int64) string {
	b, err := json.Marshal(numbers)
	if err != nil {
		panic(err) // numbers can be written
	}
	return string(b)
}

// count notes that n deliveries of a receiver came into a state, or left it if n is negative.
func (t *txn) count(receiver string, s State, n int) { t.tally[tallyKey{receiver, s}] += n }

func (t *txn) move(receiver string, from, to State, n int) {
	t.count(receiver, from, -n)
	t.count(receiver, to, n)
}

func (t *txn) writeTally() error {
	for key, n := range t.tally {
		if n == 0 {
			continue
		}
		if _, err := t.exec(`INSERT INTO tally (receiver, state, n) VALUES (?, ?, ?)
			ON CONFLICT (receiver, state) DO UPDATE SET n = n + excluded.n`, key.receiver, string(key.state), n); err != nil {
			return fmt.Errorf("count: %w", err)
		}
	}
	return nil
}
