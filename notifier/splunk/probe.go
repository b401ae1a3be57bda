package splunk

import (
	"context"
	"net/http"

	"github.com/ossec-notify/ossec-notify/notifier"
)

// Probe asks the health endpoint of each collector whether it takes events, which needs no token, and then whether the token is
// good: a request without any event is refused for that, unless it is refused for the token before.
func (s *Notifier) Probe(ctx context.Context) error {
	token, err := s.cfg.Token.ReadHeader(ctx, "token")
	if err != nil {
		return err
	}
	return s.failover.All(func(server int) error { return s.probe(ctx, token, s.indexers[server]) })
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
	return s.probeToken(ctx, token, ix)
}

// probeToken asks a collector with a request without any event whether it would take one.
func (s *Notifier) probeToken(ctx context.Context, token string, ix *indexer) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, ix.endpoint.String(), http.NoBody)
	if err != nil {
		return err
	}
	authorize(req, token, ix)
	answer := notifier.Do(s.client, req)
	answer.Redact(token)
	nothing := &item{}
	(&indexer{endpoint: ix.endpoint, acks: newAcks()}).judge(answer, []*item{nothing}) // which may take it; nobody waits for that
	if err := nothing.result.Err; err != nil && notifier.Classify(err).Reason != notifier.Permanent {
		return err
	}
	return nil
}
