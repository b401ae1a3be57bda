package loki

import "sync"

// maxRecent is how many things are remembered at most, twice: far more than are under way.
const maxRecent = 5000

// recent remembers what was noted last. It forgets the oldest, all with the process, and is ready as its zero value.
type recent[K comparable, V any] struct {
	mu           sync.Mutex
	now, earlier map[K]V
}

func (r *recent[K, V]) of(key K) V {
	r.mu.Lock()
	defer r.mu.Unlock()
	if v, ok := r.now[key]; ok {
		return v
	}
	return r.earlier[key]
}

func (r *recent[K, V]) note(key K, v V) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.now == nil || len(r.now) >= maxRecent {
		r.now, r.earlier = map[K]V{}, r.now
	}
	r.now[key] = v
}

func (r *recent[K, V]) forget(key K) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.now, key)
	delete(r.earlier, key)
}
