package elasticsearch

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/ossec-notify/ossec-notify/notifier"
)

// Probe asks each server who it is, which needs the credential, and one that answers whether that may write to the index.
func (e *Notifier) Probe(ctx context.Context) error {
	credential, err := e.credential(ctx)
	if err != nil {
		return err
	}
	well := make([]bool, len(e.servers))
	err = e.failover.All(func(server int) error {
		err := e.probe(ctx, e.servers[server], credential)
		well[server] = err == nil
		return err
	})
	first := slices.Index(well, true)
	if first < 0 || notifier.IsTemplate(e.cfg.Index) || credential.Header == "" {
		return err
	}
	return cmp.Or(e.mayWrite(ctx, e.servers[first], credential), err)
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
func (e *Notifier) mayWrite(ctx context.Context, server *url.URL, credential notifier.Credential) error {
	index := cmp.Or(e.cfg.Index, defaultIndex)
	body, err := encode(map[string]any{"index": []any{map[string]any{"names": []string{index}, "privileges": []string{"create_doc"}}}})
	if err != nil {
		return err
	}
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
