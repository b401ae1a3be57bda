package outbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

// Options say who opens an outbox, and how. The zero value is for a process that is not the owner.
type Options struct {
	// Owner is set by the process that holds the state directory's lock. It may create the file and migrate it,
	// replaces one that is damaged, and takes over what its predecessor left delivering.
	Owner bool
	// DeliveryID names the delivery of an alert to a receiver; its results must differ. The owner must set it.
	DeliveryID func(identity, receiver string, occurrence int) string
	// Suspect makes the owner look at the whole file before it trusts it: it met [ErrCorrupt], or a person asks.
	Suspect bool
	// CheckLimit bounds the size in bytes of a file that is looked at after an unclean end, so that a start does
	// not take many seconds. Default 256 MiB, which takes about one.
	CheckLimit int64
	// Busy is how long a write waits for another process. Default 10 s.
	Busy time.Duration
	// Now is the time of opening. Default: that of the call.
	Now time.Time
	// Scratch is a file that nobody needs after this process, and no other process opens: nothing waits for the disk, and after
	// an error of a write it is of no use any more.
	Scratch bool
}

func (o Options) withDefaults() Options {
	o.CheckLimit = cmp.Or(o.CheckLimit, 256<<20)
	o.Busy = cmp.Or(o.Busy, 10*time.Second)
	if o.Now.IsZero() {
		o.Now = time.Now()
	}
	return o
}

// Report is what an owner found when it opened the outbox.
type Report struct {
	// Recovered is how many deliveries were delivering when the last owner ended; they are pending now, and
	// ambiguous.
	Recovered int
	// SetAside is where the damaged file is now; empty when the file was sound.
	SetAside string
	// Damage is what was wrong with it, and why salvaging ended early if it did.
	Damage error
	// Salvaged is how many deliveries could be copied out of the damaged file.
	Salvaged int
}

// DB is an open outbox. Its methods are safe for concurrent use.
type DB struct {
	path  string
	owner bool
	id    func(identity, receiver string, occurrence int) string
	r, w  *session // reads, writes
	// term names what the owner is from takeOver on until another takes over; "" where there can be none.
	term string
}

// Open opens the outbox at path. The report is the owner's; for others it is empty.
//
// Errors: [fs.ErrNotExist] (not for the owner), [ErrNewer], [ErrOlder] and [ErrCorrupt] (not for the owner).
func Open(ctx context.Context, path string, opt Options) (*DB, Report, error) {
	opt = opt.withDefaults()
	if opt.Owner && opt.DeliveryID == nil {
		return nil, Report{}, errors.New("outbox: the owner must say how deliveries are named")
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, Report{}, fmt.Errorf("outbox: %w", err)
	}
	db, report, err := start(ctx, path, opt)
	if !opt.Owner || !errors.Is(err, ErrCorrupt) {
		return db, report, err
	}
	damage := err
	aside, err := setAside(path, opt.Now)
	if err != nil {
		return nil, Report{Damage: damage}, fmt.Errorf("outbox: set the damaged file aside: %w", err)
	}
	opt.Suspect = false
	db, _, err = start(ctx, path, opt)
	report = Report{SetAside: aside, Damage: damage}
	if err != nil {
		return nil, report, err
	}
	report.Salvaged, err = db.salvage(ctx, aside, opt.Now)
	report.Damage = errors.Join(damage, err)
	return db, report, nil
}

// start opens the file and does what an owner does first.
func start(ctx context.Context, path string, opt Options) (*DB, Report, error) {
	db, err := open(ctx, path, opt)
	if err != nil || !opt.Owner {
		return db, Report{}, err
	}
	n, err := db.takeOver(ctx, opt.Now)
	if err != nil {
		_ = db.Close()
		return nil, Report{}, err
	}
	return db, Report{Recovered: n}, nil
}

