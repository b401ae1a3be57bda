package site

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/ossec-notify/ossec-notify/channel"
	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/door"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/regular"
)

// Receivers that ossec.conf describes by key and URL are kept in files of their own, so that what waits for one can be
// delivered by the next process. Their credentials are in no other place. A file goes when no call has used it and
// nothing has waited for it for a month.

// ArgvTouch is how exactly the time of a file of a receiver of ossec.conf tells when it was used.
const ArgvTouch = 24 * time.Hour

const (
	argvLife = 30 * 24 * time.Hour
	maxArgv  = 16 << 20 // bytes: Linux passes at most 2 MiB of arguments, and no byte takes more than six in JSON
)

// argvFile is what is kept of a receiver of ossec.conf.
type argvFile struct {
	Kind string `json:"kind"`
	Key  string `json:"key,omitempty"`
	URL  string `json:"url,omitempty"`
}

// argvKept is a receiver of ossec.conf that has its file.
type argvKept struct {
	receiver *dispatch.Receiver
	touched  time.Time // when the file's time was last seen to be new enough
}

func (s *Site) argvDir() string { return filepath.Join(s.state, "receivers") }

func (s *Site) argvPath(name string) string { return filepath.Join(s.argvDir(), name+".json") }

// keepArgv sees that a receiver of ossec.conf has its file, and that the file's time says that it was used.
func (s *Site) keepArgv(r *dispatch.Receiver, call door.Call, now time.Time) error {
	if s.state == "" { // without a state, nothing waits
		return nil
	}
	k := s.argv[r.Name]
	if k != nil && now.Sub(k.touched) < ArgvTouch {
		return nil
	}
	if err := s.writtenArgv(r.Name, argvFile{cmp.Or(r.Preset, r.Channel), call.APIKey, call.HookURL}, now); err != nil {
		return err
	}
	if k == nil {
		k = &argvKept{receiver: r}
		s.argv[r.Name] = k
	}
	k.touched = now
	return nil
}

// writtenArgv sees that the file of a receiver says this, and that its time is not older than a day. One that says something
// else is damaged. If it cannot be written again, that can wait: what is for the receiver does not die without it.
func (s *Site) writtenArgv(name string, f argvFile, now time.Time) error {
	want, err := json.Marshal(f)
	if err != nil {
		return err
	}
	path := s.argvPath(name)
	have, err := regular.Read(path, maxArgv)
	switch {
	case err == nil && bytes.Equal(have, want):
		if st, err := os.Stat(path); err != nil || now.Sub(st.ModTime()) < ArgvTouch {
			return err
		}
		return os.Chtimes(path, time.Time{}, now)
	case errors.Is(err, fs.ErrNotExist):
		return writeArgv(path, want)
	}
	if err := writeArgv(path, want); err != nil {
		s.tellArgv(name, fmt.Errorf("%s is damaged and cannot be written again: %w", path, err))
		return nil
	}
	delete(s.damaged, name)
	s.log.Warn("the file of a receiver of ossec.conf was damaged; this call has written it again", "receiver", name, "file", path)
	return nil
}

// tellArgv logs what is wrong with the file of a receiver, once until it changes.
func (s *Site) tellArgv(name string, err error) {
	if s.damaged[name] != err.Error() {
		s.damaged[name] = err.Error()
		s.log.Error("what is for a receiver of ossec.conf waits: "+argvRemedy, "receiver", name, "err", err)
	}
}

// argvRemedy is what mends the file of a receiver.
const argvRemedy = "its file cannot be used, and is written again with the next alert of its <integration>"

// writeArgv writes the file of a receiver. It is whole and on the disk before its first alert leaves the spool: a
// delivery whose receiver nobody knows would be dead.
func writeArgv(path string, b []byte) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	fresh := path + ".new" // one that a crash left behind is written over
	if err := os.Remove(fresh); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	w, err := os.OpenFile(fresh, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = w.Write(b)
	if err := errors.Join(err, w.Sync(), w.Close()); err != nil {
		return err
	}
	if err := os.Rename(fresh, path); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// ReadArgv makes a receiver of what keepArgv stored in a directory. Where the file is there and cannot be used, the error is
// not fs.ErrNotExist, and shows nothing of the file.
func ReadArgv(dir, name string, egress *notifier.Egress) (*dispatch.Receiver, error) {
	path := filepath.Join(dir, name+".json")
	b, err := regular.Read(path, maxArgv)
	if err != nil {
		return nil, err
	}
	var f argvFile
	damaged := fmt.Errorf("%s is damaged: it does not hold what ossec-notify wrote", path)
	if err := json.Unmarshal(b, &f); err != nil {
		return nil, damaged
	}
	kind, ok := channel.ByCall(f.Kind)
	if !ok {
		return nil, damaged
	}
	r, err := argvReceiver(kind, door.Call{Name: kind.CalledAs(), APIKey: f.Key, HookURL: f.URL}, egress)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if r.Name != name { // which is made of the credentials
		return nil, damaged
	}
	return r, nil
}

// pruneArgv removes the files that were not used for argvLife, unless something waits for their receivers: those count
// as used.
func (s *Site) pruneArgv(ctx context.Context, now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	entries, err := os.ReadDir(s.argvDir())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	queues, err := s.box.Queues(ctx)
	if err != nil {
		return err
	}
	waits := map[string]bool{}
	for _, q := range queues {
		waits[q.Receiver] = q.Open() > 0
	}
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), ".json")
		st, err := e.Info()
		if !ok || err != nil || now.Sub(st.ModTime()) < ArgvTouch {
			continue
		}
		switch path := s.argvPath(name); {
		case waits[name]:
			err = os.Chtimes(path, time.Time{}, now)
		case now.Sub(st.ModTime()) >= argvLife:
			delete(s.argv, name)
			if err = os.Remove(path); err == nil {
				s.log.Info("forgot a receiver of ossec.conf: nothing was sent to it for a long time", "receiver", name, "days", int(argvLife.Hours()/24))
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}
