package oncall

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/PagerDuty/go-pagerduty"

	"github.com/ossec-notify/ossec-notify/notifier"
)

// The accounts' addresses, by where the account lives.
const (
	endpointUS = "https://api.pagerduty.com"
	endpointEU = "https://api.eu.pagerduty.com"
)

// Source is a PagerDuty account that is asked. It is safe for concurrent use.
type Source struct {
	// Token is a key of the REST API, which need be no more than read-only. It is read at each use.
	Token notifier.Secret
	// Endpoint is the API's address; "" is that of accounts in the United States.
	Endpoint string
	// Client is made by [notifier.NewClient].
	Client *http.Client
}

func (s *Source) endpoint() string { return strings.TrimRight(cmp.Or(s.Endpoint, endpointUS), "/") }

// askTimeout bounds one question, with all pages of its answer.
const askTimeout = 10 * time.Second

// deadline bounds one question.
func deadline(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, askTimeout, fmt.Errorf("no answer within %s", askTimeout))
}

// Bounds of what is taken from PagerDuty.
const (
	maxBody = 2 << 20 // bytes of one page: a hundred people with all their settings are some hundred kilobytes
	maxText = 255     // characters of a name, an address, an id
	// pageSize is the most that PagerDuty gives at a time (docs/REST-API/09-Pagination.md).
	pageSize = 100
	maxPages = 10
)

// ask makes one request through the library. What came back is taken from the connection, as the library keeps neither
// the network's error nor what the server wants us to wait. read says what is missing in an answer that is none.
func ask[T any](ctx context.Context, s *Source, what string, request func(*pagerduty.Client) (*T, error), read func(*T) error) (*T, *notifier.Answer, error) {
	got, answer, err := askOnce(ctx, s, what, request, read)
	if err != nil && notifier.Classify(err).Reason == notifier.Misconfigured && s.Token.Renew() { // it was replaced, perhaps
		return askOnce(ctx, s, what, request, read)
	}
	return got, answer, err
}

func askOnce[T any](ctx context.Context, s *Source, what string, request func(*pagerduty.Client) (*T, error), read func(*T) error) (*T, *notifier.Answer, error) {
	token, err := s.Token.ReadHeader(ctx, "token")
	if err != nil {
		return nil, nil, err
	}
	client, answer := notifier.CaptureUpTo(maxBody, s.Client)
	api := pagerduty.NewClient(token, pagerduty.WithAPIEndpoint(s.endpoint()))
	api.HTTPClient = redacting{client, answer, token}
	got, err := request(api)
	if failure := failed(what, answer); failure != nil {
		return nil, answer, failure
	}
	unread := func(why error) error {
		e := notifier.Errorf(notifier.Temporary, "%s: status %d, and the answer is not PagerDuty's: %w", what, answer.Status, why)
		e.Status = answer.Status
		e.Hint = "something between this host and PagerDuty answers, such as a proxy, or endpoint is wrong"
		return e
	}
	switch {
	case answer.Status == 0: // there was no request
		return nil, answer, notifier.Errorf(notifier.Permanent, "%s: %w", what, notifier.Unurl(err))
	case answer.Status != http.StatusOK:
		return nil, answer, unread(errors.New("success is 200"))
	case len(answer.Body) == maxBody:
		return nil, answer, unread(fmt.Errorf("it has more than %d bytes", maxBody))
	case err != nil: // of JSON
		return nil, answer, unread(errors.New(notifier.Snippet([]byte(err.Error()))))
	}
	if err := read(got); err != nil {
		return nil, answer, unread(err)
	}
	return got, answer, nil
}

// redacting takes the token out of answers before anybody reads them: a server may repeat it, and what it says is shown,
// logged and kept.
type redacting struct {
	*http.Client
	answer *notifier.Answer
	token  string
}

func (c redacting) Do(req *http.Request) (*http.Response, error) {
	resp, err := c.Client.Do(req)
	if err != nil && c.answer.Err == nil {
		c.answer.Err = notifier.Unurl(err)
	}
	c.answer.Redact(c.token)
	if err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(c.answer.Body))
	return resp, nil
}

// failed reads an answer that is no success (docs/REST-API/14-Errors.md).
func failed(what string, a *notifier.Answer) error {
	e := a.Failure(what)
	if e == nil || a.Err != nil {
		if e == nil {
			return nil
		}
		return e
	}
	var body struct {
		Error pagerduty.NullAPIErrorObject `json:"error"`
	}
	if json.Unmarshal(a.Body, &body) == nil && body.Error.Valid {
		of := body.Error.ErrorObject
		said := strings.Trim(strings.Join(append([]string{of.Message}, of.Errors...), ": "), ": ")
		if said != "" {
			e.Err = fmt.Errorf("%s: status %d: %s", what, a.Status, notifier.Snippet([]byte(said)))
		}
		if of.Code != 0 {
			e.Code = strconv.Itoa(of.Code)
		}
	}
	switch a.Status {
	case http.StatusUnauthorized:
		e.Hint = "token is not accepted: make a read-only API key under Integrations, API Access Keys; an integration key is none. An account in the EU needs region: eu"
	case http.StatusForbidden:
		e.Hint = "the token may not see this: an account's read-only key sees all, a user's key what the user sees"
	case http.StatusNotFound:
		e.Hint = "look at pagerduty_schedule and region: the token is of an account that does not have it"
	case http.StatusTooManyRequests:
		e.RetryAfter = max(e.RetryAfter, rateLimitReset(a.Header))
	}
	return e
}

