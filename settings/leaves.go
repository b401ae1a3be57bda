package settings

import (
	"cmp"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/ossec-notify/ossec-notify/notifier"
)

// Secrets calls f with every secret in v, a pointer to a struct of settings, and with the key that each has in the config: of one in
// a list or a mapping it is that of the list or the mapping. What f changes is changed in v.
func Secrets(v any, f func(key string, s *notifier.Secret)) {
	leaves(reflect.ValueOf(v), "", func(key string, v reflect.Value) {
		if s, ok := v.Addr().Interface().(*notifier.Secret); ok {
			f(key, s)
		}
	})
}

// ResolveFiles makes absolute what v, a pointer to a struct of settings, names by a path relative to dir: secrets in files, and
// the settings whose names end in _file. A deliverer need not run in the directory that a command ran in.
func ResolveFiles(v any, dir string) {
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

// Files calls f with every path that v, a pointer to a struct of settings, names: of secrets in files and the programs that print
// some, and of the settings whose names end in _file; and with the key that each has in the config.
func Files(v any, f func(key, path string)) {
	leaves(reflect.ValueOf(v), "", func(key string, v reflect.Value) {
		path := ""
		if s, ok := v.Addr().Interface().(*notifier.Secret); ok {
			path = cmp.Or(s.File(), s.Program())
		} else if v.Kind() == reflect.String && strings.HasSuffix(key, "_file") {
			path = v.String()
		}
		if path != "" {
			f(key, path)
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

// WithSecrets is a copy of a struct of settings that shares nothing with it, with every secret replaced by what f makes of it.
func WithSecrets[T any](v T, f func(notifier.Secret) notifier.Secret) T {
	return replaceSecrets(reflect.ValueOf(v), f).Interface().(T)
}

func replaceSecrets(v reflect.Value, f func(notifier.Secret) notifier.Secret) reflect.Value {
	out := reflect.New(v.Type()).Elem()
	out.Set(v)
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			out.Set(reflect.New(v.Type().Elem()))
			out.Elem().Set(replaceSecrets(v.Elem(), f))
		}
	case reflect.Struct:
		if s, ok := v.Interface().(notifier.Secret); ok {
			out.Set(reflect.ValueOf(f(s)))
			return out
		}
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				out.Field(i).Set(replaceSecrets(v.Field(i), f))
			}
		}
	case reflect.Map:
		if !v.IsNil() {
			out.Set(reflect.MakeMap(v.Type()))
			for _, k := range v.MapKeys() {
				out.SetMapIndex(k, replaceSecrets(v.MapIndex(k), f))
			}
		}
	case reflect.Slice:
		if !v.IsNil() {
			out.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
			for i := range v.Len() {
				out.Index(i).Set(replaceSecrets(v.Index(i), f))
			}
		}
	}
	return out
}
