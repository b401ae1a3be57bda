package webhook

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/templates/presets"
	"github.com/ossec-notify/ossec-notify/yamlnode"
)

const typeForm = "application/x-www-form-urlencoded"

// preset is a preset at work.
type preset struct {
	*presets.Preset
	form     *form
	unmarked *preset // the same without markup, where an answer may ask for it
	drop     []string
}

func newPreset(p *presets.Preset) *preset {
	made := &preset{Preset: p, form: newForm(p.Text)}
	if p.Unmarked != nil {
		made.unmarked = &preset{Preset: p, form: newUnmarked(p.Text, p.Unmarked), drop: p.Unmarked.Drop}
	}
	return made
}

// UsePreset gives a config the preset that it names, which may be a file of the operator's. Without it, New takes the one that
// comes with this program.
func (c *Config) UsePreset(p *presets.Preset) { c.preset = p }

// LoadedPreset is what UsePreset was given, or nil.
func (c Config) LoadedPreset() *presets.Preset { return c.preset }

// Rate is how much the vendor takes where the receiver does not say, as "1/s"; "" is no limit.
func (c Config) Rate() string {
	if c.preset == nil {
		return ""
	}
	return c.preset.Rate
}

// Parallel is how many attempts run at once where the receiver does not say; 0 leaves it to the channel.
func (c Config) Parallel() int {
	if c.preset == nil {
		return 0
	}
	return c.preset.Concurrency
}

// PresetSettings are the settings that the preset's templates may print, by name: those that are no secrets.
func (c Config) PresetSettings() map[string]string {
	open := map[string]string{}
	for name, s := range c.Settings {
		if v, ok := s.Plain(); ok && c.preset != nil && !c.isSecret(name) {
			open[name] = v
		}
	}
	return open
}

func (c Config) isSecret(name string) bool {
	s, ok := c.preset.Setting(name)
	return !ok || s.Secret
}

// setting is what the receiver says of a setting of the preset's; zero is the default.
func (c Config) setting(name string) notifier.Secret {
	if name == "url" {
		return c.URL
	}
	return c.Settings[name]
}

// gives reports that the receiver gives a setting that is no secret.
func (c Config) gives(name string) bool {
	v, _ := c.setting(name).Plain()
	return v != ""
}

// validatePreset reports what is wrong with the settings beside a preset, and with those that it asks for.
func (c Config) validatePreset(bad func(key, format string, args ...any)) {
	if !presets.IsName(c.Preset) {
		bad("preset", "%q is no name of a preset: see them with: ossec-notify presets", c.Preset)
	}
	for _, other := range []struct {
		key string
		set bool
	}{{"body", c.Body != ""}, {"method", c.Method != ""}, {"content_type", c.ContentType != ""}, {"success", c.Success != nil}} {
		if other.set {
			bad(other.key, "is what the preset %s says: remove it, or copy the preset and change it there (ossec-notify presets %s)", c.Preset, c.Preset)
		}
	}
	p := c.preset
	if p == nil { // it is not read yet
		return
	}
	if _, takes := p.Setting("url"); !takes && !c.URL.IsZero() {
		bad("url", "is not what the preset %s takes: remove it", c.Preset)
	}
	for _, s := range p.Settings {
		key := s.Key()
		given := c.setting(s.Name)
		value, plain := given.Plain()
		switch {
		case given.IsZero() && s.Required:
			bad(key, "is missing: %s, such as %s", s.Help, cmp.Or(s.Example, strings.Join(s.Values, ", ")))
		case given.IsZero():
		case !plain && !s.Secret && s.Name != "url":
			bad(key, "is no secret, and is read when the config is loaded: write the value itself")
		case !plain:
		case s.Values != nil && !slices.Contains(s.Values, value):
			advice := "it takes " + strings.Join(s.Values, ", ")
			if near := yamlnode.Nearest(value, s.Values); near != "" {
				advice = fmt.Sprintf("did you mean %q?", near)
			}
			bad(key, "%q is none of its values: %s", value, advice)
		case p.IsAddress(s.Name):
			if _, err := parseURL(value); err != nil {
				bad(key, "%v", err)
			}
		case notifier.HeaderValue(value) != nil:
			bad(key, "%v", notifier.HeaderValue(value))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Settings)) {
		if _, known := p.Setting(name); known && name != "url" {
			continue
		}
		var known []string
		for _, s := range p.Settings {
			if s.Name != "url" {
				known = append(known, s.Name)
			}
		}
		advice := "it takes " + strings.Join(known, ", ")
		if near := yamlnode.Nearest(name, known); near != "" {
			advice = fmt.Sprintf("did you mean %q?", near)
		}
		switch {
		case name == "url":
			advice = "write url beside preset, not below settings"
		case known == nil:
			advice = "it takes none; remove it"
		}
		bad("settings."+name, "is no setting of the preset %s: %s", c.Preset, advice)
	}
	for header := range c.Headers {
		for _, r := range p.Requests() {
			for own, text := range r.Headers {
				if http.CanonicalHeaderKey(own) == http.CanonicalHeaderKey(header) && !c.lacks(text) {
					bad("headers."+header, "is set by the preset %s", c.Preset)
				}
			}
		}
	}
	if c.presetAuthorizes() && (c.BasicAuth != nil || !c.BearerToken.IsZero()) {
		key := "bearer_token"
		if c.BasicAuth != nil {
			key = "basic_auth"
		}
		bad(key, "is what the preset %s sets: a request can carry one authorization", c.Preset)
	}
}

