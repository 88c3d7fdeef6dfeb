package sqlstore

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/paylater-go/paylater/kredivo"
)

// A timeColumn is microseconds since 1970 in an integer column; NULL is the zero time. Whole
// microseconds in an integer sort, compare and come back exactly, on every database.
type timeColumn time.Time

// Scan reads the column. The time is in UTC.
func (t *timeColumn) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*t = timeColumn{}
	case int64:
		*t = timeColumn(time.UnixMicro(v).UTC())
	default:
		return fmt.Errorf("sqlstore: a time cannot be read from a %T column", src)
	}
	return nil
}

// timeArg is the parameter for a timeColumn.
func timeArg(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}

// stored is t as a timeColumn gives it back.
func stored(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return time.UnixMicro(t.UnixMicro()).UTC()
}

// dueArg is the parameter for run_at and claim_until, which are never NULL: the zero time is earlier
// than any other.
func dueArg(t time.Time) int64 { return t.UnixMicro() }

// longAgo is claim_until of a row under nobody's claim.
var longAgo = dueArg(time.Time{})

// A hashColumn is the bytes of a hash in a binary column.
type hashColumn kredivo.Hash

// Scan reads the column.
func (h *hashColumn) Scan(src any) error {
	b, ok := src.([]byte)
	if !ok || len(b) != len(h) {
		return fmt.Errorf("sqlstore: a hash cannot be read from a %T column of %d bytes", src, len(b))
	}
	copy(h[:], b)
	return nil
}

// bytesArg is the parameter for a nullable binary column: no bytes are NULL.
func bytesArg(b []byte) any {
	if len(b) == 0 {
		return nil
	}
	return b
}

// textArg is the parameter for a nullable text column: no text is NULL.
func textArg(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// readable makes a reason storable everywhere: not every database takes any bytes as text.
func readable(reason string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(reason, "\uFFFD"), "\x00", "\uFFFD")
}

// maxCode is the most of a code of DOKU's that is kept. Real ones have a few dozen characters.
const maxCode = 1000

// code makes a code of DOKU's storable everywhere, whatever it holds: an attempt that cannot be written
// would be tried again for ever.
func code(s string) string {
	runes := []rune(readable(s))
	return string(runes[:min(len(runes), maxCode)])
}

// encodeHeader writes a header as JSON that a person can read. JSON knows only Unicode and a header
// may hold any bytes, so each byte is written as the character of that number.
func encodeHeader(h http.Header) (string, error) {
	b, err := json.Marshal(mapHeader(h, func(s string) string {
		runes := make([]rune, len(s))
		for i := range len(s) {
			runes[i] = rune(s[i])
		}
		return string(runes)
	}))
	return string(b), err
}

// decodeHeader undoes encodeHeader.
func decodeHeader(text string) (http.Header, error) {
	var h http.Header
	if err := json.Unmarshal([]byte(text), &h); err != nil {
		return nil, fmt.Errorf("sqlstore: read a header: %w", err)
	}
	return mapHeader(h, func(s string) string {
		b := make([]byte, 0, len(s))
		for _, r := range s {
			b = append(b, byte(r))
		}
		return string(b)
	}), nil
}

// mapHeader applies f to every name and value.
func mapHeader(h http.Header, f func(string) string) http.Header {
	mapped := make(http.Header, len(h))
	for name, values := range h {
		all := make([]string, len(values))
		for i, v := range values {
			all[i] = f(v)
		}
		mapped[f(name)] = all
	}
	return mapped
}
