package history

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/regular"
)

// Stdin is the path that stands for standard input.
const Stdin = "-"

// File is a file of past alerts.
type File struct {
	Path string
	Size int64 // on disk; 0 of standard input
}

// Find lists the files of past alerts that paths name: files, folders of them, folders of years and months ("alerts/",
// "alerts/2026/Nov"), and "-" for standard input. They are sorted by the time of their first alert. notes say in words what
// was left out: what has the same alerts is read once (the managers make alerts.json a link to the file of the day, and write
// each alert into alerts.json and alerts.log), and of a folder only what bears the names of alerts.
func Find(paths []string, zone *time.Location) (files []File, notes []string, err error) {
	var found []foundFile
	var errs []error
	for _, path := range paths {
		more, err := lookAt(path)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		found = append(found, more...)
	}
	if len(errs) > 0 {
		return nil, nil, errors.Join(errs...)
	}
	found, notes = once(found)
	byTime(found, zone)
	for i, f := range found {
		if copied := slices.IndexFunc(found, func(g foundFile) bool { return g.copies(f) }); copied >= 0 && copied != i {
			notes = append(notes, fmt.Sprintf("%s begins with the same alert as %s, and is not read", f.Path, found[copied].Path))
			continue
		}
		files = append(files, f.File)
	}
	return files, notes, nil
}

// copies reports whether the file has all that another one has, which was a copy of it or of what it was then: they begin with
// the same alert. Of two that may be whole, the plain one is taken, and the longer one; of two that are the same, the dated one.
func (f foundFile) copies(g foundFile) bool {
	if f.first == "" || f.first != g.first || !f.begins.Equal(g.begins) || f.Path == g.Path {
		return false
	}
	return cmp.Or(rank(g.gzip)-rank(f.gzip), cmp.Compare(f.Size, g.Size), rank(f.dated)-rank(g.dated), cmp.Compare(g.Path, f.Path)) > 0
}

// foundFile is a file that was found.
type foundFile struct {
	File
	inode inode
	name
	begins time.Time // when its first alert was made
	first  string    // and what that is known by, "" if not
}

// name is what the name of a file says.
type name struct {
	ours  bool   // it is one that alerts have
	stem  string // the folder and the name without ending: what alerts.json and alerts.log have in common
	ext   string // .json, .log; or what else it is
	gzip  bool
	dated bool
	day   time.Time // midnight UTC of dated ones and of those with a date behind them; zero if unknown
	part  int       // of a day, or how old a renamed one is: less is earlier
}

var (
	// datedName is what the managers write: ossec-alerts-14.json, -001 for a further one of the day.
	datedName = regexp.MustCompile(`^ossec-alerts-(\d\d)(?:-(\d{1,6}))?$`)
	// renamedName is what logrotate makes: alerts.json.1, alerts.json-20261114.
	renamedName = regexp.MustCompile(`^(.+)(\.json|\.log)(?:\.(\d{1,6})|-(\d{8})(?:\d{0,6})|-(\d{4}-\d\d-\d\d))$`)
)

// named reads the name of a file.
func named(path string) (n name) {
	base := filepath.Base(path)
	base, n.gzip = strings.CutSuffix(base, ".gz")
	if m := renamedName.FindStringSubmatch(base); m != nil {
		n.part = -number(m[3])
		if date := strings.ReplaceAll(cmp.Or(m[4], m[5]), "-", ""); date != "" {
			n.day, _ = time.Parse("20060102", date)
			n.part = 0
		}
		n.ext = m[2]
		n.stem = filepath.Join(filepath.Dir(path), m[1]+m[3]+m[4]+m[5])
		n.ours = m[1] == "alerts"
		return n
	}
	n.ext = filepath.Ext(base)
	stem := strings.TrimSuffix(base, n.ext)
	n.stem = filepath.Join(filepath.Dir(path), stem)
	known := n.ext == ".json" || n.ext == ".log"
	m := datedName.FindStringSubmatch(stem)
	if m == nil {
		n.ours = known && stem == "alerts"
		return n
	}
	n.ours, n.dated = known, true
	n.part = number(m[2])
	dir := filepath.Dir(path)
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	n.day, _ = time.Parse("2006 Jan 02", filepath.Base(filepath.Dir(dir))+" "+filepath.Base(dir)+" "+m[1])
	return n
}

// number is the value of a few digits, 0 of none.
func number(digits string) int {
	n, _ := strconv.Atoi(digits)
	return n
}

// lookAt finds the files at a path.
func lookAt(path string) ([]foundFile, error) {
	if path == Stdin {
		return []foundFile{{File: File{Path: path}}}, nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		if !info.Mode().IsRegular() {
			return nil, &fs.PathError{Op: "read", Path: path, Err: regular.ErrOther}
		}
		return []foundFile{of(path, info)}, nil
	}
	all, err := inFolder(path, info, map[inode]bool{})
	if err == nil && len(all) == 0 {
		err = fmt.Errorf("%s: no alerts.json, alerts.log or ossec-alerts-… in this folder: name the files, or the folder logs/alerts of the manager", path)
	}
	return all, err
}

