package doku

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxDepth is how deep a message may nest. DOKU's go five levels down.
const maxDepth = 16

// ErrMalformed is what every error of [ParseNotification] and [ParseStatus] is: the message is not
// one JSON object we can read without guessing. The error names the member, never its value.
var ErrMalformed = errors.New("doku: malformed message")

func malformed(why string) error { return fmt.Errorf("%w: %s", ErrMalformed, why) }

// A member is one member of a JSON object; raw is its value as it was sent.
type member struct {
	name string
	raw  []byte
}

// An object is one level of a JSON message. Unlike encoding/json, which takes the last of several
// equal names and matches names in any case, it knows each name once and exactly.
type object []member

// parseObject reads body as exactly one JSON object in valid UTF-8, at most maxDepth deep.
func parseObject(body []byte, limit int) (object, error) {
	switch {
	case len(body) > limit:
		return nil, malformed("too large")
	case !utf8.Valid(body):
		return nil, malformed("not valid UTF-8")
	case tooDeep(body):
		return nil, malformed("nested too deeply")
	case !json.Valid(body):
		return nil, malformed("not one JSON value")
	}
	body = bytes.Trim(body, " \t\r\n")
	if body[0] != '{' {
		return nil, malformed("not a JSON object")
	}
	return members(body)
}

// tooDeep reports whether raw nests deeper than maxDepth. Raw need not be valid.
func tooDeep(raw []byte) bool {
	depth := 0
	for i := 0; i < len(raw); i++ {
		switch raw[i] {
		case '"':
			i = stringEnd(raw, i) - 1
		case '{', '[':
			if depth++; depth > maxDepth {
				return true
			}
		case '}', ']':
			depth--
		}
	}
	return false
}

// members splits raw, a valid JSON object, into its members. Two names that are equal but for their
// case make it refuse the object: which one counts would depend on the reader.
func members(raw []byte) (object, error) {
	o := make(object, 0, 8)
	for i := skipSpace(raw, 1); raw[i] != '}'; {
		if raw[i] == ',' {
			i = skipSpace(raw, i+1)
		}
		nameEnd := stringEnd(raw, i)
		name, err := unquote(raw[i:nameEnd])
		if err != nil {
			return nil, malformed("a name is not a string")
		}
		i = skipSpace(raw, nameEnd) // at ':'
		i = skipSpace(raw, i+1)
		end := valueEnd(raw, i)
		o = append(o, member{name, raw[i:end:end]})
		i = skipSpace(raw, end)
	}
	if o.repeats() {
		return nil, malformed("a name appears twice in one object")
	}
	return o, nil
}

// repeats reports whether two names are equal under Unicode case folding.
func (o object) repeats() bool {
	if len(o) <= 16 { // the usual case, without a map
		for i := range o {
			for j := range i {
				if strings.EqualFold(o[i].name, o[j].name) {
					return true
				}
			}
		}
		return false
	}
	seen := make(map[string]struct{}, len(o))
	for _, m := range o {
		seen[strings.Map(fold, m.name)] = struct{}{}
	}
	return len(seen) < len(o)
}

// fold maps all runes that are equal under case folding to the smallest of them.
func fold(r rune) rune {
	least := r
	for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
		least = min(least, f)
	}
	return least
}

// get returns the raw value of a member, or nil when there is none or it is null.
func (o object) get(name string) []byte {
	for _, m := range o {
		if m.name == name {
			if string(m.raw) == "null" {
				return nil
			}
			return m.raw
		}
	}
	return nil
}

// text returns a member as text: a string's characters, or a number or boolean as written. It is
// empty when the member is missing or is something else.
func (o object) text(name string) string { return text(o.get(name)) }

// object returns a member that is an object. A missing member, null, or another type is empty.
func (o object) object(name string) (object, error) {
	raw := o.get(name)
	if len(raw) == 0 || raw[0] != '{' {
		return nil, nil
	}
	inner, err := members(raw)
	if err != nil {
		return nil, fmt.Errorf("%w (in %s)", err, name)
	}
	return inner, nil
}

func text(raw []byte) string {
	if len(raw) == 0 {
		return ""
	}
	switch raw[0] {
	case '"':
		s, _ := unquote(raw)
		return s
	case '{', '[', 'n':
		return ""
	}
	return string(raw)
}

// elements splits raw, a valid JSON array.
func elements(raw []byte) [][]byte {
	var all [][]byte
	for i := skipSpace(raw, 1); raw[i] != ']'; {
		if raw[i] == ',' {
			i = skipSpace(raw, i+1)
		}
		end := valueEnd(raw, i)
		all = append(all, raw[i:end:end])
		i = skipSpace(raw, end)
	}
	return all
}

func unquote(raw []byte) (string, error) {
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1 : len(raw)-1]), nil
	}
	var s string
	err := json.Unmarshal(raw, &s)
	return s, err
}

func skipSpace(raw []byte, i int) int {
	for i < len(raw) && (raw[i] == ' ' || raw[i] == '\n' || raw[i] == '\r' || raw[i] == '\t') {
		i++
	}
	return i
}

// stringEnd returns the index after the string that starts at i.
func stringEnd(raw []byte, i int) int {
	for i++; i < len(raw); i++ {
		switch raw[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(raw)
}

// valueEnd returns the index after the valid value that starts at i.
func valueEnd(raw []byte, i int) int {
	depth := 0
	for i < len(raw) {
		switch raw[i] {
		case '"':
			if i = stringEnd(raw, i); depth == 0 {
				return i
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return i // the end of what holds the value
			}
			if depth--; depth == 0 {
				return i + 1
			}
		case ',', ' ', '\n', '\r', '\t':
			if depth == 0 {
				return i
			}
		}
		i++
	}
	return i
}
