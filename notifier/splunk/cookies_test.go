package splunk

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestCookiesAreBounded(t *testing.T) {
	u := &url.URL{Scheme: "https", Host: "splunk:8088", Path: "/services/collector"}
	set := func(c *cookies, name string, n int) {
		c.SetCookies(u, []*http.Cookie{{Name: name, Value: strings.Repeat("x", n), Path: "/"}})
	}
	var c cookies
	if got := c.Cookies(u); got != nil {
		t.Errorf("there are %v", got)
	}
	for i := range 1000 {
		set(&c, fmt.Sprint("c", i), 1000)
		set(&c, "AWSALB", 100)
	}
	size, last := 0, ""
	for _, x := range c.Cookies(u) {
		size += len(x.Name) + len(x.Value)
		last += " " + x.Name
	}
	if size == 0 || size > maxCookies || !strings.Contains(last, "AWSALB") {
		t.Errorf("%d bytes are sent:%s", size, last)
	}
	set(&c, "large", maxCookies)
	if got := c.Cookies(u); strings.Contains(fmt.Sprint(got), "large") || len(got) == 0 {
		t.Errorf("a large one is kept, or took the others away: %v", got)
	}
}
