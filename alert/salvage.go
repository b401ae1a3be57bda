package alert

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// salvageDepth is how deep broken JSON is followed. No alert is nested more than about ten deep.
const salvageDepth = 256

// trailingError says that something follows the JSON value.
type trailingError struct{ offset int }

func (e *trailingError) Error() string { return fmt.Sprintf("more text at byte %d", e.offset) }

// offset is the place, counted from 1, that made decoding fail.
func offset(err error) int {
	var syntax *json.SyntaxError
	var trailing *trailingError
	switch {
	case errors.As(err, &syntax):
		return int(syntax.Offset)
	case errors.As(err, &trailing):
		return trailing.offset
	}
	return 0
}

// breakage is where broken JSON ceased to make sense.
type breakage struct {
	path  []string // the keys that were open, outermost first
	seen  object
	size  int
	ended bool // the text ends there; else it is damaged
}

// knows reports whether a top-level key was seen, if only its name.
func (b breakage) knows(key string) bool {
	return b.seen[key] != nil || len(b.path) > 0 && b.path[0] == key
}

// where says in our words where the text ends. Keys are text of the alert, so only plain ones are named.
func (b breakage) where(lead int) string {
	path := strings.Join(b.path, ".")
	if path == "" || len(path) > 60 || strings.Trim(path, wordChars) != "" {
		return fmt.Sprintf("ends at byte %d", lead+b.size)
	}
	return "ends in " + path
}

const wordChars = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"

// salvage reads what came whole of a broken JSON object. Values that were cut are left out.
func salvage(text []byte) (object, breakage) {
	type frame struct {
		object map[string]any // nil in an array
		array  []any
		key    string
		keyed  bool // key was read, its value is next
	}
	root := map[string]any{}
	stack := []frame{}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()

	// put stores a value in the innermost object or array.
	put := func(v any) {
		if len(stack) == 0 {
			return
		}
		top := &stack[len(stack)-1]
		if top.object != nil {
			top.object[top.key] = v
			top.key, top.keyed = "", false
		} else {
			top.array = append(top.array, v)
		}
	}
	var err error
	for {
		var tok json.Token
		if tok, err = dec.Token(); err != nil {
			break
		}
		if len(stack) > 0 {
			if top := &stack[len(stack)-1]; top.object != nil && !top.keyed && tok != json.Delim('}') {
				top.key, _ = tok.(string)
				top.keyed = true
				continue
			}
		}
		switch tok := tok.(type) {
		case json.Delim:
			switch tok {
			case '{':
				if len(stack) == 0 {
					stack = append(stack, frame{object: root})
				} else {
					stack = append(stack, frame{object: map[string]any{}})
				}
			case '[':
				stack = append(stack, frame{})
			default:
				done := stack[len(stack)-1]
				stack = stack[:len(stack)-1]
				if done.object != nil {
					put(done.object)
				} else {
					put(done.array)
				}
			}
		case json.Number:
			// The decoder takes "level":1 for whole at the end of the text, though it may have been 12.
			if dec.InputOffset() < int64(len(text)) {
				put(number(tok))
			}
		default:
			put(tok)
		}
		if len(stack) == 0 || len(stack) > salvageDepth {
			break
		}
	}

	b := breakage{seen: root, size: len(text)}
	b.ended = errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
	for _, f := range stack {
		if f.keyed {
			b.path = append(b.path, f.key)
		}
	}
	// What is still open is kept as far as it came.
	for len(stack) > 1 {
		open := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if open.object != nil {
			put(open.object)
		} else {
			put(open.array)
		}
	}
	return root, b
}
