package doku

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"net/http"
	"sync"
	"time"
)

// The four headers of every signed message, in the spelling net/http keeps them under. A response
// carries Response-Timestamp instead of Request-Timestamp.
const (
	headerClientID          = "Client-Id"
	headerRequestID         = "Request-Id"
	headerRequestTimestamp  = "Request-Timestamp"
	headerResponseTimestamp = "Response-Timestamp"
	headerSignature         = "Signature"
)

const (
	scheme          = "HMACSHA256="          // the only scheme DOKU signs with
	timestampLayout = "2006-01-02T15:04:05Z" // UTC, whole seconds
)

// Components are the parts of a message that its signature covers.
type Components struct {
	ClientID  string
	RequestID string
	// Timestamp is the text of the Request-Timestamp or Response-Timestamp header.
	Timestamp string
	// Target is the path that was called, without scheme, host or query.
	Target string
	// Body is the exact body. When nil there is no Digest line, as in a GET request; an empty
	// body that is signed is []byte{}.
	Body []byte
	// Response selects the label Response-Timestamp, which DOKU uses when it signs its answers.
	Response bool
}

// Sign returns the value of the Signature header for c: "HMACSHA256=" and the padded base64 of an
// HMAC-SHA256 over the components, one per line, without a line feed at the end. Sign does not check
// the components. It is safe for concurrent use.
//
// Source: DOKU, "Signature component, non-SNAP" (request header, response header, GET method).
func Sign(secret Secret, c Components) string {
	return newKey(secret).sign(&c)
}

// SignNotification returns the headers DOKU sends with a notification: the four signed ones and
// Content-Type. It exists so that hosts can test their endpoint; target is the path of the public
// notification URL, body the exact bytes that will be posted.
func SignNotification(secret Secret, clientID, requestID string, at time.Time, target string, body []byte) http.Header {
	if body == nil {
		body = []byte{}
	}
	c := Components{
		ClientID:  clientID,
		RequestID: requestID,
		Timestamp: at.UTC().Format(timestampLayout),
		Target:    target,
		Body:      body,
	}
	h := make(http.Header, 5)
	h.Set("Content-Type", "application/json")
	h.Set(headerClientID, c.ClientID)
	h.Set(headerRequestID, c.RequestID)
	h.Set(headerRequestTimestamp, c.Timestamp)
	h.Set(headerSignature, Sign(secret, c))
	return h
}

// appendText appends the text that is signed for c.
func appendText(dst []byte, c *Components) []byte {
	dst = append(dst, "Client-Id:"...)
	dst = append(dst, c.ClientID...)
	dst = append(dst, "\nRequest-Id:"...)
	dst = append(dst, c.RequestID...)
	if c.Response {
		dst = append(dst, "\nResponse-Timestamp:"...)
	} else {
		dst = append(dst, "\nRequest-Timestamp:"...)
	}
	dst = append(dst, c.Timestamp...)
	dst = append(dst, "\nRequest-Target:"...)
	dst = append(dst, c.Target...)
	if c.Body == nil {
		return dst
	}
	sum := sha256.Sum256(c.Body)
	dst = append(dst, "\nDigest:"...)
	return base64.StdEncoding.AppendEncode(dst, sum[:])
}

// A key is one Secret Key, ready to use. Keyed hashes are kept in a pool: keying one costs two
// SHA-256 blocks and several allocations. Safe for concurrent use.
type key struct {
	macs sync.Pool // of hash.Hash
}

func newKey(secret Secret) *key {
	raw := []byte(secret)
	k := &key{}
	k.macs.New = func() any { return hmac.New(sha256.New, raw) }
	return k
}

// appendMAC appends the HMAC of text.
func (k *key) appendMAC(dst, text []byte) []byte {
	mac := k.macs.Get().(hash.Hash)
	mac.Reset()
	_, _ = mac.Write(text) // a hash never fails
	dst = mac.Sum(dst)
	k.macs.Put(mac)
	return dst
}

func (k *key) sign(c *Components) string {
	text := appendText(make([]byte, 0, 512), c)
	sum := k.appendMAC(make([]byte, 0, sha256.Size), text)
	return scheme + base64.StdEncoding.EncodeToString(sum)
}
