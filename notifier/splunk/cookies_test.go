package splunk

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestCookiesAreBounded has a server that sets other cookies in each answer, and larger ones than anybody needs.
func TestCookiesAreBounded(t *testing.T) {
	answers := 0
	var brought []*http.Cookie
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answers++
		brought = r.Cookies()
		for i := range 5 {
			http.SetCookie(w, &http.Cookie{Name: fmt.Sprintf("c%d-%d", answers, i), Value: "x", Path: "/"})
		}
		http.SetCookie(w, &http.Cookie{Name: "huge", Value: strings.Repeat("x", maxCookie), Path: "/"})
		http.SetCookie(w, &http.Cookie{Name: "AWSALB", Value: fmt.Sprint("indexer-", answers), Path: "/"})
		_, _ = io.WriteString(w, `{"text":"Success","code":0}`)
	}))
	defer s.Close()
	n := newNotifier(t, Config{URLs: []string{s.URL}}, s.Client())
	for i := range 40 {
		if _, err := n.Notify(t.Context(), bruteForce()); err != nil {
			t.Fatal(err)
		}
		sticky := ""
		for _, c := range brought {
			if c.Name == "huge" {
				t.Error("a cookie of more than 4 KiB came back")
			}
			if c.Name == "AWSALB" {
				sticky = c.Value
			}
		}
		if i > 0 && sticky != fmt.Sprint("indexer-", i) || len(brought) > maxCookies {
			t.Errorf("request %d brought %d cookies, and %q for the indexer", i+1, len(brought), sticky)
		}
	}
}
