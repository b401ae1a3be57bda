package draw

import (
	"fmt"
	"strings"
	"testing"
)

// pictureMail is a mail with what mails have.
const pictureMail = "From: =?utf-8?q?J=C3=B6rg?= <j@example.com>\r\nTo: a@example.com,\r\n b@example.com\r\nSubject: =?iso-8859-1?q?=E4?= b\r\nX-A: 1\r\nX-A: 2\r\n" +
	"Content-Type: multipart/mixed; boundary=m\r\n\r\n--m\r\nContent-Type: multipart/related; boundary=r\r\n\r\n--r\r\nContent-Type: multipart/alternative; boundary=a\r\n\r\n" +
	"--a\r\nContent-Type: text/plain; charset=iso-8859-1\r\n\r\nGr\xfc\xdfe\r\nbye\r\n--a\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
	"PGltZyBzcmM9ImNpZDpwaWNAZXhhbXBsZS5jb20iPjxpbWcgc3JjPSJodHRwczovL2V2aWwuZXhhbXBsZS94LnBuZyI+PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==\r\n--a--\r\n" +
	"--r\r\nContent-Type: image/png\r\nContent-ID: <pic@example.com>\r\nContent-Transfer-Encoding: base64\r\n\r\niVBO\r\nRw==\r\n--r--\r\n" +
	"--m\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename=\"a.pdf\"\r\n\r\nx\r\n--m--\r\n"

func TestMail(t *testing.T) {
	l, err := Mail([]byte(pictureMail))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := inPairs(l.Headers), "From: Jörg <j@example.com>|To: a@example.com, b@example.com|Subject: ä b"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := inPairs(l.More), "Content-Type: multipart/mixed; boundary=m|X-A: 1|X-A: 2"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := outline(l.Text), `group[pre["Grüße\nbye"]]`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if want := `<img src="data:image/png;base64,iVBORw=="><img src="https://evil.example/x.png"><script>alert(1)</script>`; l.HTML != want {
		t.Errorf("got %s, want %s", l.HTML, want)
	}
	if l.Subject != "ä b" || l.Inlined != 1 || l.Remote != 1 || l.Active != 1 || strings.Join(l.Attached, ",") != "a.pdf" {
		t.Errorf("subject %q, %d inlined, %d remote, %d active, attached %q", l.Subject, l.Inlined, l.Remote, l.Active, l.Attached)
	}
	if got, want := TextOf(l.Source), strings.ReplaceAll(pictureMail, "\r\n", "\n"); got != want {
		t.Errorf("the source is %q", got)
	}
	if got, want := outline(l.Source.Children[0]), `run "From:" of "name"`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// inPairs are the rows of a table.
func inPairs(table Node) string {
	var rows []string
	for _, n := range table.Children {
		rows = append(rows, n.Text+": "+TextOf(line(n.Children)))
	}
	return strings.Join(rows, "|")
}

func TestMailIsWrapped(t *testing.T) {
	words := strings.Repeat("word ", 20)
	l, err := Mail([]byte("Subject: x\r\n\r\n" + words + "\r\n" + strings.Repeat("x", 150) + "\r\nshort"))
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf(`group[pre[%q br of "fold" %q br of "fold" %q br of "fold" %q]]`, strings.Repeat("word ", 14), strings.Repeat("word ", 6)+"\n"+strings.Repeat("x", 72), strings.Repeat("x", 72), "xxxxxx\nshort")
	if got := strings.ReplaceAll(outline(l.Text), "/", `br of "fold"`); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got, want := TextOf(l.Text), words+"\n"+strings.Repeat("x", 150)+"\nshort"; got != want {
		t.Errorf("it says %q, want %q", got, want)
	}
}

func TestMailSaysWhereItWasCut(t *testing.T) {
	l, err := Mail([]byte("Subject: x\r\n\r\nLog  a\r\n     … 12 of 40 lines\r\nbye"))
	if got, want := outline(l.Text), `group[pre["Log  a"] cut "28 lines cut here" pre["     … 12 of 40 lines\nbye"]]`; err != nil || got != want {
		t.Errorf("got %s (%v), want %s", got, err, want)
	}
}

func TestMailCountsWhatWouldLoad(t *testing.T) {
	for page, want := range map[string][2]int{ // remote, active
		`<p>https://a.example src="https://b.example"</p>`:                    {1, 0}, // one too many rather than one too few
		`<img src=https://a.example/x><img src='//a.example/y' alt=x>`:        {2, 0},
		`<img srcset="https://a.example/1 1x, https://a.example/2 2x" src=x>`: {2, 0},
		`<td background="http://a.example/x">`:                                {1, 0},
		`<p style="background:url( 'https://a.example/x' )">`:                 {1, 0},
		`<style>@import "https://a.example/x.css"; a{b:url(//a.example)}`:     {2, 0},
		`<link rel=stylesheet href="https://a.example/x.css">`:                {1, 0},
		`<a href="https://a.example/">x</a><img src="data:image/png,x">`:      {0, 0},
		`<!-- <img src="https://a.example/x"> -->`:                            {0, 0},
		`<form action=x><iframe></iframe><a href="javascript:x">`:             {0, 3},
		`<meta http-equiv="refresh" content="0;url=x"><p onclick="x">`:        {0, 2},
	} {
		l, err := Mail([]byte("Content-Type: text/html\r\n\r\n" + page))
		if err != nil {
			t.Fatal(err)
		}
		if got := [2]int{l.Remote, l.Active}; got != want {
			t.Errorf("%s: got %v, want %v", page, got, want)
		}
		if l.Text.Kind != "" || l.HTML != page {
			t.Errorf("the text is %v, the HTML %q", l.Text, l.HTML)
		}
	}
}

func TestMailOfWhatIsNone(t *testing.T) {
	deep := "Content-Type: multipart/mixed; boundary=b0\r\n\r\n"
	for i := range 20 {
		deep += fmt.Sprintf("--b%d\r\nContent-Type: multipart/mixed; boundary=b%d\r\n\r\n", i, i+1)
	}
	for name, message := range map[string]string{
		"nothing":            "",
		"no headers":         "no headers at all\r\n\r\nx",
		"very deep":          deep,
		"many parts":         "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat("--b\r\n\r\nx\r\n", 1000) + "--b--",
		"a broken part":      "Content-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!",
		"not closed":         "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx",
		"over the limit":     "Subject: x\r\n\r\n" + strings.Repeat("x", maxMail),
		"no boundary at all": "Content-Type: multipart/mixed\r\n\r\n--\r\n",
	} {
		l, err := Mail([]byte(message))
		if err == nil || !strings.HasPrefix(err.Error(), "draw the mail: ") {
			t.Errorf("%s: %v", name, err)
		}
		if len(message) <= maxMail && (l == nil || TextOf(l.Source) != strings.ReplaceAll(message, "\r\n", "\n")) {
			t.Errorf("%s: the source is not there", name)
		}
	}
}

func TestMailSaysWhatWasSent(t *testing.T) {
	l, err := Mail(goldens(t, "email/testdata/*.eml")["brute-force.eml"])
	if err != nil {
		t.Fatal(err)
	}
	text := TextOf(l.Text)
	if !strings.HasPrefix(text, "From     203.0.113.9\nUser     jörg (no such user)\n\nLog      Failed password") || !strings.HasSuffix(text, "x\n.\nend\n") {
		t.Errorf("the text is %q", text)
	}
	if want := "<pre>j&ouml;rg &lt;b&gt;</pre>"; !strings.Contains(l.HTML, want) {
		t.Errorf("the HTML is %q, want %q in it", l.HTML, want)
	}
}
