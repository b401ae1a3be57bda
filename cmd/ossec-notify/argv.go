package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/door"
	"github.com/ossec-notify/ossec-notify/regular"
)

// Receivers that ossec.conf describes by key and URL are kept in files of their own, so that what waits for one can be
// delivered by the next process. Their credentials are in no other place. A file goes when no call has used it and
// nothing has waited for it for a month.

const (
	argvLife  = 30 * 24 * time.Hour
	argvTouch = 24 * time.Hour // a file's time tells when it was used, to the day
	maxArgv   = 16 << 20       // bytes: Linux passes at most 2 MiB of arguments, and no byte takes more than six in JSON
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

func (s *site) argvDir() string { return filepath.Join(s.state, "receivers") }

func (s *site) argvPath(name string) string { return filepath.Join(s.argvDir(), name+".json") }

// keepArgv sees that a receiver of ossec.conf has its file, and that the file's time says that it was used.
func (s *site) keepArgv(r *dispatch.Receiver, call door.Call, now time.Time) error {
	if s.state == "" { // without a state, nothing waits
		return nil
	}
	k := s.argv[r.Name]
	if k != nil && now.Sub(k.touched) < argvTouch {
		return nil
	}
	path := s.argvPath(r.Name)
	switch st, err := os.Stat(path); {
	case err == nil && now.Sub(st.ModTime()) < argvTouch:
	case err == nil:
		if err := os.Chtimes(path, time.Time{}, now); err != nil {
			return err
		}
	case errors.Is(err, fs.ErrNotExist):
		if err := writeArgv(path, argvFile{r.Channel, call.APIKey, call.HookURL}); err != nil {
			return err
		}
	default:
		return err
	}
	if k == nil {
		k = &argvKept{receiver: r}
		s.argv[r.Name] = k
	}
	k.touched = now
	return nil
}

// writeArgv writes the file of a receiver. It is whole and on the disk before its first alert leaves the spool: a
// delivery whose receiver nobody knows would be dead.
func writeArgv(path string, f argvFile) error {
	b, err := json.Marshal(f)
	if err != nil {
		return err
	}
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

// readArgv makes a receiver of what keepArgv stored.
func (s *site) readArgv(name string) (*dispatch.Receiver, error) {
	b, err := regular.Read(s.argvPath(name), maxArgv)
	if err != nil {
		return nil, err
	}
	var f argvFile
	if err := json.Unmarshal(b, &f); err != nil {
		return nil, err
	}
	kind, ok := channelByName(f.Kind)
	if !ok {
		return nil, fmt.Errorf("no channel %q", f.Kind)
	}
	return argvReceiver(kind, door.Call{Name: kind.name, APIKey: f.Key, HookURL: f.URL}, s.egress)
}

// pruneArgv removes the files that were not used for argvLife, unless something waits for their receivers: those count
// as used.
func (s *site) pruneArgv(ctx context.Context, now time.Time) error {
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
		if !ok || err != nil || now.Sub(st.ModTime()) < argvTouch {
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
