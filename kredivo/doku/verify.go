package doku

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
)

// ErrUnverified is what every error of [Verifier.Verify] is, whatever the cause. Answer all of them
// alike; the causes below are for logs and counters.
var ErrUnverified = errors.New("doku: message is not verified")

// The causes for which a message is not verified. Each is also ErrUnverified.
var (
	// ErrMissingHeader: one of the four signed headers is absent or empty.
	ErrMissingHeader error = cause("doku: a signed header is missing")
	// ErrDuplicateHeader: one of the four signed headers came more than once.
	ErrDuplicateHeader error = cause("doku: a signed header came more than once")
	// ErrMalformedHeader: a signed header is over 128 bytes, holds something other than printable
	// ASCII, or the signature is not "HMACSHA256=" and the base64 of 32 bytes.
	ErrMalformedHeader error = cause("doku: a signed header is malformed")
	// ErrUnknownClient: the message is for another Client-Id.
	ErrUnknownClient error = cause("doku: message is for another client id")
	// ErrBadSignature: no configured Secret Key gives this signature.
	ErrBadSignature error = cause("doku: signature does not match")
)

// maxHeader is the longest value DOKU documents for a header (Request-Id, 128 characters).
const maxHeader = 128

// cause is an error that is also ErrUnverified and costs nothing to return.
type cause string

func (c cause) Error() string        { return string(c) }
func (c cause) Is(target error) bool { return target == ErrUnverified }

// A Verifier checks that notifications come from DOKU. It is safe for concurrent use.
type Verifier struct {
	target string
	ring   *keyring
}

// NewVerifier returns a Verifier for notifications to clientID, signed with any of secrets, for the
// endpoint whose public path is target.
//
// DOKU signs the path of the notification URL set in its Back Office, without the query. Behind a
// proxy that adds or strips a prefix this is not the path the server sees, so target comes from
// configuration and never from a request. It must be an escaped absolute path, and none of DOKU's
// own API paths, so that our signed requests cannot be sent back to us.
func NewVerifier(clientID string, secrets []Secret, target string) (*Verifier, error) {
	ring, err := newKeyring(clientID, secrets)
	if err = errors.Join(err, checkTarget(target)); err != nil {
		return nil, fmt.Errorf("doku: verifier: %w", err)
	}
	return &Verifier{target: target, ring: ring}, nil
}

// Verify reports whether body, exactly as it came over the wire, and the four signed headers in h
// are from DOKU. It returns nil or one of the errors above. The keys of h must be canonical, as
// net/http and [http.Header.Add] make them. Verify keeps neither h nor body.
//
// Verify does not look at the age of Request-Timestamp: DOKU repeats a notification up to about 18
// hours later and does not say whether it stamps it again. Stop repeats by what they mean.
//
// The same work is done for a wrong Client-Id as for a wrong signature, and comparisons take
// constant time. Limit the size of body before the call.
//
// Source: DOKU, "Signature component from request header" and "Notification best practice".
func (v *Verifier) Verify(h http.Header, body []byte) error {
	if body == nil {
		body = []byte{} // a notification always has a Digest line
	}
	var c Components
	sig, err := signedHeaders(h, headerRequestTimestamp, &c)
	if err != nil {
		return err
	}
	c.Target, c.Body = v.target, body
	return v.ring.verify(&c, sig)
}

// signedHeaders fills c from h and returns the Signature header. Each of the four headers must be
// there exactly once and hold 1 to 128 printable ASCII characters: their values are part of the
// signed text, in which a line feed would start a new component.
func signedHeaders(h http.Header, timestamp string, c *Components) (sig string, err error) {
	if c.ClientID, err = one(h[headerClientID]); err != nil {
		return "", err
	}
	if c.RequestID, err = one(h[headerRequestID]); err != nil {
		return "", err
	}
	if c.Timestamp, err = one(h[timestamp]); err != nil {
		return "", err
	}
	return one(h[headerSignature])
}

