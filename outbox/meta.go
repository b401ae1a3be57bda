package outbox

import "context"

// Meta returns a text that was kept under a key, or "": the last config that loaded, how far a follower has read.
// [DB.Accept] sets such texts in the transaction that enters what was read.
func (db *DB) Meta(ctx context.Context, key string) (string, error) {
	var value string
	err := db.read(ctx, "read "+key, func(t *txn) error {
		_, err := t.row(`SELECT value FROM meta WHERE key = ?`, []any{key}, &value)
		return err
	})
	return value, err
}

// SetMeta keeps a text under a key; "" removes it.
func (db *DB) SetMeta(ctx context.Context, key, value string) error {
	if !db.owner {
		return explain("keep "+key, ErrNotOwner)
	}
	return db.write(ctx, "keep "+key, func(t *txn) error { return t.setMeta(key, value) })
}

func (t *txn) setMeta(key, value string) error {
	if value == "" {
		_, err := t.exec(`DELETE FROM meta WHERE key = ?`, key)
		return err
	}
	_, err := t.exec(`INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value`, key, value)
	return err
}
