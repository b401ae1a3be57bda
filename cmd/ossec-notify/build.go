package main

import (
	"errors"
	"fmt"
	"io/fs"
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
// wrong with templates and files that the config names.
func (c *config) dispatcher(opt buildOptions) (*dispatch.Dispatcher, error) {
	set, err := templates.Load(templates.Options{Dir: c.TemplatesDir, Links: c.Links})
	if err != nil {
		return nil, err
	}
	d := &dispatch.Dispatcher{Table: &c.Table, Scale: c.Scale, Receivers: map[string]*dispatch.Receiver{}, Log: opt.log}
	var errs []error
	for _, r := range c.Receivers {
		dr, err := r.build(set, c.TemplatesDir, opt)
		if err != nil {
			errs = append(errs, fmt.Errorf("receiver %q: %w", r.Name, err))
			continue
		}
		d.Receivers[r.Name] = dr
	}
	return d, errors.Join(errs...)
}

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
		path := name
		if !filepath.IsAbs(path) {
			path = filepath.Join(dir, name)
		}
		with, err := set.With(path)
		if errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("template %s: there is no such file in %s", name, dir)
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		set = with
	}
	n, err := r.Config.build(opt.client)
	if err != nil {
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return &dispatch.Receiver{Name: r.Name, Channel: r.Channel.name, Notifier: n, Templates: set, Timeout: time.Duration(r.common.Timeout)}, nil
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
