package file

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/yamlnode"
)

// The values of the setting body.
const (
	bodyJSON = "json" // the document of docs/webhook.md
	bodyRaw  = "raw"  // the alert as it came
)

// defaultMode lets the group read: who collects logs is often in it.
const defaultMode fs.FileMode = 0o640

// Config are the settings of one receiver.
type Config struct {
	// Path is the file. It is no template: no alert decides where anything is written.
	Path string `yaml:"path"`
	// Body is json (without it) or raw.
	Body string `yaml:"body"`
	// Mode are the permissions of files that are made, in octal; 0640 without it.
	Mode string `yaml:"mode"`
	// Sync waits for the disk after each line.
	Sync bool `yaml:"sync"`
	// Rotate puts a full file aside.
	Rotate Rotation `yaml:"rotate"`
}

// Rotation says when a file is put aside, and what becomes of it then. The zero value never does.
type Rotation struct {
	// Bytes is how long a file may become.
	Bytes yamlnode.Size `yaml:"bytes"`
	// Daily puts a file aside before the first line of another day.
	Daily bool `yaml:"daily"`
	// Keep is how many of them stay; without it, all.
	Keep int `yaml:"keep"`
	// Gzip compresses them.
	Gzip bool `yaml:"gzip"`
}

// minRotate is less than what a few alerts take: a file for each would fill a directory.
const minRotate = 100_000

// TakesTemplate says why a template of the receiver's would have no effect; nil where it has one.
func (c Config) TakesTemplate() error {
	if c.Body == bodyRaw {
		return errors.New("is of no use with body: raw, which writes the alert as it came; remove one of them")
	}
	return nil
}

// mode are the permissions of new files.
func (c Config) mode() (fs.FileMode, error) {
	if c.Mode == "" {
		return defaultMode, nil
	}
	n, err := strconv.ParseUint(c.Mode, 8, 32)
	if err != nil || n > 0o777 {
		return 0, fmt.Errorf("%q are no permissions: write them in octal and quotes, such as \"0640\"", c.Mode)
	}
	mode := fs.FileMode(n)
	switch {
	case mode&0o600 != 0o600:
		return 0, fmt.Errorf("%q would keep us from reading and writing the file: begin with 6", c.Mode)
	case mode&0o002 != 0:
		return 0, fmt.Errorf("%q lets everybody write: anybody could forge alerts", c.Mode)
	case mode&0o111 != 0:
		return 0, fmt.Errorf("%q makes a program of the file", c.Mode)
	}
	return mode, nil
}

// Validate reports every mistake in the settings, as FieldErrors.
func (c Config) Validate() error {
	var errs []error
	bad := func(key, format string, args ...any) {
		errs = append(errs, &notifier.FieldError{Key: key, Message: fmt.Sprintf(format, args...)})
	}
	switch {
	case c.Path == "":
		bad("path", "is missing: the file, such as /var/log/ossec-notify/alerts.json")
	case strings.Contains(c.Path, "{{"):
		bad("path", "is no template: no alert decides where anything is written")
	case !filepath.IsAbs(c.Path):
		bad("path", "%q must be absolute: the working directory is not the same for all who deliver", c.Path)
	case strings.HasSuffix(c.Path, "/") || filepath.Clean(c.Path) != c.Path:
		bad("path", "%q is no plain path of a file: write %s", c.Path, filepath.Clean(c.Path))
	case strings.ContainsFunc(c.Path, func(r rune) bool { return r < ' ' || r == 0x7f }):
		bad("path", "holds a control character")
	}
	if c.Body != "" && c.Body != bodyJSON && c.Body != bodyRaw {
		bad("body", "%q is neither json nor raw; a template of your own goes into the receiver's template", c.Body)
	}
	if _, err := c.mode(); err != nil {
		bad("mode", "%v", err)
	}
	r := c.Rotate
	if r.Bytes != 0 && r.Bytes < minRotate {
		bad("rotate.bytes", "is %s: write %s or more", r.Bytes, yamlnode.Size(minRotate))
	}
	if r.Keep < 0 {
		bad("rotate.keep", "is %d: write how many files stay", r.Keep)
	}
	if r.Bytes == 0 && !r.Daily && (r.Keep != 0 || r.Gzip) {
		bad("rotate", "says what becomes of files that are put aside, and not when: add bytes or daily")
	}
	return errors.Join(errs...)
}

// ConfigFromURL makes the settings of a receiver that integratord's arguments describe: file:///var/log/alerts.json, with ?body=raw.
func ConfigFromURL(hookURL string) (Config, error) {
	u, err := url.Parse(hookURL)
	if err != nil || u.Scheme != "file" || u.Host != "" {
		return Config{}, &notifier.FieldError{Key: "path", Message: "is no address such as file:///var/log/ossec-notify/alerts.json"}
	}
	cfg := Config{Path: u.Path}
	for key, values := range u.Query() {
		if key != "body" {
			return Config{}, &notifier.FieldError{Key: "path", Message: fmt.Sprintf("%q is not known here: body=raw is all that may follow the ?", key)}
		}
		cfg.Body = values[0]
	}
	return cfg, cfg.Validate()
}
