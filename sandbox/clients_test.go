package sandbox

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/PagerDuty/go-pagerduty"
	"github.com/slack-go/slack"
	"github.com/wneessen/go-mail"
)

// The clients that the channels use must find nothing odd in the stand-ins.

func TestSlackGoTalksToTheWebhook(t *testing.T) {
	s := start(t, Options{})
	message := &slack.WebhookMessage{
		Text: "HIGH: x",
		Blocks: &slack.Blocks{BlockSet: []slack.Block{
			slack.NewHeaderBlock(slack.NewTextBlockObject(slack.PlainTextType, "HIGH: x", false, false)),
			slack.NewSectionBlock(slack.NewTextBlockObject(slack.MarkdownType, "*From*  x", false, true), nil, nil),
		}},
		Attachments: []slack.Attachment{{Color: "#D9480F", Blocks: slack.Blocks{BlockSet: []slack.Block{
			slack.NewContextBlock("", slack.NewTextBlockObject(slack.MarkdownType, "Rule 5712", false, true)),
		}}}},
	}
	if err := slack.PostWebhookContext(t.Context(), s.SlackWebhookURL(), message); err != nil {
		t.Errorf("%v: %q", err, last(t, s).Problems)
	}
	if got := last(t, s).Problems; got != nil {
		t.Errorf("problems: %q", got)
	}

	var status slack.StatusCodeError
	err := slack.PostWebhookContext(t.Context(), s.SlackWebhookURL(), &slack.WebhookMessage{})
	if !errors.As(err, &status) || status.Code != http.StatusBadRequest {
		t.Errorf("got %v, want status 400", err)
	}
}

func TestSlackGoTalksToTheAPI(t *testing.T) {
	s := start(t, Options{RateLimit: true, Now: newClock().Now})
	api := slack.New(FakeSlackToken, slack.OptionAPIURL(s.SlackAPIURL()))
	if who, err := api.AuthTestContext(t.Context()); err != nil || who.TeamID != slackTeam {
		t.Fatalf("got %v, %v", who, err)
	}
	block := slack.NewSectionBlock(slack.NewTextBlockObject(slack.MarkdownType, "x", false, true), nil, nil)
	channel, ts, err := api.PostMessageContext(t.Context(), "#soc", slack.MsgOptionText("x", false), slack.MsgOptionBlocks(block),
		slack.MsgOptionMetadata(slack.SlackMetadata{EventType: "ossec_notify", EventPayload: map[string]any{"id": "1.2"}}))
	if err != nil {
		t.Fatal(err)
	}
	if got := last(t, s).Problems; got != nil {
		t.Errorf("problems: %q", got)
	}
	if _, edited, _, err := api.UpdateMessageContext(t.Context(), channel, ts, slack.MsgOptionText("y", false)); err != nil || edited != ts {
		t.Errorf("got %s, %v; want %s", edited, err, ts)
	}

	var limited *slack.RateLimitedError
	if _, _, err := api.PostMessageContext(t.Context(), "#soc", slack.MsgOptionText("x", false)); !errors.As(err, &limited) || limited.RetryAfter.Seconds() != 1 {
		t.Errorf("got %v, want a rate limit of 1 s", err)
	}
	var refusal slack.SlackErrorResponse
	_, _, err = api.PostMessageContext(t.Context(), "#other", slack.MsgOptionText("x", false), slack.MsgOptionBlocks(
		slack.NewHeaderBlock(slack.NewTextBlockObject(slack.PlainTextType, strings.Repeat("x", 151), false, false))))
	if !errors.As(err, &refusal) || refusal.Err != "invalid_blocks" || len(refusal.ResponseMetadata.Messages) != 2 {
		t.Errorf("got %#v, want invalid_blocks with two messages", err)
	}
}

