package outbox

import (
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

var (
	// ErrNewer: the file was written by a newer program. It was left as it is.
	ErrNewer = errors.New("the outbox belongs to a newer version of the program")
	// ErrOlder: the file was written by an older program, and only the owner may migrate it.
	ErrOlder = errors.New("the outbox belongs to an older version of the program until the next deliverer starts")
	// ErrCorrupt: the file is damaged. The owner closes it and opens it again with [Options.Suspect].
	ErrCorrupt = errors.New("the outbox is damaged")
	// ErrBusy: another process kept writing for longer than [Options.Busy]. Nothing was changed.
	ErrBusy = errors.New("another process is writing to the outbox")
	// ErrFull: there is no room on the disk. Nothing was changed, and the file is sound.
	ErrFull = errors.New("no room on the disk for the outbox")
	// ErrNotOwner: the method is the owner's.
	ErrNotOwner = errors.New("only the deliverer may do this")
	// ErrTakenOver: another deliverer opened the outbox as its owner since. Nothing was changed.
	ErrTakenOver = errors.New("another deliverer has taken the outbox over")
	// ErrNotFound: there is no such alert or delivery.
	ErrNotFound = errors.New("not in the outbox")
	// ErrNotDelivering: a result names a delivery that is not being delivered. The other results of the batch
	// were recorded.
	ErrNotDelivering = errors.New("not being delivered")
)

// explain says what was attempted, and which of our errors a failure of SQLite is.
func explain(what string, err error) error {
	if err == nil {
		return nil
	}
	var e *sqlite.Error
	if errors.As(err, &e) {
		for code, kind := range map[int]error{
			sqlite3.SQLITE_CORRUPT: ErrCorrupt,
			sqlite3.SQLITE_NOTADB:  ErrCorrupt,
			sqlite3.SQLITE_BUSY:    ErrBusy,
			sqlite3.SQLITE_FULL:    ErrFull,
		} {
			if e.Code()&0xff == code && !errors.Is(err, kind) { // the low byte is the kind, the rest a detail
				err = fmt.Errorf("%w: %w", kind, err)
			}
		}
	}
	return fmt.Errorf("outbox: %s: %w", what, err)
}
