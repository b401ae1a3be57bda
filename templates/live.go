package templates

import (
	"regexp"
	"slices"
	"strings"

	"github.com/ossec-notify/ossec-notify/display"
)

// liveComment is what a file begins with whose messages keep the links of an alert's text as they came.
var liveComment = regexp.MustCompile(`^\s*\{\{-?\s*/\*\s*links:\s*live\s*\*/\s*-?\}\}`)

// isLive reports that the links in messages of a channel can be clicked: its file says so, that of all channels, or
// one that the receiver names.
func (s *Set) isLive(channel string) bool {
	return slices.ContainsFunc(s.sources, func(src source) bool {
		return src.live && (src.receiver || src.name == sharedFile || src.name == channel+".tmpl")
	})
}

// isLiveHTML is that of the HTML of mails, which has a file of its own.
func (s *Set) isLiveHTML() bool {
	return s.isLive("email") || slices.ContainsFunc(s.sources, func(src source) bool { return src.live && src.name == "email.html.tmpl" })
}

// LiveFiles are the files of the user's that say so.
func (s *Set) LiveFiles() []Use {
	var files []Use
	for _, src := range s.sources {
		if at := liveComment.FindString(src.text); src.live {
			files = append(files, Use{src.name, 1 + strings.Count(at, "\n"), strings.TrimSpace(at)})
		}
	}
	return files
}

// enliven gives the text of a message live links, if that is so.
func enliven(t display.Text, live bool) display.Text {
	if live {
		return t.Live()
	}
	return t
}
