package site

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/ossec-notify/ossec-notify/config"
	"github.com/ossec-notify/ossec-notify/outbox"
)

// Kept is the last config that loaded, as the outbox keeps it: with its includes and templates, so that a
// deliverer that starts with a broken config goes on exactly as the one before it. Secrets are kept as the config has
// them: by reference or, where somebody wrote them into it, as text, in a database that nobody but its owner reads.
type Kept struct {
	// Loaded is when the config loaded first.
	Loaded time.Time `json:"loaded"`
	config.Texts
}

// maxLastGood bounds what is kept, in bytes. A config is some kilobytes.
const maxLastGood = 8 << 20

// keepTimeout bounds the wait for the outbox.
const keepTimeout = 10 * time.Second

// lastGoodKey is where the outbox keeps it: one for each config file, since a daemon may be given another one than
// the calls.
func lastGoodKey(path string) string { return "config:" + path }

// ReadKept reads what is kept of the config at a path; nil is nothing.
func ReadKept(ctx context.Context, box *outbox.DB, path string) (*Kept, error) {
	text, err := box.Meta(ctx, lastGoodKey(path))
	if err != nil || text == "" {
		return nil, err
	}
	g := new(Kept)
	if err := json.Unmarshal([]byte(text), g); err != nil {
		return nil, fmt.Errorf("the last config that loaded is not readable in the outbox: %w", err)
	}
	return g, nil
}

// write keeps it.
func (g *Kept) write(box *outbox.DB, path string) error {
	if n := g.Size(); n > maxLastGood {
		return fmt.Errorf("it has %d bytes, more than the %d that are kept", n, maxLastGood)
	}
	b, err := json.Marshal(g)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(context.Background(), keepTimeout, errors.New("the outbox is busy"))
	defer cancel()
	return box.SetMeta(ctx, lastGoodKey(path), string(b))
}

// Config loads it; nil where this program does not take it any more, and where it has no receivers. To go by that one
// would mean that nobody is told of alerts that can wait.
func (g *Kept) Config(path, home string) *config.Config {
	if r := g.Read(path, home); r.Config != nil && len(r.Config.Receivers) > 0 {
		return r.Config
	}
	return nil
}