func open(ctx context.Context, path string, opt Options) (*DB, error) {
	unclean := false
	if opt.Owner {
		// SQLite would make it readable to all. It must not be opened and closed here once it exists: closing
		// any descriptor of a file takes from the whole process the locks that SQLite has on it.
		f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err == nil {
			err = f.Close()
		}
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("outbox: create: %w", err)
		}
		for _, companion := range []string{"-wal", "-shm"} { // SQLite removes both at a clean end
			_, err = os.Stat(path + companion)
			unclean = unclean || err == nil
		}
	}
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() { // SQLite would wait for a FIFO
		err = fmt.Errorf("%s is not a regular file", path)
	}
	if err != nil {
		return nil, fmt.Errorf("outbox: open: %w", err)
	}
	db := &DB{path: path, owner: opt.Owner, id: opt.DeliveryID}
	if db.r, err = newSession(dsn(path, opt) + "&_query_only=1"); err != nil {
		return nil, explain("open", err)
	}
	if db.w, err = newSession(dsn(path, opt)); err != nil {
		return nil, explain("open", err)
	}
	if opt.Scratch {
		_ = db.r.close() // nothing was done with it
		db.r = db.w
	}
	check := opt.Suspect || (unclean && info.Size() <= opt.CheckLimit)
	if err := db.prepare(ctx, check, opt.Suspect); err != nil {
		_ = db.Close()
		return nil, explain("open", err)
	}
	db.w.lazy = opt.Scratch
	return db, nil
}

// dsn is how the driver is told about the file. The journal mode is not here: it must not be changed in a file
// that turns out to be somebody else's.
func dsn(path string, opt Options) string {
	const (
		cache      = "-4000"    // KiB for each of the two connections: what lies beside each other stays in memory
		checkpoint = "4000"     // pages of the WAL, 16 MiB: those that are written often are copied once
		walLimit   = "67108864" // bytes that stay on the disk after a checkpoint
	)
	synchronous := "FULL"
	if opt.Scratch {
		synchronous = "OFF"
	}
	u := url.URL{Scheme: "file", Path: path}
	return u.String() + "?mode=rw&_dqs=0&_busy_timeout=" + strconv.FormatInt(opt.Busy.Milliseconds(), 10) +
		"&_synchronous=" + synchronous + "&_pragma=cache_size(" + cache + ")&_pragma=wal_autocheckpoint(" + checkpoint +
		")&_pragma=journal_size_limit(" + walLimit + ")"
}

// prepare looks at what is there and, for the owner, makes it fit.
func (db *DB) prepare(ctx context.Context, check, thorough bool) error {
	version, err := db.version(ctx)
	if err != nil {
		return err
	}
	steps, err := migrations()
	if err != nil {
		return err
	}
	switch {
	case version > len(steps):
		return fmt.Errorf("%w (its schema is %d, ours %d)", ErrNewer, version, len(steps))
	case version < len(steps) && !db.owner:
		return fmt.Errorf("%w (its schema is %d, ours %d)", ErrOlder, version, len(steps))
	case !db.owner:
		return nil
	}
	if check {
		if err := db.check(ctx, thorough); err != nil {
			return err
		}
	}
	return db.w.migrate(ctx, version, steps)
}

// check looks at every page, and if thorough also whether the indexes fit the tables.
func (db *DB) check(ctx context.Context, thorough bool) error {
	query := `PRAGMA quick_check(1)`
	if thorough {
		query = `PRAGMA integrity_check(1)`
	}
	return db.r.run(ctx, `BEGIN`, ctx, func(t *txn) error {
		var verdict string
		_, err := t.row(query, nil, &verdict)
		if err == nil && verdict != "ok" {
			err = fmt.Errorf("%w: %s", ErrCorrupt, verdict)
		}
		return err
	})
}

func (db *DB) version(ctx context.Context) (int, error) {
	var version int
	err := db.r.run(ctx, `BEGIN`, ctx, func(t *txn) error {
		_, err := t.row(`PRAGMA user_version`, nil, &version)
		return err
	})
	return version, err
}

// Path is the file's absolute path.
func (db *DB) Path() string { return db.path }

// Close waits for a transaction that runs, then closes the file. Deliveries that are being delivered stay so
// until the next owner opens it: call [DB.Finish] first for those that were not tried.
func (db *DB) Close() error {
	if db.r == db.w {
		return db.w.close()
	}
	return errors.Join(db.r.close(), db.w.close())
}

// setAside renames the file and its WAL. The new names keep their relation, so that the evidence can be opened with
// any SQLite.
func setAside(path string, now time.Time) (string, error) {
	stem := path + ".corrupt-" + now.UTC().Format("20060102T150405Z")
	to := stem
	for i := 2; ; i++ {
		if _, err := os.Lstat(to); errors.Is(err, fs.ErrNotExist) {
			break
		} else if err != nil {
			return "", err
		}
		to = fmt.Sprintf("%s.%d", stem, i)
	}
	// The -shm goes last: it makes a start that finds this half done look at the file again.
	if err := os.Rename(path+"-wal", to+"-wal"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	if err := os.Rename(path, to); err != nil {
		return "", err
	}
	if err := os.Remove(path + "-shm"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	return to, syncDir(filepath.Dir(path))
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
