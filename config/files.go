package config

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/ossec-notify/ossec-notify/regular"
)

// files are what a config is read from, with its includes and templates: the disk, or the texts of the last config
// that loaded. Secrets and certificates are not among them: a config only names those, and they are read at each use.
type files interface {
	ReadFile(path string) ([]byte, error)
	Glob(pattern string) ([]string, error)
	IsDir(path string) (bool, error)
}

// maxConfigFile is the size of the largest file that a config is read from, in bytes.
const maxConfigFile = 8 << 20

// disk are the files as they are now.
type disk struct{}

// ReadFile reads a config, an include or a template. Where a FIFO lies in its place, the deliverer must not wait.
func (disk) ReadFile(path string) ([]byte, error) { return regular.Read(path, maxConfigFile) }

func (disk) Glob(pattern string) ([]string, error) { return filepath.Glob(pattern) }
func (disk) IsDir(path string) (bool, error) {
	st, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && st.IsDir(), err
}

// Texts are what a config was read from: the files, and what its patterns matched. Read from them, it is the same
// config again, whatever became of the files.
type Texts struct {
	Files map[string][]byte   `json:"files"`
	Globs map[string][]string `json:"globs,omitempty"`
}

// kept are texts as files.
type kept Texts

func (t kept) ReadFile(path string) ([]byte, error) {
	if b, ok := t.Files[path]; ok {
		return b, nil
	}
	return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
}

func (t kept) Glob(pattern string) ([]string, error) { return t.Globs[pattern], nil }

// IsDir is always true: it was looked at when the config loaded.
func (kept) IsDir(string) (bool, error) { return true, nil }

// Equal reports whether these are the same texts, of the same files.
func (t Texts) Equal(other Texts) bool {
	return maps.EqualFunc(t.Files, other.Files, slices.Equal) && maps.EqualFunc(t.Globs, other.Globs, slices.Equal)
}

// Size is how many bytes the files hold.
func (t Texts) Size() int {
	n := 0
	for _, b := range t.Files {
		n += len(b)
	}
	return n
}

// transcript is files of which all that is read is written down.
type transcript struct {
	files
	texts Texts
}

func newTranscript(from files) *transcript {
	return &transcript{from, Texts{map[string][]byte{}, map[string][]string{}}}
}

func (t *transcript) ReadFile(path string) ([]byte, error) {
	b, err := t.files.ReadFile(path)
	if err == nil {
		t.texts.Files[path] = b
	}
	return b, err
}

func (t *transcript) Glob(pattern string) ([]string, error) {
	found, err := t.files.Glob(pattern)
	if err == nil && len(found) > 0 {
		t.texts.Globs[pattern] = found
	}
	return found, err
}