// Misfits are the settings of the preset whose values do not have the form that the vendor says they have, as FieldErrors. No receiver is
// refused for it, for vendors change their forms: the vendor has the last word. No value is shown: what is wrong with one that is no secret may
// be the token that somebody copied into it, as in https://gitlab.example.com/api/v4/projects/9/trigger/pipeline?token=….
func (c Config) Misfits(ctx context.Context) []error {
	if c.preset == nil {
		return nil
	}
	var errs []error
	for _, s := range c.preset.Settings {
		given := c.setting(s.Name)
		if s.Forms == nil || given.IsZero() {
			continue
		}
		value, err := given.Read(ctx)
		if err != nil || notifier.HeaderValue(value) != nil { // which is told already
			continue
		}
		hint, misfit := s.Misfit(value)
		if !misfit {
			continue
		}
		message := "is not what " + c.preset.Title + " takes"
		if !given.IsPlain() {
			message += " (" + given.String() + ")"
		}
		errs = append(errs, &notifier.FieldError{Key: s.Key(), Message: message + ": " + hint})
	}
	return errs
}

// presetAuthorizes reports that a request of the preset's carries an authorization, by what the receiver gives.
func (c Config) presetAuthorizes() bool {
	for _, r := range c.preset.Requests() {
		for name, text := range r.Headers {
			if http.CanonicalHeaderKey(name) == "Authorization" && !c.lacks(text) {
				return true
			}
		}
		if r.Basic != nil && !c.lacks(r.Basic.Username+r.Basic.Password) {
			return true
		}
	}
	return false
}

// lacks reports that a text with placeholders asks for a setting that the receiver does not give and that has no default:
// "Bearer " alone would be no token.
func (c Config) lacks(text string) bool {
	return slices.ContainsFunc(presets.Placeholders(text), func(name string) bool {
		s, is := c.preset.Setting(name)
		return is && s.Default == "" && c.setting(name).IsZero()
	})
}

// presetDestinations are the servers that a request of the preset's goes to, by the setting that names each.
func (c Config) presetDestinations(ctx context.Context) map[string]string {
	all := map[string]string{}
	for _, s := range c.preset.Settings {
		if !c.preset.IsAddress(s.Name) {
			continue
		}
		key := s.Key()
		given := c.setting(s.Name)
		if all[key] = s.Default; !given.IsZero() {
			all[key], _ = given.Read(ctx)
		}
	}
	if host := c.preset.Host(); host != "" {
		all["preset"] = host
	}
	return all
}

// filled are the values of placeholders for one request.
type filled struct {
	ctx     context.Context
	w       *Notifier
	n       notifier.Notification
	secrets *secrets
}

