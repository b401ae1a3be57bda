package splunk

import (
	"context"
	"fmt"
	"net/http"
	"sync"

	"github.com/ossec-notify/ossec-notify/notifier"
)

// Probe asks the health endpoint of each collector, which needs no token, whether it takes events.
func (s *Notifier) Probe(ctx context.Context) error {
	token, err := s.cfg.Token.ReadHeader(ctx, "token")
	if err != nil {
		return err
	}
	errs := make([]error, len(s.indexers.all))
	var probes sync.WaitGroup
	for i, ix := range s.indexers.all {
		probes.Go(func() { errs[i] = s.probe(ctx, token, ix) })
	}
	probes.Wait()
	var all error
	for _, err := range errs {
		switch {
		case all == nil:
			all = err
		case err != nil:
			all = fmt.Errorf("%w; %w", all, err)
		}
	}
	return all
}

func (s *Notifier) probe(ctx context.Context, token string, ix *indexer) error {
	health := *ix.endpoint
	health.Path, health.RawQuery = "/services/collector/health", ""
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, health.String(), nil)
	if err != nil {
		return err
	}
	answer := notifier.Do(s.client, req)
	answer.Redact(token)
	if failure := answer.Failure("ask the health of Splunk HEC at " + ix.endpoint.Host); failure != nil {
		return failure
	}
	return nil
}
