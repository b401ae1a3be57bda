package sandbox

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/mail"
	"regexp"
	"strings"
)

// mailLine is the longest line of a mail in bytes, without its end (RFC 5322, 2.1.1).
const mailLine = 998

// checkMail reads a mail as strictly as RFC 5322 and RFC 2045 put it. Mail servers take most of these mistakes;
// filters and readers punish them.
func checkMail(body []byte) (http.Header, []string) {
	var problems []string
	problem := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }

	head, rest, _ := bytes.Cut(body, []byte("\r\n\r\n"))
	if bareEnds(head) {
		problem("bare CR or LF in the header")
	}
	if bareEnds(rest) {
		problem("bare CR or LF in the body")
	}
	if n := longLine(body); n > 0 {
		problem("a line has %d bytes, over %d", n, mailLine)
	}
	if bytes.ContainsRune(body, 0) {
		problem("a NUL byte")
	}
	if bytes.ContainsFunc(head, func(r rune) bool { return r >= 0x80 }) {
		problem("the header is not ASCII")
	}

	m, err := mail.ReadMessage(bytes.NewReader(body))
	if err != nil {
		problem("the header cannot be read: %v", err)
		return nil, problems
	}
	for _, name := range []string{"From", "Date", "Message-Id", "Subject"} {
		switch values := m.Header[name]; {
		case len(values) == 0 || strings.TrimSpace(values[0]) == "":
			problem("%s is missing", name)
		case len(values) > 1:
			problem("%s is there %d times", name, len(values))
		}
	}
	if m.Header.Get("Date") != "" {
		if _, err := m.Header.Date(); err != nil {
			problem("Date cannot be read: %v", err)
		}
	}
	if id := m.Header.Get("Message-Id"); id != "" && !isMessageID(id) {
		problem("Message-Id is not <LEFT@RIGHT>")
	}
	if m.Header.Get("To") == "" && m.Header.Get("Cc") == "" && m.Header.Get("Bcc") == "" {
		problem("neither To nor Cc")
	}
	for _, name := range []string{"From", "To", "Cc", "Reply-To"} {
		if m.Header.Get(name) == "" {
			continue
		}
		if _, err := m.Header.AddressList(name); err != nil {
			problem("%s is no list of addresses: %v", name, err)
		}
	}
	if _, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject")); err != nil {
		problem("Subject has an encoded word that cannot be read: %v", err)
	}
	if m.Header.Get("Content-Type") != "" && m.Header.Get("Mime-Version") == "" {
		problem("MIME-Version is missing")
	}
	if err := checkPart(m.Header.Get("Content-Type"), m.Header.Get("Content-Transfer-Encoding"), m.Body, 0); err != nil {
		problem("the body: %v", err)
	}
	return http.Header(m.Header), problems
}

// bareEnds reports a CR without LF, or a LF without CR.
func bareEnds(b []byte) bool {
	return bytes.ContainsAny(bytes.ReplaceAll(b, []byte("\r\n"), nil), "\r\n")
}

func isMessageID(s string) bool {
	left, right, ok := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(s, "<"), ">"), "@")
	return ok && left != "" && right != "" && strings.HasPrefix(s, "<") && strings.HasSuffix(s, ">") && !strings.ContainsAny(s[1:len(s)-1], " \t<>")
}

// mailDepth bounds multiparts in multiparts.
const mailDepth = 8

// checkPart reads a body by its type and encoding to the end.
func checkPart(contentType, encoding string, body io.Reader, depth int) error {
	if contentType == "" {
		contentType = "text/plain"
	}
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		return fmt.Errorf("content type %q: %w", contentType, err)
	}
	if !strings.HasPrefix(kind, "multipart/") {
		if err := checkEncoding(encoding, body); err != nil {
			return fmt.Errorf("%s: %w", kind, err)
		}
		return nil
	}
	if depth == mailDepth {
		return fmt.Errorf("multiparts nested over %d deep", mailDepth)
	}
	parts := multipart.NewReader(body, params["boundary"])
	for n := 0; ; n++ {
		p, err := parts.NextRawPart()
		if err == io.EOF && n > 0 { // not errors.Is: where the end is missing, io.EOF is wrapped
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", kind, err)
		}
		if err := checkPart(p.Header.Get("Content-Type"), p.Header.Get("Content-Transfer-Encoding"), p, depth+1); err != nil {
			return err
		}
	}
}

// mailEncodedLine is the longest line of an encoded body (RFC 2045, 6.7 and 6.8).
const mailEncodedLine = 76

var badEscape = regexp.MustCompile(`=($|[^0-9A-F\r]|[0-9A-F]([^0-9A-F]|$)|\r[^\n])`)

// checkEncoding reads a body that is encoded. The library's reader of quoted-printable forgives what other
// readers show as it is.
func checkEncoding(encoding string, body io.Reader) error {
	b, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	switch strings.ToLower(encoding) {
	case "quoted-printable":
		if at := badEscape.Find(b); at != nil {
			return fmt.Errorf("%q is not quoted-printable", at)
		}
	case "base64":
		if _, err := io.Copy(io.Discard, base64.NewDecoder(base64.StdEncoding, bytes.NewReader(b))); err != nil {
			return err
		}
	default:
		return nil
	}
	for line := range bytes.SplitSeq(b, []byte("\r\n")) {
		if len(line) > mailEncodedLine {
			return fmt.Errorf("an encoded line has %d bytes, over %d", len(line), mailEncodedLine)
		}
	}
	return nil
}
