package follow

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/ossec-notify/ossec-notify/regular"
)

// errMoving means that files came, went or changed their names while we looked. It is right to look again.
var errMoving = errors.New("the files are being rotated")

// archive knows where the older files of the one at path are.
type archive struct {
	path string
	dir  string
	base string // alerts.json
	stem string // alerts
	ext  string // .json
}

func newArchive(path string) archive {
	base := filepath.Base(path)
	ext := filepath.Ext(base)
	return archive{path: path, dir: filepath.Dir(path), base: base, stem: strings.TrimSuffix(base, ext), ext: ext}
}

// kind is how a file is named, and so which files are older and which later.
type kind int

const (
	current  kind = iota // the file at the path, which has no other name that we know of
	dated                // 2026/Mar/ossec-alerts-14.json: the managers
	numbered             // alerts.json.1: logrotate
	suffixed             // alerts.json-20260314: logrotate with dateext
)

// segment is a file that holds, or may hold, a part of what is followed.
type segment struct {
	path  string
	kind  kind
	order string // sorts the files of a kind, the oldest first; of dated ones it is the day
	gzip  bool
	inode uint64
	size  int64 // of the file as it is
}

// day is what a cursor remembers of the name.
func (s segment) day() string {
	if s.kind != dated {
		return ""
	}
	return s.order
}

// length is how many bytes the file holds when uncompressed, if that can be read.
func (s segment) length() int64 {
	if !s.gzip {
		return s.size
	}
	file, err := regular.Open(s.path)
	if err != nil {
		return 0
	}
	defer file.Close()
	var size [4]byte // RFC 1952, ISIZE: the length modulo 2^32
	if _, err := file.ReadAt(size[:], s.size-int64(len(size))); err != nil {
		return 0
	}
	return int64(binary.LittleEndian.Uint32(size[:]))
}

// at is the file at the path itself; ok is false if there is none.
func (a archive) at() (seg segment, ok bool, err error) {
	info, err := os.Stat(a.path)
	if errors.Is(err, fs.ErrNotExist) {
		return segment{}, false, nil
	}
	if err != nil {
		return segment{}, false, err
	}
	if !info.Mode().IsRegular() {
		return segment{}, false, regular.ErrOther
	}
	return segment{path: a.path, inode: inode(info), size: info.Size()}, true, nil
}

// renamed lists the files that logrotate made of the one at the path, the oldest first.
func (a archive) renamed() ([]segment, error) {
	return settled(func() ([]segment, error) {
		return list(a.dir, func(name string) (kind, string, bool) {
			suffix, ok := strings.CutPrefix(name, a.base)
			if number, found := strings.CutPrefix(suffix, "."); ok && found && isNumber(number) {
				return numbered, fmt.Sprintf("%020d", 1<<62-atoi(number)), true // the highest is the oldest
			}
			date, found := strings.CutPrefix(suffix, "-")
			return suffixed, date, ok && found && isNumber(strings.ReplaceAll(date, "-", ""))
		})
	})
}

// since lists the dated files from a day on, the oldest first.
func (a archive) since(day string) ([]segment, error) {
	return settled(func() ([]segment, error) {
		months, err := a.months()
		if err != nil {
			return nil, err
		}
		var all []segment
		for _, m := range months {
			if m.date < day[:min(len(day), len(m.date))] {
				continue
			}
			segs, err := a.ofMonth(m)
			if err != nil {
				return nil, err
			}
			all = append(all, segs...)
		}
		return slices.DeleteFunc(all, func(s segment) bool { return s.order < day }), nil
	})
}

// newest finds the dated name of the file with an inode. The managers make it before they link it to the path, so
// it is among the newest.
func (a archive) newest(inode uint64) (segment, bool) {
	months, _ := a.months()
	for _, m := range slices.Backward(months) {
		segs, _ := a.ofMonth(m)
		if i := slices.IndexFunc(segs, func(s segment) bool { return s.inode == inode }); i >= 0 {
			return segs[i], true
		}
		if len(segs) > 0 {
			break
		}
	}
	return segment{}, false
}

// month is a directory of dated files.
type month struct{ date, dir string } // "2026-03"

// months lists the directories of dated files, the oldest first.
func (a archive) months() ([]month, error) {
	years, err := readDir(a.dir)
	var months []month
	for _, year := range years {
		if len(year) != 4 || !isNumber(year) {
			continue
		}
		for m := time.January; m <= time.December; m++ {
			dir := filepath.Join(a.dir, year, m.String()[:3])
			if info, err := os.Stat(dir); err == nil && info.IsDir() {
				months = append(months, month{fmt.Sprintf("%s-%02d", year, m), dir})
			}
		}
	}
	return months, err
}

// ofMonth lists the dated files of a month, the oldest first.
func (a archive) ofMonth(m month) ([]segment, error) {
	return list(m.dir, func(name string) (kind, string, bool) {
		rest, ok := strings.CutPrefix(name, "ossec-"+a.stem+"-")
		day, ok2 := strings.CutSuffix(rest, a.ext)
		number, further, split := strings.Cut(day, "-")
		return dated, m.date + "-" + day, ok && ok2 && len(number) == 2 && isNumber(number) && (!split || isNumber(further))
	})
}

// list lists the files of a directory whose names mean something, the oldest first. Where a file is there both
// plain and compressed, the compression is not finished, and only the plain one counts.
func list(dir string, parse func(name string) (k kind, order string, ok bool)) ([]segment, error) {
	names, err := readDir(dir)
	if err != nil {
		return nil, err
	}
	var segs []segment
	for _, name := range names {
		plain, gzip := strings.CutSuffix(name, ".gz")
		k, order, ok := parse(plain)
		if !ok {
			continue
		}
		path := filepath.Join(dir, name)
		info, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if info.Mode().IsRegular() {
			segs = append(segs, segment{path: path, kind: k, order: order, gzip: gzip, inode: inode(info), size: info.Size()})
		}
	}
	// "x" sorts before "x.gz".
	slices.SortFunc(segs, func(a, b segment) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.order, b.order), cmp.Compare(a.path, b.path))
	})
	return slices.CompactFunc(segs, func(a, b segment) bool { return a.kind == b.kind && a.order == b.order }), nil
}

// settled lists until two lists name the same files. A single one can lack a file that was there all the time,
// when it got another name meanwhile, or one that is older than another which it has.
func settled(list func() ([]segment, error)) ([]segment, error) {
	last, err := list()
	for range 10 {
		if err != nil {
			return nil, err
		}
		var again []segment
		again, err = list()
		if slices.EqualFunc(last, again, func(a, b segment) bool { return a.path == b.path && a.inode == b.inode }) {
			return again, err
		}
		last = again
	}
	return nil, cmp.Or(err, errMoving)
}

// readDir lists the names in a directory; in one that is not there are none.
func readDir(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names, err
}

func inode(info fs.FileInfo) uint64 { return info.Sys().(*syscall.Stat_t).Ino }

// isNumber reports whether s is a number of a size that occurs in file names.
func isNumber(s string) bool {
	return s != "" && len(s) < 18 && strings.Trim(s, "0123456789") == ""
}

// atoi is the value of what isNumber.
func atoi(s string) int64 {
	n := int64(0)
	for _, c := range []byte(s) {
		n = 10*n + int64(c-'0')
	}
	return n
}
