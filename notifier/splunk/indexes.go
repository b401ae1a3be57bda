package splunk

import (
	"fmt"
	"sync"

	"github.com/ossec-notify/ossec-notify/notifier"
)

// target is the index of an event.
type target struct {
	index  string // "" is the token's default
	chosen bool   // a template made it of the alert, so that it may be any; else it is that of all events
}

func (t target) String() string {
	if t.index == "" {
		return "the token's default index"
	}
	return fmt.Sprintf("the index %q", t.index)
}

// maxIndexes is how many indexes are remembered. Real ones are fewer; but there are collectors that take any.
const maxIndexes = 1000

// indexes are the indexes that chosen events were taken for. An event for another one may be refused for it, and Splunk then says
// nothing certain of the others of its request (see before): so it shares a request with those alone that go to the same index, and what an
// alert makes of an index harms no other alert. The events of one batch lead to one request for each index that nobody knows, besides
// those that they would lead to anyway.
//
// The zero value knows none.
type indexes struct {
	mu    sync.Mutex
	taken map[string]bool
}

// strange reports whether a target may be none.
func (x *indexes) strange(t target) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return t.chosen && !x.taken[t.index]
}

// learn notes what became of the events of a request. Those of a refused index are in refused, too.
func (x *indexes) learn(part []*item, refused map[target]*notifier.Error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, it := range part {
		switch err := it.result.Err; {
		case err == nil && (!it.target.chosen || it.result.Receipt.Status == 0): // which is to be sent again
		case err == nil:
			if x.taken == nil || len(x.taken) >= maxIndexes && !x.taken[it.target.index] {
				x.taken = map[string]bool{} // they are known again with their next event
			}
			x.taken[it.target.index] = true
		case notifier.Classify(err).Code == wrongIndex:
			refused[it.target] = notifier.Classify(err)
			delete(x.taken, it.target.index)
		}
	}
}

// apart are the events of each request: those for a strange index go by themselves and so do, to the raw endpoint, those for
// each place.
func (x *indexes) apart(items []*item) (groups [][]*item) {
	type place struct {
		query string
		of    target
	}
	at := map[place]int{}
	for _, it := range items {
		p := place{query: it.query}
		if x.strange(it.target) {
			p.of = it.target
		}
		i, ok := at[p]
		if !ok {
			i = len(groups)
			at[p] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], it)
	}
	return groups
}

// without are the events that do not go to an index that was refused; the others fail.
func without(refused map[target]*notifier.Error, part []*item) (left []*item) {
	for _, it := range part {
		if e := refused[it.target]; e != nil {
			it.fail(e)
			continue
		}
		left = append(left, it)
	}
	return left
}

// sameTarget reports whether all events of a request go to one index.
func sameTarget(part []*item) bool {
	for _, it := range part {
		if it.target != part[0].target {
			return false
		}
	}
	return true
}
