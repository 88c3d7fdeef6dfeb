package kredivo

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"strings"
	"unicode/utf8"
)

// A variant is what a body may have been before something on the way changed it.
type variant struct {
	diagnosis

	body []byte
}

// bodyVariants undoes what middleware and proxies do to bodies without changing what they say.
func bodyVariants(body []byte) []variant {
	var all []variant
	add := func(cause, hint string, b []byte) {
		if b != nil && !bytes.Equal(b, body) {
			all = append(all, variant{diagnosis{cause: cause, hint: hint}, b})
		}
	}
	add("gzip", "it is signed over its decoded bytes: a proxy compresses bodies on the way; switch that off for this route", gunzip(body))

	trimmed := bytes.TrimRight(body, "\r\n")
	const newline = "the line end after the body was added or removed on the way: "
	add("body_newline", newline+"DOKU signed it without one", trimmed)
	add("body_newline", newline+"it was signed with one", append(bytes.Clone(trimmed), '\n'))
	add("body_newline", newline+"it was signed with one", append(bytes.Clone(trimmed), '\r', '\n'))
	const lines = "the line ends inside the body were changed on the way"
	unix := bytes.ReplaceAll(body, []byte("\r\n"), []byte("\n"))
	add("body_newline", lines, unix)
	add("body_newline", lines, bytes.ReplaceAll(unix, []byte("\n"), []byte("\r\n")))

	const charset = "the character set of the body was changed on the way: DOKU signed the same text in another one"
	add("body_charset", charset, latin1(body))
	add("body_charset", charset, fromLatin1(body))
	const mark = "a byte order mark was added to the body, or taken off, on the way"
	add("body_charset", mark, bytes.TrimPrefix(body, byteOrderMark))
	add("body_charset", mark, append(bytes.Clone(byteOrderMark), body...))

	if !json.Valid(body) {
		return all
	}
	for _, layout := range layouts {
		for _, escape := range escapes {
			add("body_reserialised", "the JSON was written anew on the way: it is signed "+layout.name+escape.name+
				". Something parses and re-encodes bodies; the route needs the bytes as they came", escape.apply(layout.apply(trimmed)))
		}
	}
	return all
}

var byteOrderMark = []byte("\ufeff")

// layouts are the ways in which programs set JSON.
var layouts = [...]struct {
	name  string
	apply func([]byte) []byte
}{
	{"with the same line breaks", bytes.Clone},
	{"without line breaks", compact},
	{"indented by two spaces", func(b []byte) []byte { return indent(b, "  ") }},
	{"indented by four spaces", func(b []byte) []byte { return indent(b, "    ") }},
	{"indented by tabs", func(b []byte) []byte { return indent(b, "\t") }},
}

// escapes are the ways in which programs write characters in JSON, undone and done.
var escapes = [...]struct {
	name  string
	apply func([]byte) []byte
}{
	{"", func(b []byte) []byte { return b }},
	{" with plain < > &", replacer(`\u003c`, "<", `\u003C`, "<", `\u003e`, ">", `\u003E`, ">", `\u0026`, "&")},
	{" with escaped < > &", htmlEscape},
	{" with plain slashes", replacer(`\/`, "/")},
	{" with escaped slashes", replacer("/", `\/`)},
}

func replacer(pairs ...string) func([]byte) []byte {
	r := strings.NewReplacer(pairs...)
	return func(b []byte) []byte { return []byte(r.Replace(string(b))) }
}

func compact(b []byte) []byte {
	var out bytes.Buffer
	if json.Compact(&out, b) != nil {
		return nil
	}
	return out.Bytes()
}

func indent(b []byte, by string) []byte {
	var out bytes.Buffer
	if json.Indent(&out, compact(b), "", by) != nil {
		return nil
	}
	return out.Bytes()
}

func htmlEscape(b []byte) []byte {
	var out bytes.Buffer
	json.HTMLEscape(&out, b)
	return out.Bytes()
}

// gunzip decodes a body of gzip; nil for another one, and for one that is longer than explained ones.
func gunzip(body []byte) []byte {
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil
	}
	plain, err := io.ReadAll(io.LimitReader(z, maxExplained+1))
	if err != nil || len(plain) > maxExplained {
		return nil
	}
	return plain
}

// latin1 writes UTF-8 text in ISO 8859-1; nil when it cannot be.
func latin1(body []byte) []byte {
	if !utf8.Valid(body) {
		return nil
	}
	out := make([]byte, 0, len(body))
	for _, r := range string(body) {
		if r < 0 || r > 0xff {
			return nil
		}
		out = append(out, byte(r))
	}
	return out
}

// fromLatin1 writes ISO 8859-1 text in UTF-8.
func fromLatin1(body []byte) []byte {
	out := make([]rune, len(body))
	for i, b := range body {
		out[i] = rune(b)
	}
	return []byte(string(out))
}
