package views

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"sync"
)

// keepFrames is how many mails' HTML is kept to be asked for.
const keepFrames = 200

// Frames keeps the HTML of the mails that were drawn last. Its zero value is ready for use.
type Frames struct {
	mu  sync.Mutex
	all []mailFrame
}

// mailFrame is the HTML of a mail that a card shows.
type mailFrame struct {
	key  string
	html []byte
}

// Frame is the HTML of a mail that a card names.
func (m *Frames) Frame(key string) ([]byte, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, f := range m.all {
		if f.key == key {
			return f.html, true
		}
	}
	return nil, false
}

// Keep keeps the HTML of a mail until many others came.
func (m *Frames) Keep(html []byte) (key string) {
	sum := sha256.Sum256(html)
	key = base64.RawURLEncoding.EncodeToString(sum[:12])
	m.mu.Lock()
	defer m.mu.Unlock()
	m.all = append(slices.DeleteFunc(m.all, func(x mailFrame) bool { return x.key == key }), mailFrame{key, html})
	m.all = m.all[max(0, len(m.all)-keepFrames):]
	return key
}

// Forget forgets all of them.
func (m *Frames) Forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.all = nil
}
