package email

import (
	"slices"
	"sync"
)

// progress says how far a mail came: who still waits for it, how many have it, and in what words the server
// refused others for good.
type progress struct {
	waiting  []string
	accepted int
	refused  []string
}

// maxInterrupted bounds what is remembered. Beyond it, somebody may get a mail twice.
const maxInterrupted = 1000

// interrupted remembers, by Message-ID, the mails that some recipients have and others still wait for. The zero
// value is ready to use.
type interrupted struct {
	mu   sync.Mutex
	by   map[string]progress
	ages []string // the ids, oldest first
}

// take returns a mail's progress and forgets it.
func (i *interrupted) take(id string) (progress, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	p, ok := i.by[id]
	if ok {
		delete(i.by, id)
		i.ages = slices.DeleteFunc(i.ages, func(old string) bool { return old == id })
	}
	return p, ok
}

func (i *interrupted) put(id string, p progress) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.by == nil {
		i.by = map[string]progress{}
	}
	i.by[id] = p
	i.ages = append(i.ages, id)
	for len(i.ages) > maxInterrupted {
		delete(i.by, i.ages[0])
		i.ages = i.ages[1:]
	}
}
