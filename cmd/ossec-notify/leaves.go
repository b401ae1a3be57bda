package main

import (
	"path/filepath"
	"reflect"
	"strings"

	"github.com/ossec-notify/ossec-notify/notifier"
)

// secrets calls f with every secret in v, a pointer to a config.
func secrets(v any, f func(*notifier.Secret)) {
	leaves(reflect.ValueOf(v), "", func(_ string, v reflect.Value) {
		if s, ok := v.Addr().Interface().(*notifier.Secret); ok {
			f(s)
		}
	})
}

// resolveFiles makes absolute what v, a pointer to a config, names by a path relative to dir: secrets in files, and
// the settings whose names end in _file. A deliverer need not run in the directory that a command ran in.
func resolveFiles(v any, dir string) {
	leaves(reflect.ValueOf(v), "", func(key string, v reflect.Value) {
		if s, ok := v.Addr().Interface().(*notifier.Secret); ok {
			*s = s.Resolve(dir)
			return
		}
		if path := v.String(); v.Kind() == reflect.String && strings.HasSuffix(key, "_file") && path != "" && !filepath.IsAbs(path) {
			v.SetString(filepath.Join(dir, path))
		}
	})
}

// leaves calls f with every single value in v, which it may change, and the key that it has in the config.
func leaves(v reflect.Value, key string, f func(key string, v reflect.Value)) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			leaves(v.Elem(), key, f)
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[notifier.Secret]() {
			f(key, v)
			return
		}
		for i := range v.NumField() {
			if field := v.Type().Field(i); field.IsExported() {
				name, _, _ := strings.Cut(field.Tag.Get("yaml"), ",")
				leaves(v.Field(i), name, f)
			}
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			elem := reflect.New(v.Type().Elem()).Elem()
			elem.Set(v.MapIndex(k))
			leaves(elem, key, f)
			v.SetMapIndex(k, elem)
		}
	case reflect.Slice:
		for i := range v.Len() {
			leaves(v.Index(i), key, f)
		}
	default:
		f(key, v)
	}
}
