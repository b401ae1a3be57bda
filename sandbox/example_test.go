package sandbox_test

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/ossec-notify/ossec-notify/sandbox"
)

func Example() {
	s, err := sandbox.Start(sandbox.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()

	s.Script(sandbox.Slack, sandbox.Reply{Status: 429, Header: http.Header{"Retry-After": {"30"}}})
	for _, body := range []string{`{"text":"too soon"}`, `{"text":"hello"}`, `{"blocks":[{"type":"header"}]}`} {
		resp, err := http.Post(s.SlackWebhookURL(), "application/json", strings.NewReader(body))
		if err != nil {
			fmt.Println(err)
			return
		}
		resp.Body.Close()
	}
	for _, m := range s.Messages() {
		fmt.Printf("%d %s %q\n", m.Status, m.Answer, m.Problems)
	}
	// Output:
	// 429  []
	// 200 ok []
	// 400 invalid_blocks ["missing required field: text [json-pointer:/blocks/0]"]
}
