package dokusim

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

// The two names the time has in the signed text: DOKU's answers use the second one.
const (
	requestTime  = "Request-Timestamp"
	responseTime = "Response-Timestamp"
)

// A signedText is what a signature is made of. DOKU: "Signature component", non-SNAP.
type signedText struct {
	clientID, requestID string
	timeLabel, time     string
	target              string
	digest              bool // false for GET: the line is left out
	body                []byte
}

// sign returns the value of the Signature header: lines joined by LF, none at the end, HMAC-SHA256, standard base64.
func (t signedText) sign(secret string) string {
	lines := []string{
		"Client-Id:" + t.clientID,
		"Request-Id:" + t.requestID,
		t.timeLabel + ":" + t.time,
		"Request-Target:" + t.target,
	}
	if t.digest {
		sum := sha256.Sum256(t.body)
		lines = append(lines, "Digest:"+base64.StdEncoding.EncodeToString(sum[:]))
	}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(strings.Join(lines, "\n")))
	return "HMACSHA256=" + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
