package validation

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/go-playground/validator/v10"
)

// locate walks from top to the field of fe by the Go names in its namespace. It returns the path by json tags
// and the struct that holds the field. What it cannot follow, such as a map whose key holds a bracket, gets the
// validator's own path and no parent.
func locate(top reflect.Value, fe validator.FieldError) (path string, parent reflect.Value) {
	here := pointee(top)
	if !here.IsValid() {
		return fe.Namespace(), reflect.Value{}
	}
	rest := strings.TrimPrefix(fe.StructNamespace(), here.Type().Name()+".")
	var b strings.Builder
	for rest != "" {
		switch {
		case strings.HasPrefix(rest, "["):
			key, after, _ := strings.Cut(rest[1:], "]")
			here, rest = pointee(element(here, key)), strings.TrimPrefix(after, ".")
			fmt.Fprintf(&b, "[%s]", key)
		case here.IsValid() && here.Kind() == reflect.Struct:
			name := rest
			if i := strings.IndexAny(rest, ".["); i >= 0 {
				name = rest[:i]
			}
			field, ok := here.Type().FieldByName(name)
			if !ok {
				return fe.Namespace(), reflect.Value{}
			}
			if json := jsonName(field); json != "" {
				if b.Len() > 0 {
					b.WriteByte('.')
				}
				b.WriteString(json)
			}
			parent, here = here, pointee(here.FieldByIndex(field.Index))
			rest = strings.TrimPrefix(rest[len(name):], ".")
		default:
			return fe.Namespace(), reflect.Value{}
		}
	}
	return b.String(), parent
}

// jsonName returns the name of a field in JSON, empty for an embedded struct whose fields are lifted.
func jsonName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	switch {
	case name == "-", name == "" && !f.Anonymous:
		return f.Name
	}
	return name
}

// element returns v[key] of a list or map, or nothing.
func element(v reflect.Value, key string) reflect.Value {
	if !v.IsValid() {
		return v
	}
	switch v.Kind() {
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			if fmt.Sprint(i) == key {
				return v.Index(i)
			}
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			if fmt.Sprint(it.Key()) == key {
				return it.Value()
			}
		}
	}
	return reflect.Value{}
}

// pointee follows pointers and interfaces. It is invalid when one of them is nil.
func pointee(v reflect.Value) reflect.Value {
	for v.IsValid() && (v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface) {
		v = v.Elem()
	}
	return v
}
