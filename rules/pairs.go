package rules

// Pair is a resolve pair of a route.
type Pair struct {
	// Route is the path of the route, N the pair's place among those of the route.
	Route string
	N     int
	*Resolve
}

// Pairs are the resolve pairs of all routes. What closes an incident need not take the route that opened it: who leaves out
// what is harmless leaves out that it is over, too.
func (t *Table) Pairs() []Pair {
	var out []Pair
	var walk func(routes []*Route, parent *position)
	walk = func(routes []*Route, parent *position) {
		for i, r := range routes {
			at := &position{r, i, parent}
			if r.Policy != nil {
				for n, pair := range r.Policy.Resolve {
					out = append(out, Pair{at.path(), n, pair})
				}
			}
			walk(r.Routes, at)
		}
	}
	walk(t.Routes, nil)
	return out
}
