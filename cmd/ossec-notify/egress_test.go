package main

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const everyChannel = `
egress: {allow: [%s]}
receivers:
  a: {slack: {webhook_url: "https://hooks.slack.com/services/T0/B0/x"}}
  b: {slack: {token: xoxb-1, channel: "#soc"}}
  c: {pagerduty: {routing_key: 00000000000000000000000000000000, region: eu, api_token: x}}
  d: {webhook: {url: "http://192.0.2.7/hook"}}
  e: {splunk: {url: "https://splunk.example.com:8088", token: x}}
  f: {email: {smtp: "smtp://mail.example.com", from: a@example.com, to: b@example.com}}
  g: {webhook: {url: "https://hooks.example.com/x", network: {proxy: "http://proxy.example.com:3128"}}}
  h: {webhook: {url: {file: /nonexistent}}}
always: []
`

func TestCheckWarnsOfReceiversThatEgressCutsOff(t *testing.T) {
	tests := []struct {
		allow string
		want  []string // places, and where they lead
	}{
		{"elsewhere.test", []string{
			"a webhook_url hooks.slack.com:443", "b api_url slack.com:443", "c api_token api.eu.pagerduty.com:443", "c region events.eu.pagerduty.com:443", "d url 192.0.2.7:80",
			"e url splunk.example.com:8088", "f smtp mail.example.com:587", "g network.proxy proxy.example.com:3128", "g url hooks.example.com:443",
		}},
		{`hooks.slack.com, slack.com, "*.pagerduty.com", 192.0.2.0/24, "*.example.com"`, nil},
		{`0.0.0.0/0`, []string{"g url hooks.example.com:443"}}, // a proxy looks that name up
		{`0.0.0.0/0, hooks.example.com:80`, []string{"g url hooks.example.com:443"}},
	}
	for _, tt := range tests {
		t.Run(tt.allow, func(t *testing.T) {
			var want, got []string
			for _, w := range tt.want {
				var receiver, key, to string
				if _, err := fmt.Sscan(w, &receiver, &key, &to); err != nil {
					t.Fatal(err)
				}
				what := "nothing can be sent there"
				if key == "api_token" {
					what = "nobody can be asked there"
				}
				want = append(want, fmt.Sprintf("receiver %q: %s: leads to %s, which is not in egress.allow: %s", receiver, key, to, what))
			}
			for _, f := range checkEgress(t.Context(), mustLoad(t, fmt.Sprintf(everyChannel, tt.allow))) {
				if !f.Warning || f.code != exitDone || f.Line == 0 {
					t.Errorf("got %+v, want a warning with its place", f)
				}
				got = append(got, f.Message)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("warnings differ (-want +got):\n%s", diff)
			}
		})
	}
}