// value is that of a placeholder.
func (f filled) value(name string) (string, error) {
	n := f.n
	switch name {
	case "delivery":
		return n.Delivery, nil
	case "alert":
		return n.Alert, nil
	case "dedup_key":
		return n.DedupKey, nil
	case "dedup_hash":
		sum := sha256.Sum256([]byte(n.DedupKey))
		return hex.EncodeToString(sum[:8]), nil
	case "severity":
		return n.Severity, nil
	case "action":
		return string(n.Action), nil
	case "receiver":
		return n.Receiver, nil
	case "earlier":
		if n.Earlier == nil || n.Earlier.ID == "" {
			e := notifier.Errorf(notifier.Permanent, "%s: nothing is known of the message that this one is about", f.w.preset.Title)
			e.Hint = "the first message of the incident did not arrive, its answer did not say how " + f.w.preset.Title + " calls it, or it came before that was kept"
			return "", e
		}
		return n.Earlier.ID, nil
	}
	s, ok := f.w.preset.Setting(name)
	if !ok {
		return "", fmt.Errorf("the preset %s has no setting %q", f.w.preset.Name, name)
	}
	given := f.w.cfg.setting(name)
	if given.IsZero() {
		return s.Default, nil
	}
	if !s.Secret && name != "url" {
		return given.Read(f.ctx)
	}
	return f.secrets.read(f.ctx, given)
}

// inHeader is the text of a header.
func (f filled) inHeader(text, key string) (string, error) {
	v, err := presets.Expand(text, func(name string, _ bool) (string, error) { return f.value(name) })
	if err != nil {
		return "", err
	}
	if err := notifier.HeaderValue(v); err != nil {
		return "", notifier.Errorf(notifier.Temporary, "the preset's %s %w", key, err)
	}
	return v, nil
}

// target is the address of a request.
func (f filled) target(r presets.Request) (*url.URL, error) {
	var base *url.URL
	text, err := presets.Expand(r.URL, func(name string, begins bool) (string, error) {
		v, err := f.value(name)
		if err != nil || !begins {
			return pathSegment(v), err
		}
		if base, err = parseURL(v); err != nil {
			return "", f.w.cfg.setting(name).Unfit(name, err)
		}
		return "", nil
	})
	if err != nil {
		return nil, err
	}
	u := base
	if base == nil {
		if u, err = parseURL(text); err != nil {
			return nil, notifier.Errorf(notifier.Misconfigured, "the preset %s makes an address that %w", f.w.preset.Name, err)
		}
	} else if text != "" {
		path := strings.TrimSuffix(u.EscapedPath(), "/") + text
		if u.Path, err = url.PathUnescape(path); err != nil {
			return nil, notifier.Errorf(notifier.Misconfigured, "the preset %s makes an address that %w", f.w.preset.Name, err)
		}
		u.RawPath = path
	}
	query := u.Query()
	for _, name := range slices.Sorted(maps.Keys(r.Query)) {
		if f.w.cfg.lacks(r.Query[name]) {
			continue
		}
		v, err := presets.Expand(r.Query[name], func(name string, _ bool) (string, error) { return f.value(name) })
		if err != nil {
			return nil, err
		}
		if v != "" {
			query.Set(name, v)
		}
	}
	if len(r.Query) > 0 {
		u.RawQuery = query.Encode()
	}
	return u, nil
}

// pathSegment is a value as one segment of a path.
func pathSegment(v string) string {
	if v == "." || v == ".." { // which lead elsewhere
		return strings.ReplaceAll(v, ".", "%2E")
	}
	return strings.ReplaceAll(url.PathEscape(v), ":", "%3A")
}

// body makes the body of a message: of the template's, or, where that made none, of what stands in for it.
func (w *Notifier) body(n notifier.Notification) (root *node, r presets.Request, err error) {
	r, ok := w.preset.For(string(n.Action), w.cfg.gives)
	if !ok {
		return nil, r, notifier.UnknownAction("webhook: preset "+w.preset.Name, n.Action)
	}
	if made := n.Parts["body.json"]; !made.Blank() {
		if root, err = parseBody(made); err != nil {
			e := notifier.Errorf(notifier.Permanent, "preset %s: its body is no valid JSON: %w", w.preset.Name, err)
			e.Hint = "see it with: ossec-notify preview"
			return nil, r, e
		}
		return root, r, nil
	}
	if root, err = w.plain(n, r); err != nil {
		return nil, r, notifier.Errorf(notifier.Permanent, "preset %s: its plain body is no valid JSON: %w", w.preset.Name, err)
	}
	return root, r, nil
}

