package outbox

import (
	"context"
	"database/sql"
	"time"
)

// watchInterval is how often a Watch looks. One look takes some microseconds and no lock.
const watchInterval = 50 * time.Millisecond

// Watch tells that the outbox was changed, by this process or another.
type Watch struct {
	conn    *sql.Conn
	version int64
}

// Watch starts to watch; the caller closes it.
func (db *DB) Watch(ctx context.Context) (*Watch, error) {
	const what = "watch"
	conn, err := db.r.pool.Conn(ctx)
	if err != nil {
		return nil, explain(what, err)
	}
	w := &Watch{conn: conn}
	if w.version, err = w.look(ctx); err != nil {
		_ = conn.Close()
		return nil, explain(what, err)
	}
	return w, nil
}

// Close ends the watch.
func (w *Watch) Close() error { return w.conn.Close() }

// Next returns nil once the outbox has changed since the watch started or the last Next returned, or the
// context's error.
func (w *Watch) Next(ctx context.Context) error {
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	for {
		version, err := w.look(ctx)
		if err != nil {
			return explain("watch", err)
		}
		if version != w.version {
			w.version = version
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// look asks for a number that differs after each commit of another connection; this one commits nothing.
func (w *Watch) look(ctx context.Context) (version int64, err error) {
	err = w.conn.QueryRowContext(ctx, `PRAGMA data_version`).Scan(&version)
	return version, err
}