func TestGoPagerDutyTalksToTheEventsAPI(t *testing.T) {
	s := start(t, Options{})
	client := pagerduty.NewClient("", pagerduty.WithV2EventsAPIEndpoint(s.PagerDutyURL()))
	event := pagerduty.V2Event{
		RoutingKey: FakeRoutingKey, Action: "trigger", DedupKey: "k", Client: "ossec-notify",
		Payload: &pagerduty.V2Payload{Summary: "x", Source: "db-02", Severity: "error", Timestamp: "2026-11-23T13:28:22Z", Details: map[string]string{"log": "x"}},
	}
	answer, err := client.ManageEventWithContext(t.Context(), &event)
	if err != nil || answer.DedupKey != "k" || answer.Status != "success" {
		t.Fatalf("got %+v, %v", answer, err)
	}
	if _, err := client.ManageEventWithContext(t.Context(), &pagerduty.V2Event{RoutingKey: FakeRoutingKey, Action: "resolve", DedupKey: "k"}); err != nil {
		t.Fatal(err)
	}
	if got := s.Incidents(); len(got) != 1 || got[0].Status != Resolved {
		t.Errorf("got %+v", got)
	}
	for _, m := range s.Messages() {
		if m.Problems != nil {
			t.Errorf("problems: %q", m.Problems)
		}
	}
	event.Payload.Severity = "high"
	var refusal pagerduty.APIError
	if _, err := client.ManageEventWithContext(t.Context(), &event); !errors.As(err, &refusal) || refusal.StatusCode != http.StatusBadRequest {
		t.Errorf("got %v, want status 400", err)
	}
}

func TestGoMailTalksToTheMailServer(t *testing.T) {
	cert, pool := certificate(t)
	for name, secure := range map[string]bool{"plain": false, "STARTTLS": true} {
		t.Run(name, func(t *testing.T) {
			opt := Options{SMTPUser: "ossec", SMTPPassword: "p"}
			policy := mail.NoTLS
			if secure {
				opt.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
				policy = mail.TLSMandatory
			}
			s := start(t, opt)
			host, port, err := net.SplitHostPort(s.SMTPAddr())
			if err != nil {
				t.Fatal(err)
			}
			number, err := strconv.Atoi(port)
			if err != nil {
				t.Fatal(err)
			}
			client, err := mail.NewClient(host, mail.WithPort(number), mail.WithTLSPolicy(policy), mail.WithTLSConfig(&tls.Config{RootCAs: pool, ServerName: host}),
				mail.WithSMTPAuth(mail.SMTPAuthPlain), mail.WithUsername("ossec"), mail.WithPassword("p"))
			if err != nil {
				t.Fatal(err)
			}
			m := mail.NewMsg()
			if err := errors.Join(m.FromFormat("ossec-notify mänager", "ossec@example.com"), m.To("root@example.com")); err != nil {
				t.Fatal(err)
			}
			m.Subject("[MEDIUM] Überraschung\r\nBcc: x@example.com")
			m.SetDate()
			m.SetMessageIDWithValue("01J9Z3.1@example.com")
			m.SetBodyString(mail.TypeTextPlain, "line "+strings.Repeat("x", 5000))
			m.AddAlternativeString(mail.TypeTextHTML, "<h1>ü</h1>")
			if err := client.DialAndSendWithContext(t.Context(), m); err != nil {
				t.Fatal(err)
			}
			got := last(t, s)
			if !got.Accepted || got.Problems != nil || got.From != "ossec@example.com" {
				t.Errorf("accepted %v, from %s, problems %q", got.Accepted, got.From, got.Problems)
			}

			s.Script(Email, Reply{At: "RCPT", Status: 450, Body: "4.2.1 busy"})
			var refusal *mail.SendError
			if err := client.DialAndSendWithContext(t.Context(), m); !errors.As(err, &refusal) || !refusal.IsTemp() || refusal.ErrorCode() != 450 {
				t.Errorf("got %v, want a temporary refusal", err)
			}
		})
	}
}
