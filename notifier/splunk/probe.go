package splunk

import (
	"context"
	"net/http"

	"github.com/ossec-notify/ossec-notify/notifier"
)

// Probe asks the collector's health endpoint, which needs no token, whether it takes events.
func (s *Notifier) Probe(ctx context.Context) error {
	if _, err := s.cfg.Token.ReadHeader("token"); err != nil {
		return err
	}
	health := *s.endpoint
	health.Path, health.RawQuery = "/services/collector/health", ""
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, health.String(), nil)
	if err != nil {
		return err
	}
	if failure := notifier.Do(s.client, req).Failure("ask the health of Splunk HEC at " + s.endpoint.Host); failure != nil {
		return failure
	}
	return nil
}