// inFolder finds the files of a folder and of those in it, links to others too: archives are moved to another disk. seen are those
// that were looked at.
func inFolder(path string, info fs.FileInfo, seen map[inode]bool) (all []foundFile, err error) {
	if id := inodeOf(info); seen[id] {
		return nil, nil
	} else if id != (inode{}) {
		seen[id] = true
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		at := filepath.Join(path, e.Name())
		ours := named(at).ours
		if !e.IsDir() && e.Type()&fs.ModeSymlink == 0 && !ours {
			continue
		}
		info, err := os.Stat(at) // alerts.json may be a link
		switch {
		case errors.Is(err, fs.ErrNotExist), err != nil && !e.IsDir() && !ours: // a link to nowhere
		case err != nil:
			return nil, err
		case info.IsDir():
			more, err := inFolder(at, info, seen)
			if err != nil {
				return nil, err
			}
			all = append(all, more...)
		case info.Mode().IsRegular() && ours:
			all = append(all, of(at, info))
		}
	}
	return all, nil
}

// inode is what a file is, by whatever path; zero where that is not known.
type inode struct{ dev, n uint64 }

func inodeOf(info fs.FileInfo) (id inode) {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		id = inode{uint64(st.Dev), st.Ino}
	}
	return id
}

func of(path string, info fs.FileInfo) foundFile {
	return foundFile{File: File{path, info.Size()}, inode: inodeOf(info), name: named(path)}
}

// once leaves out what has the alerts of another file.
func once(all []foundFile) (kept []foundFile, notes []string) {
	// The better one comes first: a dated name tells more than a link to it, JSON more than alerts.log, and a plain file is
	// whole while it is being compressed.
	slices.SortStableFunc(all, func(a, b foundFile) int {
		return cmp.Or(rank(b.dated)-rank(a.dated), rank(b.ext == ".json")-rank(a.ext == ".json"), rank(a.gzip)-rank(b.gzip))
	})
	inodes, stems := map[inode]string{}, map[string]string{}
	for _, f := range all {
		if f.Path == Stdin {
			if !slices.ContainsFunc(kept, func(k foundFile) bool { return k.Path == Stdin }) {
				kept = append(kept, f)
			}
			continue
		}
		if same, ok := inodes[f.inode]; ok {
			if same != f.Path {
				notes = append(notes, fmt.Sprintf("%s is the same file as %s, and is read once", f.Path, same))
			}
			continue
		}
		inodes[f.inode] = f.Path
		if f.ours {
			if same, ok := stems[f.stem]; ok {
				notes = append(notes, fmt.Sprintf("%s has the same alerts as %s, and is not read", f.Path, same))
				continue
			}
			stems[f.stem] = f.Path
		}
		kept = append(kept, f)
	}
	slices.Sort(notes)
	return kept, notes
}

func rank(b bool) int {
	if b {
		return 1
	}
	return 0
}

// byTime sorts files by the time of their first alert; where that is not known, by what their names say. Standard input comes last.
func byTime(all []foundFile, zone *time.Location) {
	for i := range all {
		f := &all[i]
		if f.Path == Stdin {
			f.begins = time.Unix(1<<40, 0)
			continue
		}
		if f.begins, f.first = firstAlert(f.Path, zone); f.begins.IsZero() && !f.day.IsZero() {
			f.begins = time.Date(f.day.Year(), f.day.Month(), f.day.Day(), 0, 0, 0, 0, zone)
		}
	}
	slices.SortStableFunc(all, func(a, b foundFile) int {
		return cmp.Or(a.begins.Compare(b.begins), cmp.Compare(a.part, b.part), cmp.Compare(a.Path, b.Path))
	})
}

// firstAlert is the time of the first alert of a file that has one, among the first of it, and what that alert is known by; zero
// if there is none.
func firstAlert(path string, zone *time.Location) (time.Time, string) {
	file, err := regular.Open(path)
	if err != nil {
		return time.Time{}, "" // who reads it says so
	}
	defer file.Close()
	r := bufio.NewReader(file)
	var text io.Reader = r
	if mark, _ := r.Peek(len(gzipMark)); bytes.Equal(mark, gzipMark) {
		if text, err = gzip.NewReader(r); err != nil {
			return time.Time{}, ""
		}
	}
	n := 0
	for a, err := range alert.Read(io.LimitReader(text, 256<<10), alert.Options{Location: zone}) {
		if err != nil || n == 20 {
			break
		}
		if !a.Time.IsZero() {
			return a.Time, a.Identity()
		}
		n++
	}
	return time.Time{}, ""
}

// gzipMark begins what gzip has compressed (RFC 1952).
var gzipMark = []byte{0x1f, 0x8b}
