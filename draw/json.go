package draw

import "strings"

// maxRuns is how many pieces of JSON are drawn each by itself. What comes behind is one piece, still all of it.
const maxRuns = 20_000

// JSON is JSON as runs that are all of it, in order and as it was spelled; what is no JSON is a run too. White space
// belongs to the sign before it.
func JSON(b []byte) []Node { return runsOf(string(b), false) }

// Indented is [JSON] set out, where it comes on one line: only the white space between its pieces is another.
func Indented(b []byte) []Node {
	s := string(b)
	return runsOf(s, !strings.Contains(strings.TrimRight(s, "\r\n"), "\n"))
}

// runsOf makes the runs, with line ends and blanks of its own where they are asked for.
func runsOf(s string, indent bool) []Node {
	var out []Node
	var signs strings.Builder
	flush := func() {
		if signs.Len() > 0 {
			out = appendVisible(out, signs.String(), Run, isSign)
			signs.Reset()
		}
	}
	lineEnd := func(depth int) {
		signs.WriteByte('\n')
		signs.WriteString(strings.Repeat("  ", min(depth, maxDepth)))
	}
	in := scanner{in: s}
	blanks := "" // that may be all that divides two pieces
	opened := false
	beside := false // the piece before was no sign
	for len(out) < maxRuns {
		depth := in.depth
		piece, style, blank := in.next()
		if piece == "" {
			signs.WriteString(blanks)
			flush()
			return out
		}
		if blank {
			if blanks = piece; !indent {
				signs.WriteString(piece)
				blanks = ""
			}
			continue
		}
		closes := piece == "}" || piece == "]"
		switch {
		case !indent:
		case opened && !closes:
			lineEnd(depth)
		case closes && !opened:
			lineEnd(in.depth)
		case beside && style != isSign:
			signs.WriteString(blanks)
		}
		blanks, beside = "", style != isSign
		opened = piece == "{" || piece == "["
		if beside {
			flush()
			out = appendVisible(out, piece, Run, style)
			continue
		}
		signs.WriteString(piece)
		if indent && piece == "," {
			lineEnd(in.depth)
		} else if indent && piece == ":" {
			signs.WriteByte(' ')
		}
	}
	flush()
	return appendVisible(out, blanks+s[in.at:], Run, "")
}
