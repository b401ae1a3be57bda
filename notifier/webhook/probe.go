package webhook

import (
	"context"
	"errors"
	"net/http"

	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/templates/presets"
)

// Probe sees that the server is reachable; what it would say to a request cannot be known without one.
func (w *Notifier) Probe(ctx context.Context) error {
	secrets := secrets{}
	if w.preset != nil {
		f := filled{ctx, w, notifier.Notification{Action: notifier.Trigger, Delivery: "probe", Alert: "probe"}, &secrets}
		r, _ := w.preset.For(presets.Trigger, w.cfg.gives)
		target, err := f.target(r)
		if err != nil {
			return err
		}
		return notifier.Reach(ctx, w.client, target.String(), secrets.values...)
	}
	target, err := w.target(ctx, &secrets)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, w.method, target.String(), nil)
	if err != nil {
		return w.cfg.URL.Unfit("url", errors.New("is not a URL"))
	}
	if err := w.setHeaders(req, "", &secrets); err != nil { // as a request would have them
		return err
	}
	return notifier.Reach(ctx, w.client, target.String(), secrets.values...)
}
