package display

import (
	"bytes"
	"encoding/json"
)

// SetOut is JSON over several lines, but where it lies so deep that it would be mostly blanks.
func SetOut(j []byte) []byte {
	deepest := 0
	EachMark(j, func(_ byte, depth int) bool {
		deepest = max(deepest, depth)
		return deepest <= maxSetOut
	})
	if deepest > maxSetOut {
		return j
	}
	var out bytes.Buffer
	if json.Indent(&out, j, "", "  ") != nil {
		return j
	}
	return out.Bytes()
}

// maxSetOut is far deeper than any alert.
const maxSetOut = 50
