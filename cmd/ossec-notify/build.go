package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"reflect"
	"strings"
	"time"

	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/templates"
)

// buildOptions say how receivers are made.
type buildOptions struct {
	// client, when set, takes the place of every receiver's own HTTP client: preview's records.
	client *http.Client
	log    *slog.Logger
}

// dispatcher makes the dispatcher of a config: notifiers, template sets and routes. The error joins all that is
// wrong with templates and files that the config names. The dispatcher is there all the same, with what could be
// made: a command refuses to go on, but a call by integratord must tell somebody, in the default form if need be.
func (c *config) dispatcher(opt buildOptions) (*dispatch.Dispatcher, error) {
	var errs []error
	set, err := templates.Load(templates.Options{Dir: c.TemplatesDir, Links: c.Links})
	if err != nil {
		errs = append(errs, err)
		set = templates.Default()
	}
	d := &dispatch.Dispatcher{Table: &c.Table, Scale: c.Scale, Receivers: map[string]*dispatch.Receiver{}, Log: opt.log}
	for _, r := range c.Receivers {
		made, err := r.build(set, c.TemplatesDir, opt)
		if err != nil {
			errs = append(errs, fmt.Errorf("receiver %q: %w", r.Name, err))
		}
		if made != nil {
			d.Receivers[r.Name] = made
		}
	}
	return d, errors.Join(errs...)
}

// build makes the receiver; without those of its templates that are wrong, and nil where the channel itself
// cannot be made.
func (r *receiver) build(set *templates.Set, dir string, opt buildOptions) (*dispatch.Receiver, error) {
	var errs []error
	for _, name := range []string{r.common.Template, bodyTemplate(r.Config)} {
		if name == "" {
			continue
		}
		if strings.HasSuffix(name, ".json.tmpl") && !r.Channel.json {
			errs = append(errs, fmt.Errorf("template %s: a message of %s is no JSON; name the file without .json", name, r.Channel.name))
			continue
		}
		with, err := set.With(templatePath(dir, name))
		if err != nil {
			errs = append(errs, err)
			continue
		}
		set = with
	}
	n, err := r.Config.build(opt.client)
	if err != nil {
		return nil, errors.Join(append(errs, err)...)
	}
	return &dispatch.Receiver{
		Name: r.Name, Channel: r.Channel.name, Notifier: n, Templates: set, Timeout: time.Duration(r.common.Timeout),
	}, errors.Join(errs...)
}

// templatePath is the file that a config names: an absolute path, or a name in the templates' directory.
func templatePath(dir, name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(dir, name)
}

// secrets calls f with every secret in v, a pointer to a config.
func secrets(v any, f func(*notifier.Secret)) { walkSecrets(reflect.ValueOf(v), f) }

func walkSecrets(v reflect.Value, f func(*notifier.Secret)) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			walkSecrets(v.Elem(), f)
		}
	case reflect.Struct:
		if s, ok := v.Addr().Interface().(*notifier.Secret); ok {
			f(s)
			return
		}
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				walkSecrets(v.Field(i), f)
			}
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			elem := reflect.New(v.Type().Elem()).Elem()
			elem.Set(v.MapIndex(k))
			walkSecrets(elem, f)
			v.SetMapIndex(k, elem)
		}
	case reflect.Slice:
		for i := range v.Len() {
			walkSecrets(v.Index(i), f)
		}
	}
}
