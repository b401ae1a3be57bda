package draw

// pictureMail is a mail with what mails have.
const pictureMail = "From: =?utf-8?q?J=C3=B6rg?= <j@example.com>\r\nTo: a@example.com,\r\n b@example.com\r\nSubject: =?iso-8859-1?q?=E4?= b\r\nX-A: 1\r\nX-A: 2\r\n" +
	"Content-Type: multipart/mixed; boundary=m\r\n\r\n--m\r\nContent-Type: multipart/related; boundary=r\r\n\r\n--r\r\nContent-Type: multipart/alternative; boundary=a\r\n\r\n" +
	"--a\r\nContent-Type: text/plain; charset=iso-8859-1\r\n\r\nGr\xfc\xdfe\r\n… 12 of 40 lines\r\nbye\r\n--a\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
	"PGltZyBzcmM9ImNpZDpwaWNAZXhhbXBsZS5jb20iPjxpbWcgc3JjPSJodHRwczovL2V2aWwuZXhhbXBsZS94LnBuZyI+PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==\r\n--a--\r\n" +
	"--r\r\nContent-Type: image/png\r\nContent-ID: <pic@example.com>\r\nContent-Transfer-Encoding: base64\r\n\r\niVBO\r\nRw==\r\n--r--\r\n" +
	"--m\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename=\"a.pdf\"\r\n\r\nx\r\n--m--\r\n"
