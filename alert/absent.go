package alert

import "strings"

// LastKey finds out quickly that an alert of JSON has no value at a path of [Alert.Lookup]: the last part of the path ends a
// key, and stands nowhere. The zero value finds out nothing.
type LastKey struct {
	before, after string // of the end of the key, around its rarest byte
	rarest        byte
}

// byRarity are the bytes of keys, those that alerts hold least of before others.
const byRarity = "ZXQYJzqKjVGBHOLUWFN@-x_MkRywIPCvDETASbhfgmdclpunrosatie"

// NewLastKey makes one for a path. Of keys with other than ordinary characters it finds out nothing.
func NewLastKey(path string) LastKey {
	end := path[strings.LastIndexByte(path, '.')+1:]
	best, least := -1, 0
	for i := range len(end) {
		rarity := strings.IndexByte(byRarity, end[i])
		if rarity < 0 {
			if end[i] < '0' || end[i] > '9' {
				return LastKey{}
			}
			rarity = len(byRarity)
		}
		if best < 0 || rarity < least {
			best, least = i, rarity
		}
	}
	if best < 0 || len(end) > mostOfIt {
		return LastKey{}
	}
	return LastKey{end[:best], end[best+1:] + `"`, end[best]}
}

// AbsentFrom reports whether the alert of a text certainly has no value at the path, whatever is wrong with the text.
func (k LastKey) AbsentFrom(text []byte) bool {
	return k.rarest != 0 && len(text) > 0 && text[0] == '{' && !endsKey(text, k.rarest, k.before, k.after) && !escapesASCII(view(text))
}
