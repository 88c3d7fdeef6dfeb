package doku

import (
	"fmt"
	"io"
	"log/slog"
)

// hidden is what every attempt to print a Secret gives.
const hidden = "[secret]"

// A Secret is a DOKU Secret Key. Its bytes are the HMAC key exactly as the Back Office shows them.
// It never prints itself: every fmt verb, log/slog and the text and JSON encoders give "[secret]", but
// for encoding/json with Secrets as the keys of a map. Convert it to a string to get the key.
type Secret string

// String returns "[secret]".
func (Secret) String() string { return hidden }

// GoString returns "[secret]", for %#v.
func (Secret) GoString() string { return hidden }

// Format writes "[secret]" for every verb, also those, like %x, that would bypass String.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }

// MarshalJSON returns "[secret]" as a JSON string.
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + hidden + `"`), nil }

// MarshalText returns "[secret]".
func (Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// LogValue returns "[secret]".
func (Secret) LogValue() slog.Value { return slog.StringValue(hidden) }
