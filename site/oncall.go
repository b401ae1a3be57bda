package site

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/ossec-notify/ossec-notify/config"
	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/oncall"
	"github.com/ossec-notify/ossec-notify/outbox"
)

// firstAnswer is how long a process that has just started waits for PagerDuty where it has never heard who is on call:
// without an answer those are told whom the config names otherwise.
const firstAnswer = 3 * time.Second

// AskFirst asks for the schedules of which nothing is known at all.
func AskFirst(ctx context.Context, aliases dispatch.Aliases, cache *oncall.Cache) {
	ctx, cancel := context.WithTimeout(ctx, firstAnswer)
	defer cancel()
	var group sync.WaitGroup
	for _, r := range config.OnCall(aliases) {
		if known := r.Known(); known.Asked.IsZero() && known.Failing.IsZero() {
			group.Go(func() { _, _ = cache.Refresh(ctx, r.Schedule()) }) // the cache logs a failure
		}
	}
	group.Wait()
}

// onCallStore keeps what is known of schedules in the outbox.
type onCallStore struct{ box *outbox.DB }

func (s onCallStore) Load(key string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), keepTimeout)
	defer cancel()
	text, err := s.box.Meta(ctx, key)
	return []byte(text), err
}

func (s onCallStore) Save(key string, value []byte) error {
	ctx, cancel := context.WithTimeoutCause(context.Background(), keepTimeout, errors.New("the outbox is busy"))
	defer cancel()
	return s.box.SetMeta(ctx, key, string(value))
}

// Remembered is what a deliverer has heard of who is on call, and has kept in its outbox. It asks nobody. The caller closes it.
func Remembered(box *outbox.DB) *oncall.Cache {
	return oncall.Remembered(onCallStore{box}, slog.New(slog.DiscardHandler))
}

// newOnCall makes the cache of a process that delivers. box may be nil.
func newOnCall(box *outbox.DB, log *slog.Logger) *oncall.Cache {
	if box == nil {
		return oncall.NewCache(nil, log)
	}
	return oncall.NewCache(onCallStore{box}, log)
}
