package notifier

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestWhatIsNotReachedSaysWhatToDo(t *testing.T) {
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	client, err := NewClient(Network{}, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer client.CloseIdleConnections()
	for url, want := range map[string]string{
		closed.URL: "nobody listens there",
		strings.Replace(plain.URL, "http://", "https://", 1): "this port does not speak TLS",
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		got := Do(client, req).Failure("post to a test")
		if got == nil || got.Reason != Temporary || !strings.Contains(got.Hint, want) {
			t.Errorf("%s: got %v, want a hint that %s", url, got, want)
		}
	}
}