func one(values []string) (string, error) {
	switch {
	case len(values) == 0:
		return "", ErrMissingHeader
	case len(values) > 1:
		return "", ErrDuplicateHeader
	case values[0] == "":
		return "", ErrMissingHeader
	case len(values[0]) > maxHeader || !printable(values[0]):
		return "", ErrMalformedHeader
	}
	return values[0], nil
}

// printable reports whether s is printable ASCII, space included.
func printable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// A keyring signs and verifies for one client. Safe for concurrent use.
type keyring struct {
	clientID []byte
	keys     []*key    // the first one signs; behind pointers, so that no %v reaches a key
	pads     sync.Pool // of *pad
}

// A pad is the scratch memory of one verification.
type pad struct {
	text []byte
	sig  [base64Len]byte
	want [sha256.Size]byte
	got  [sha256.Size]byte
}

const base64Len = 43 // 32 bytes in base64 without padding

// newKeyring returns a keyring or every problem with its parts.
func newKeyring(clientID string, secrets []Secret) (*keyring, error) {
	problems := []error{checkClientID(clientID)}
	if len(secrets) == 0 {
		problems = append(problems, errors.New("no secret key"))
	}
	r := &keyring{clientID: []byte(clientID)}
	for i, s := range secrets {
		if err := checkSecret(s); err != nil {
			name := "secret key"
			if i > 0 {
				name = fmt.Sprintf("previous secret key %d", i)
			}
			problems = append(problems, fmt.Errorf("%s: %w", name, err))
		}
		r.keys = append(r.keys, newKey(s))
	}
	r.pads.New = func() any { return &pad{text: make([]byte, 0, 1024)} }
	return r, errors.Join(problems...)
}

// verify checks sig, the value of a Signature header, against every key.
func (r *keyring) verify(c *Components, sig string) error {
	p := r.pads.Get().(*pad)
	defer r.pads.Put(p)
	if !p.decode(sig) {
		return ErrMalformedHeader
	}
	p.text = appendText(p.text[:0], c)
	match := 0
	for _, k := range r.keys {
		k.appendMAC(p.got[:0], p.text)
		match |= subtle.ConstantTimeCompare(p.got[:], p.want[:])
	}
	client := p.text[len("Client-Id:"):][:len(c.ClientID)]
	if subtle.ConstantTimeCompare(client, r.clientID) != 1 {
		return ErrUnknownClient
	}
	if match != 1 {
		return ErrBadSignature
	}
	return nil
}

// strictBase64 refuses a last character with bits set that are no part of the 32 bytes, so that
// one signature has one spelling (but for the padding, which DOKU's examples sometimes lack).
var strictBase64 = base64.RawStdEncoding.Strict()

// decode reads a Signature header into p.want.
func (p *pad) decode(sig string) bool {
	b64, ok := strings.CutPrefix(sig, scheme)
	if !ok {
		return false
	}
	b64 = strings.TrimSuffix(b64, "=")
	if len(b64) != base64Len {
		return false
	}
	copy(p.sig[:], b64)
	if bytes.ContainsAny(p.sig[:], "\r\n") { // which the decoder would skip
		return false
	}
	n, err := strictBase64.Decode(p.want[:], p.sig[:])
	return err == nil && n == sha256.Size
}

func checkClientID(id string) error {
	switch {
	case id == "":
		return errors.New("no client id")
	case len(id) > maxHeader || !printable(id) || strings.Contains(id, " "):
		return errors.New("client id: must be at most 128 printable ASCII characters without spaces")
	}
	return nil
}

func checkSecret(s Secret) error {
	switch {
	case s == "":
		return errors.New("must not be empty")
	case strings.TrimSpace(string(s)) != string(s):
		return errors.New("has a space or line break at an end: copy it again from the Back Office")
	}
	return nil
}

func checkTarget(target string) error {
	switch {
	case !strings.HasPrefix(target, "/"):
		return errors.New(`notification path: must start with "/"`)
	case !printable(target) || strings.ContainsAny(target, " ?#"):
		return errors.New("notification path: must be an escaped path without query or fragment")
	case target == generatePath || strings.HasPrefix(target, statusPath):
		return errors.New("notification path: must not be one of DOKU's API paths")
	}
	return nil
}
