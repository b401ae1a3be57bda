package enrich

import "sync"

// maxRemembered is how many answers are remembered of one kind.
const maxRemembered = 8192

// memo remembers what was made of keys, for many at once: the same ones come again and again. When it is full it forgets all, which costs
// as much as it saves where each key is another, and nothing where they repeat. Its zero value is empty.
type memo[K comparable, V any] struct {
	mu sync.RWMutex
	of map[K]V
}

func (m *memo[K, V]) get(key K) (V, bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	v, known := m.of[key]
	return v, known
}

func (m *memo[K, V]) put(key K, v V) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.of == nil {
		m.of = map[K]V{}
	} else if len(m.of) >= maxRemembered {
		clear(m.of)
	}
	m.of[key] = v
}

// or is what is remembered of a key, else what is made now.
func (m *memo[K, V]) or(key K, make func() V) V {
	v, known := m.get(key)
	if !known {
		v = make()
		m.put(key, v)
	}
	return v
}