// rateLimitReset is how long until requests are answered again (docs/REST-API/04-Rate-Limits.md).
func rateLimitReset(h http.Header) time.Duration {
	s, err := strconv.ParseUint(strings.TrimSpace(h.Get("ratelimit-reset")), 10, 32)
	if err != nil {
		return 0
	}
	return min(time.Duration(s)*time.Second, notifier.MaxRetryAfter)
}

// Ahead is for how long an answer tells who will be on call. PagerDuty takes up to 90 days; what is farther away is
// changed more often than it is needed.
const Ahead = 72 * time.Hour

// onCall asks who is on call by a schedule, and who will be.
//
// GET /oncalls gives the entries of a schedule that some escalation policy has, once for each policy and level: of
// schedules of both kinds, with layers and with shifts (docs/REST-API/21-Schedules-v2-to-v3-Upgrade.md). `since` is left
// out, for it is then PagerDuty's own time and not that of a clock that may be wrong.
func (s *Source) onCall(ctx context.Context, schedule string) (*answer, error) {
	a, err := s.shifts(ctx, schedule, Ahead)
	if errors.Is(err, errTooMany) { // shifts of minutes, or very many policies
		a, err = s.shifts(ctx, schedule, 0)
	}
	return a, err
}

var errTooMany = fmt.Errorf("more than %d entries", maxPages*pageSize)

func (s *Source) shifts(ctx context.Context, schedule string, ahead time.Duration) (*answer, error) {
	what := "ask PagerDuty who is on call by schedule " + schedule
	now := time.Now()
	a := &answer{Asked: now, Until: now.Add(max(ahead, time.Second)), Shifts: []shift{}}
	options := pagerduty.ListOnCallOptions{ScheduleIDs: []string{schedule}, Includes: []string{"users"}, Limit: pageSize, TimeZone: "UTC"}
	if ahead > 0 {
		options.Until = a.Until.UTC().Format(time.RFC3339)
	}
	for range maxPages {
		var shifts []shift
		page, said, err := ask(ctx, s, what,
			func(api *pagerduty.Client) (*pagerduty.ListOnCallsResponse, error) {
				return api.ListOnCallsWithContext(ctx, options)
			},
			func(page *pagerduty.ListOnCallsResponse) (err error) {
				shifts, err = readOnCalls(page, schedule)
				return err
			})
		if err != nil {
			return nil, err
		}
		// Who is on call by PagerDuty's clock is so by ours.
		theirs, err := http.ParseTime(said.Header.Get("Date"))
		if err != nil {
			theirs = now
		}
		for i := range shifts {
			if !shifts[i].From.After(theirs) {
				shifts[i].From = time.Time{}
			}
		}
		a.Shifts = append(a.Shifts, shifts...)
		if !page.More {
			return a, nil
		}
		options.Offset += pageSize
	}
	return nil, notifier.Errorf(notifier.Temporary, "%s: %w", what, errTooMany)
}

func readOnCalls(page *pagerduty.ListOnCallsResponse, schedule string) ([]shift, error) {
	if page.OnCalls == nil { // that nobody is on call is said with an empty list
		return nil, errors.New("it has no oncalls")
	}
	var found []shift
	for _, x := range page.OnCalls {
		if x.Schedule.ID != schedule { // it did not do as it was asked; other people must not be woken for that
			continue
		}
		p := Person{ID: bounded(x.User.ID), Name: bounded(cmp.Or(x.User.Name, x.User.Summary)), Email: bounded(x.User.Email), Level: int(min(x.EscalationLevel, 1000))}
		if p.ID == "" && p.Name == "" && p.Email == "" {
			return nil, errors.New("an entry has no user")
		}
		from, err := readTime(x.Start)
		if err != nil {
			return nil, fmt.Errorf("start: %w", err)
		}
		to, err := readTime(x.End)
		if err != nil {
			return nil, fmt.Errorf("end: %w", err)
		}
		found = append(found, shift{p, from, to})
	}
	return found, nil
}

// bounded is a text of PagerDuty's at a length that can be kept.
func bounded(s string) string {
	s = strings.TrimSpace(strings.ToValidUTF8(s, "\ufffd"))
	if utf8.RuneCountInString(s) > maxText {
		s = string([]rune(s)[:maxText-1]) + "…"
	}
	return s
}

// readTime reads a time of PagerDuty's; none is zero.
func readTime(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is no time", notifier.Snippet([]byte(s)))
	}
	return t.UTC(), nil
}

// Check asks for a schedule as the cache does and, where nobody is on call, whether PagerDuty knows it at all: it says
// the same of a schedule that is not there.
func (s *Source) Check(ctx context.Context, schedule string) (People, error) {
	a, err := s.onCall(ctx, schedule)
	if err != nil {
		return nil, err
	}
	if len(a.Shifts) > 0 {
		return a.people(a.Asked), nil
	}
	found, _, err := ask(ctx, s, "ask PagerDuty for schedule "+schedule,
		func(api *pagerduty.Client) (*pagerduty.Schedule, error) {
			return api.GetScheduleWithContext(ctx, schedule, pagerduty.GetScheduleOptions{TimeZone: "UTC"})
		},
		func(*pagerduty.Schedule) error { return nil })
	switch {
	case err != nil && notifier.Classify(err).Status == http.StatusBadRequest: // one with shifts is asked for elsewhere
		return People{}, nil
	case err != nil:
		return nil, err
	case len(found.EscalationPolicies) == 0:
		e := notifier.Errorf(notifier.Misconfigured, "schedule %s is in no escalation policy, so PagerDuty has nobody on call by it", schedule)
		e.Hint = "put it into an escalation policy in PagerDuty"
		return nil, e
	}
	return People{}, nil
}
