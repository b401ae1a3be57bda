package outbox

import (
	"context"
	"embed"
	"fmt"
)

//go:embed schema/*.sql
var schemaFiles embed.FS

// migrations are the steps from an empty file to the newest schema, the first of which makes version 1. A step
// that was released is never edited.
func migrations() ([]string, error) {
	files, err := schemaFiles.ReadDir("schema")
	if err != nil {
		return nil, err
	}
	var steps []string
	for _, f := range files { // in the order of their names
		b, err := schemaFiles.ReadFile("schema/" + f.Name())
		if err != nil {
			return nil, err
		}
		steps = append(steps, string(b))
	}
	return steps, nil
}

// migrate takes the schema from version to the newest, in one transaction.
func (s *session) migrate(ctx context.Context, version int, steps []string) error {
	if version == 0 {
		// Both settings must stand before the first table.
		if err := s.configure(ctx, `PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL`); err != nil {
			return err
		}
	}
	if version == len(steps) {
		return nil
	}
	return s.run(ctx, `BEGIN IMMEDIATE`, context.WithoutCancel(ctx), func(t *txn) error {
		for i, step := range steps[version:] {
			step += fmt.Sprintf("\n;PRAGMA user_version = %d", version+i+1)
			// Not by a prepared statement: it has many parts, and runs once.
			if _, err := s.conn.ExecContext(t.ctx, step); err != nil {
				return fmt.Errorf("migrate the schema to version %d: %w", version+i+1, err)
			}
		}
		return nil
	})
}

// configure runs statements that may not stand in a transaction.
func (s *session) configure(ctx context.Context, statements string) error {
	unlock, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	_, err = s.conn.ExecContext(context.WithoutCancel(ctx), statements)
	return err
}
