package pagerduty

import (
	"context"

	"github.com/ossec-notify/ossec-notify/notifier"
)

// Probe sees that the endpoint is reachable. Whether the routing key is good cannot be asked without an event.
func (p *Notifier) Probe(ctx context.Context) error {
	key, err := p.readKey(ctx)
	if err != nil {
		return err
	}
	return notifier.Reach(ctx, p.client, p.endpoint, key)
}
