package elasticsearch

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"github.com/ossec-notify/ossec-notify/notifier"
)

// Probe asks each server who it is, which needs the credential, and one of them whether that may write to the index.
func (e *Notifier) Probe(ctx context.Context) error {
	credential, err := e.credential(ctx)
	if err != nil {
		return err
	}
	if err := e.failover.All(func(server int) error { return e.probe(ctx, e.servers[server], credential) }); err != nil {
		return err
	}
	if isTemplate(e.cfg.Index) || credential.Header == "" {
		return nil
	}
	return e.mayWrite(ctx, credential)
}

func (e *Notifier) probe(ctx context.Context, server *url.URL, credential notifier.Credential) error {
	a, err := e.ask(ctx, http.MethodGet, server.JoinPath("/"), nil, credential)
	if err != nil {
		return err
	}
	what := "ask Elasticsearch at " + server.Host
	if a.Err == nil && a.Status == http.StatusForbidden { // who may only write may not read what it is
		return nil
	}
	if failure := readFailure(what, a); failure != nil {
		return failure
	}
	var who struct {
		Version struct {
			Number string `json:"number"`
		} `json:"version"`
	}
	if json.Unmarshal(a.Body, &who) != nil || who.Version.Number == "" {
		e := notifier.Errorf(notifier.Misconfigured, "%s: status %d, but the answer is none of Elasticsearch or OpenSearch", what, a.Status)
		e.Hint = "check the setting url"
		return e
	}
	return nil
}

// mayWrite asks whether the credential has the privilege for the index. A server that has no such question is not asked
// further.
func (e *Notifier) mayWrite(ctx context.Context, credential notifier.Credential) error {
	index := cmp.Or(e.cfg.Index, defaultIndex)
	body, err := encode(map[string]any{"index": []any{map[string]any{"names": []string{index}, "privileges": []string{"create_doc"}}}})
	if err != nil {
		return err
	}
	server := e.servers[0]
	a, err := e.ask(ctx, http.MethodPost, server.JoinPath("_security/user/_has_privileges"), body, credential)
	if err != nil {
		return err
	}
	var reply struct {
		All *bool `json:"has_all_requested"`
	}
	if a.Err != nil || a.Status != http.StatusOK || json.Unmarshal(a.Body, &reply) != nil || reply.All == nil || *reply.All {
		return nil
	}
	refused := notifier.Errorf(notifier.Misconfigured, "ask Elasticsearch at %s: the credential may not create documents in %s", server.Host, index)
	refused.Hint = mayNotWrite
	return refused
}

func (e *Notifier) ask(ctx context.Context, method string, target *url.URL, body []byte, credential notifier.Credential) (*notifier.Answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, target.String(), bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("ask Elasticsearch: %w", err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	credential.Set(req)
	a := notifier.Do(e.client, req)
	a.Redact(credential.Secrets...)
	return a, nil
}
