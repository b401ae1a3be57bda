package live

import (
	"context"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/ossec-notify/ossec-notify/page"
	"github.com/ossec-notify/ossec-notify/site"
)

const (
	// settle is how long the files must rest before they are read: editors write in several steps.
	settle = 50 * time.Millisecond
	// lookOften is how often they are looked at where the system does not tell of changes, as on a network's file system.
	lookOften = 2 * time.Second
	// sliceTime is how long the alerts of a list are compared before it is told how far that is.
	sliceTime = 500 * time.Millisecond
)

// Watch loads the config again when one of its files was saved, until ctx ends; it tells of each save, and counts the alerts whose
// messages that one changed. Directories are watched, since editors put another file in the place of the one that they save.
func (g *Previews) Watch(ctx context.Context, tell func(page.Change), count func(revision int, i page.Impact)) {
	g.loading.Lock()
	g.tell, g.count = tell, count
	g.loading.Unlock()
	var events chan fsnotify.Event
	watcher, err := fsnotify.NewWatcher()
	if err == nil { // else the system has none to spare, and the files are looked at
		defer watcher.Close()
		events = watcher.Events
		go func() { // ends with the watcher: it wants somebody who listens, or it stops
			for range watcher.Errors {
			}
		}()
	}
	watched := map[string]bool{}
	follow := func() {
		if watcher == nil {
			return
		}
		for _, dir := range g.dirs() {
			if !watched[dir] {
				watched[dir] = watcher.Add(dir) == nil
			}
		}
	}
	follow()
	g.look(ctx) // what was saved before the watch began
	often := time.NewTicker(lookOften)
	defer often.Stop()
	rest := time.NewTimer(0)
	for {
		select {
		case <-ctx.Done():
			return
		case _, ok := <-events:
			if !ok {
				events = nil
				continue
			}
			rest.Reset(settle)
			continue
		case <-rest.C:
		case <-often.C:
			clear(watched) // one that was removed and made again is another one
		}
		g.look(ctx)
		follow()
	}
}

// dirs are the directories that the files of the config lie in.
func (g *Previews) dirs() []string {
	g.loading.Lock()
	defer g.loading.Unlock()
	var dirs []string
	for _, pattern := range g.sources {
		files, _ := filepath.Glob(pattern) // a pattern that is none matches nothing, and is a mistake of the config
		for _, f := range append(files, pattern) {
			if dir := filepath.Dir(f); !slices.Contains(dirs, dir) {
				dirs = append(dirs, dir)
			}
		}
	}
	return dirs
}

// look loads the config again if a file of it is another one than it was.
func (g *Previews) look(ctx context.Context) {
	g.loading.Lock()
	before, sources := g.stamps, g.sources
	g.loading.Unlock()
	now := savedStamps(sources)
	if maps.Equal(before, now) {
		return
	}
	files := []page.ChangedFile{}
	for path := range now {
		if old, ok := before[path]; !ok || old != now[path] {
			files = append(files, savedFile(path))
		}
	}
	for path := range before {
		if _, ok := now[path]; !ok {
			files = append(files, savedFile(path))
		}
	}
	slices.SortFunc(files, func(a, b page.ChangedFile) int { return strings.Compare(a.Name, b.Name) })
	g.load(ctx, files)
}

// leftover is what editors put beside the file that they save.
var leftover = regexp.MustCompile(`^[.#]|~$|^[0-9]+$|\.(next|tmp|bak|swp|swx)$`)

// savedStamps are the stamps of the files that patterns match, but for what editors leave there.
func savedStamps(patterns []string) map[string]site.Stamp {
	stamps := site.Stamps(patterns)
	maps.DeleteFunc(stamps, func(path string, _ site.Stamp) bool {
		return leftover.MatchString(filepath.Base(path)) && !slices.Contains(patterns, path)
	})
	return stamps
}

func savedFile(path string) page.ChangedFile {
	f := page.ChangedFile{Name: filepath.Base(path), Kind: "config"}
	if strings.HasSuffix(path, ".tmpl") {
		f.Kind = "template"
	}
	return f
}

// compare counts the alerts of the list whose messages a save changed, and tells how far it is from time to time. It ends
// early when the next save comes.
func (g *Previews) compare(ctx context.Context, rev int, old, now *revision) {
	g.mu.Lock()
	looked := g.looked
	g.mu.Unlock()
	s, err := g.source(ctx, looked)
	if err != nil {
		return
	}
	out := page.Impact{Of: len(s.alerts), IDs: []string{}}
	tell := func() {
		g.mu.Lock()
		current := g.rev == rev
		if current {
			told := out
			told.IDs = slices.Clone(out.IDs)
			g.impact = map[string]bool{}
			for _, id := range told.IDs {
				g.impact[id] = true
			}
			if g.changed != nil {
				changed := *g.changed // others hold the one before
				changed.Impact = &told
				g.changed = &changed
			}
		}
		g.mu.Unlock()
		if current {
			g.count(rev, out)
		}
	}
	began := time.Now()
	for _, x := range s.alerts {
		if ctx.Err() != nil {
			return
		}
		if g.differs(ctx, x, old, now) {
			out.Changed++
			out.IDs = append(out.IDs, x.id)
		}
		out.Looked++
		if time.Since(began) > sliceTime {
			tell()
			began = time.Now()
		}
	}
	tell()
}

// differs reports whether an alert is told to others, or in other words.
func (g *Previews) differs(ctx context.Context, x *listedAlert, old, now *revision) bool {
	before, after := old.told(x.a), now.told(x.a)
	if len(before) != len(after) {
		return true
	}
	for i := range before {
		if before[i].Receiver.Name != after[i].Receiver.Name {
			return true
		}
		a, b := old.sheet(ctx, before[i]), now.sheet(ctx, after[i])
		if !a.same(&b) {
			return true
		}
	}
	return false
}
