package webhook

import (
	"context"

	"github.com/ossec-notify/ossec-notify/notifier"
)

// Probe sees that the server is reachable; what it would say to a request cannot be known without one.
func (w *Notifier) Probe(ctx context.Context) error {
	address, err := w.cfg.URL.Read(ctx)
	if err != nil {
		return err
	}
	return notifier.Reach(ctx, w.client, address)
}
