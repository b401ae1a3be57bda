package notifier

import (
	"encoding/base64"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"
)

// A text that was cut may end within a secret: an answer that is longer than what is read of it, a connection that
// broke, a server that quotes a beginning. Such an end is no secret that is known, and must not be shown all the same.

const (
	// minPiece and maxPiece bound how many characters of a secret's beginning are too many to be shown. Between them it is
	// half of the secret.
	minPiece, maxPiece = 4, 8
	// maxBeginning is how many characters of a beginning are looked for at the end of a text. What begins with as many of
	// a secret's is the secret, wherever it stands and whatever follows.
	maxBeginning = 64
	// endOfText is where a beginning is looked for, in bytes: no spelling of maxBeginning characters is longer, but for what
	// was escaped many times over.
	endOfText = 4 << 10
)

// piece is how much of the beginning of a secret of n characters is too much to be shown.
func piece(n int) int { return min(max(n/2, minPiece), maxPiece) }

// afterBeginning is what may stand behind a beginning at the end of a text: half of an escaped character, and a quotation
// mark or the like of who quotes the text.
const afterBeginning = `(?:(?:\\+|%|&)[#;0-9A-Za-z\\%&]{0,12})?[^0-9A-Za-z]{0,4}\z`

// cutBeginning puts a mark in the place of what a text has of the beginning of a secret at its end. The whole of it has
// been taken out before.
func cutBeginning(text, secret, mark string) string {
	least := tooMuch(secret)
	if least == 0 {
		return text
	}
	for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		text = cutEncodedBeginning(text, enc.EncodeToString([]byte(secret)), enc.EncodedLen(len(firstChars(secret, least))), mark)
	}
	for word := range words(firstChars(secret, least)) { // each of which stands in any spelling
		if !strings.Contains(text, word) {
			return text
		}
	}
	first := firstChars(secret, least+maxBeginning)
	chars := spellings(first)
	if len(first) < len(secret) {
		if at := regexp.MustCompile(strings.Join(chars, "")).FindStringIndex(text); at != nil {
			return text[:at[0]] + mark
		}
	}
	more := chars[least:]
	pattern := "(" + strings.Join(chars[:least], "") + optional(more) + ")" + afterBeginning
	start := max(len(text)-endOfText, 0)
	if at := regexp.MustCompile(pattern).FindStringSubmatchIndex(text[start:]); at != nil {
		return text[:start+at[2]] + mark + text[start+at[3]:]
	}
	return text
}

// optional matches as many of these in a row as there are.
func optional(patterns []string) string {
	if len(patterns) == 0 {
		return ""
	}
	return "(?:" + strings.Join(patterns, "(?:") + strings.Repeat(")?", len(patterns))
}

// cutEncodedBeginning is cutBeginning for what is spelled in one way only.
func cutEncodedBeginning(text, secret string, least int, mark string) string {
	body := max(len(text)-4, 0)
	end := text[:body] + strings.TrimRightFunc(text[body:], func(r rune) bool { return !isLetterOrDigit(r) })
	for n := min(len(secret), len(end)); n >= least; n-- {
		if strings.HasSuffix(end, secret[:n]) {
			return end[:len(end)-n] + mark + text[len(end):]
		}
	}
	return text
}

// tooMuch is how many characters of a secret's beginning are too many to be shown; 0 where none are. A URL begins with what
// is none, and so does a log-in.
func tooMuch(secret string) int {
	open := 0
	if u, err := url.Parse(secret); err == nil && u.Host != "" {
		open = strings.Index(secret, "://") + len("://")
		if _, ok := u.User.Password(); ok {
			open += strings.Index(secret[open:], ":") + 1
		} else if path := strings.IndexAny(secret[open:], "/?"); path >= 0 {
			open += path + 1
		} else {
			return 0
		}
	}
	open = utf8.RuneCountInString(secret[:open])
	n := utf8.RuneCountInString(secret) - open
	if n < minPiece {
		return 0
	}
	return open + piece(n)
}

// firstChars are the first n characters of a text.
func firstChars(text string, n int) string {
	for i := range text {
		if n--; n < 0 {
			return text[:i]
		}
	}
	return text
}
