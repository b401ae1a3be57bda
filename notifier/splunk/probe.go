package splunk

import (
	"context"
	"net/http"

	"github.com/ossec-notify/ossec-notify/notifier"
)

// Probe asks the collector's health endpoint, which needs no token, whether it takes events.
func (s *Notifier) Probe(ctx context.Context) error {
	token, err := s.cfg.Token.ReadHeader(ctx, "token")
	if err != nil {
		return err
	}
	health := *s.endpoint
	health.Path, health.RawQuery = "/services/collector/health", ""
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, health.String(), nil)
	if err != nil {
		return err
	}
	answer := notifier.Do(s.client, req)
	answer.Redact(token)
	if failure := answer.Failure("ask the health of Splunk HEC at " + s.endpoint.Host); failure != nil {
		return failure
	}
	return nil
}