// plain is the body without templates.
func (w *Notifier) plain(n notifier.Notification, r presets.Request) (*node, error) {
	text := n.Parts["body"]
	if text.Blank() {
		text = display.Words("An alert came whose message is empty.")
	}
	root, err := parse(r.Plain, nil)
	if err != nil {
		return nil, err
	}
	f := filled{context.Background(), w, n, &secrets{}}
	return root, f.in(root, func(name string) (string, bool) {
		switch name {
		case "text":
			return string(presets.QuoteOpen) + "0" + string(presets.QuoteClose), true
		case "shown":
			return string([]rune{presets.PlainOpen, presets.QuoteOpen, '1', presets.QuoteClose, presets.PlainClose}), true
		}
		return "", false
	}, text, display.Quote(text.String())) // our own words in it are escaped, too
}

// in puts values in the place of the placeholders of a body's texts: own ones, which may be quotations by their numbers, and those of the message.
func (f filled) in(root *node, own func(name string) (string, bool), quotes ...display.Text) error {
	for _, s := range stringsOf(root) {
		with, err := presets.Expand(plainKey(s.text), func(name string, _ bool) (string, error) {
			if v, is := own(name); is {
				return v, nil
			}
			v, err := f.value(name)
			return presets.WithoutMarks(v), err
		})
		if err != nil {
			return err
		}
		s.text = segments(with, quotes)
	}
	return nil
}

// presetContent is what a request with a preset carries, in a form of it.
func (w *Notifier) presetContent(n notifier.Notification, p *preset, f filled) (content, presets.Request, error) {
	root, r, err := w.body(n)
	if err != nil {
		return content{}, r, err
	}
	for _, path := range p.drop {
		drop(root, path)
	}
	if err := f.addSecrets(root, r); err != nil {
		return content{}, r, err
	}
	if !p.fit(root, r.Form) {
		return content{}, r, notifier.Errorf(notifier.Permanent, "preset %s: the message has %d bytes, and %s takes %d: shorten what your templates say", p.Name, p.size(root, r.Form), p.Title, p.Limits.Body)
	}
	if r.Form {
		body, err := p.form.encodeForm(root)
		if err != nil {
			return content{}, r, notifier.Errorf(notifier.Permanent, "preset %s: %w", p.Name, err)
		}
		return content{body: body, mediaType: typeForm}, r, nil
	}
	return content{body: string(p.encoded(root)), mediaType: typeJSON}, r, nil
}

// addSecrets puts into a body what only the vendor may see there.
func (f filled) addSecrets(root *node, r presets.Request) error {
	if len(r.SecretFields) > 0 && root.kind != isObject {
		return notifier.Errorf(notifier.Permanent, "preset %s: secret_fields are put into an object, and the body is none", f.w.preset.Name)
	}
	for _, name := range slices.Sorted(maps.Keys(r.SecretFields)) {
		text := r.SecretFields[name]
		drop(root, name)
		if f.w.cfg.lacks(text) {
			continue
		}
		v, err := presets.Expand(text, func(name string, _ bool) (string, error) { return f.value(name) })
		if err != nil {
			return err
		}
		root.keys = append(root.keys, []segment{{text: display.Words(name)}})
		root.items = append(root.items, &node{kind: isSecret, literal: v})
	}
	return nil
}

// presetHeaders are what the preset sets.
func (w *Notifier) presetHeaders(req *http.Request, r presets.Request, f filled) error {
	for _, name := range slices.Sorted(maps.Keys(r.Headers)) {
		if w.cfg.lacks(r.Headers[name]) {
			continue
		}
		v, err := f.inHeader(r.Headers[name], "headers."+name)
		if err != nil {
			return err
		}
		if v != "" {
			req.Header.Set(name, v)
		}
	}
	if r.Basic != nil && !w.cfg.lacks(r.Basic.Username+r.Basic.Password) {
		user, err1 := f.inHeader(r.Basic.Username, "basic.username")
		password, err2 := f.inHeader(r.Basic.Password, "basic.password")
		if err := errors.Join(err1, err2); err != nil {
			return err
		}
		req.SetBasicAuth(user, password)
	}
	return nil
}

// Meters are how much of the vendor's limits a message takes.
func (w *Notifier) Meters(n notifier.Notification) []notifier.Meter {
	if w.preset == nil {
		return nil
	}
	root, r, err := w.body(n)
	if err != nil || !w.preset.fit(root, r.Form) {
		return nil
	}
	return w.preset.meters(root, r.Form)
}
