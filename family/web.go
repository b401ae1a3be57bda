package family

import (
	"strings"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/display"
)

// webKind is what a web server's access log tells.
func webKind() kind {
	return kind{family: "web", class: "web attack", is: isWeb, read: readWeb}
}

func isWeb(a *alert.Alert) bool {
	return hasGroup(a, "web", "accesslog") || ungrouped(a, ids{31100, 31199}) ||
		hasGroup(a, "attack") && (a.URL != "" || strings.HasPrefix(a.Decoder, "web-"))
}

// Lines of an access log in the common and the combined form, as they are and as the shell format leaves them,
// with blanks for quotes.
var (
	accessLine  = compile(` [`, `^\S+ \S+ .{1,100}? \[[^\]]{1,40}\] "(\S+) (.*?)(?: HTTP/[\d.]+)?" (\d{3}) \S+(?: "(?:[^"\\]|\\.)*" "((?:[^"\\]|\\.)*)")?`)
	blankedLine = compile(` [`, `^\S+ \S+ .{1,100}? \[[^\]]{1,40}\]  (\S+) (.*?) HTTP/[\d.]+  (\d{3}) \S+(?:  \S*   (.*?))?\s*$`)
)

// readRequest is the request of an alert: what the decoder found, and the log line for the rest.
func readRequest(a *alert.Alert) Request {
	method, url := a.Protocol, a.URL
	if a.Format == alert.FormatOSSEC {
		method = a.Action
	}
	req := Request{Method: firstOf(method), URL: firstOf(url), Status: first(a, "data.id")}
	form := accessLine
	if a.Format == alert.FormatShell {
		form = blankedLine
	}
	if m := form.find(line(a.Log)); m != nil {
		req.Method, req.URL = firstOf(req.Method, m[1]), firstOf(req.URL, m[2])
		req.Status, req.Client = firstOf(req.Status, m[3]), firstOf(m[4])
	}
	if !isStatus(req.Status) {
		req.Status = ""
	}
	return req
}

// isStatus reports the status codes of HTTP.
func isStatus(s string) bool {
	return len(s) == 3 && s[0] >= '1' && s[0] <= '5' && strings.Trim(s, "0123456789") == ""
}

func readWeb(a *alert.Alert, r *Reading, s *sentence) {
	req := readRequest(a)
	s.From = address(a)
	r.Next = w("Any answer but 4xx to this address? If there is none, it is noise.")
	// Wazuh counts each 4xx and 5xx among the attacks.
	status := isStockRule(a, ids{31101, 31102}, ids{31120, 31123})
	attack := !status && hasGroup(a, "attack", "web_attack", "sqlinjection", "sql_injection", "attacks") ||
		ungrouped(a, ids{31103, 31106}, ids{31109, 31115}, ids{31152, 31154}, ids{31164, 31199})
	scan := hasGroup(a, "web_scan", "recon") || ungrouped(a, ids{31151, 31151}, ids{31161, 31163})
	answered := strings.HasPrefix(req.Status, "2")
	switch {
	case attack && answered:
		s.What = "Web attack"
		s.Tail = display.Join(w(", answered "), q(req.Status))
		r.Next = w("See what it returned.")
	case attack:
		s.What = "Web attack"
	case scan:
		s.What = "Web scan"
	case strings.HasPrefix(req.Status, "5"):
		s.What = "Web server error"
		r.Next = w("See why the server failed: by itself, or because of this request?")
	case strings.HasPrefix(req.Status, "4"):
		s.What = "Web request refused"
	default:
		s.What = "Web request"
	}

	r.fact("From", endpoint(a.Source))
	request := q(strings.TrimSpace(req.Method + " " + req.URL))
	switch {
	case request.IsZero():
		r.fact("Answer", q(req.Status))
	default:
		r.fact("Request", request, opt(", answered ", req.Status, ""))
	}
	r.fact("Client", q(req.Client))
	r.fact("Tries", r.tries(a))
	if req != (Request{}) {
		r.Request = &req
	}
	r.Program = webServer(a.Location)
	r.Object = s.From
}

// webServers are the servers that are known by the path of their log.
var webServers = []string{"nginx", "apache2", "apache", "httpd", "lighttpd", "caddy", "haproxy", "squid", "tomcat"}

// webServer is the program that writes an access log, by the directory it lies in. The decoder does not tell.
func webServer(location string) string {
	for _, name := range webServers {
		if strings.Contains(location, "/"+name+"/") || strings.Contains(location, "/"+name+"-") {
			return name
		}
	}
	return ""
}
