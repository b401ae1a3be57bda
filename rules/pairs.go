package rules

// Pair is a resolve pair of a route.
type Pair struct {
	// Route is the path of the route, N the pair's place among those of the route.
	Route string
	N     int
	*Resolve
}

// Policies are those of all routes, by their paths.
func (t *Table) Policies() map[string]*Policy {
	out := map[string]*Policy{}
	t.paths(func(path string, r *Route) {
		if r.Policy != nil {
			out[path] = r.Policy
		}
	})
	return out
}

// Pairs are the resolve pairs of all routes. What closes an incident need not take the route that opened it: who leaves out
// what is harmless leaves out that it is over, too.
func (t *Table) Pairs() []Pair {
	var out []Pair
	t.paths(func(path string, r *Route) {
		if r.Policy == nil {
			return
		}
		for n, pair := range r.Policy.Resolve {
			out = append(out, Pair{path, n, pair})
		}
	})
	return out
}

// Paths are those of all routes, in order.
func (t *Table) Paths() (all []string) {
	t.paths(func(path string, _ *Route) { all = append(all, path) })
	return all
}

// Receivers are the names that the table has anywhere: in always, default, and the routes with all their settings.
func (t *Table) Receivers() map[string]bool {
	names := map[string]bool{}
	add := func(all []string) {
		for _, name := range all {
			names[name] = true
		}
	}
	add(t.Always)
	add(t.Default)
	t.each(func(r *Route, receivers []string, _ string) {
		add(receivers)
		if r.Policy != nil {
			add(r.Policy.Outside)
		}
	})
	return names
}

// paths calls visit for every route, with its path.
func (t *Table) paths(visit func(path string, r *Route)) {
	var walk func(routes []*Route, parent *position)
	walk = func(routes []*Route, parent *position) {
		for i, r := range routes {
			at := &position{r, i, parent}
			visit(at.path(), r)
			walk(r.Routes, at)
		}
	}
	walk(t.Routes, nil)
}
