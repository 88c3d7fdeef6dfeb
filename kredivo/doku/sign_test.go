package doku

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestSignVectors(t *testing.T) {
	t.Parallel()
	for name, v := range vectors(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := Sign(v.Secret, v.components()); got != v.Signature {
				t.Errorf("Sign = %s, want %s", got, v.Signature)
			}
			if v.Body == nil {
				return
			}
			sum := sha256.Sum256([]byte(*v.Body))
			if got := base64.StdEncoding.EncodeToString(sum[:]); got != *v.Digest {
				t.Errorf("digest = %s, want %s", got, *v.Digest)
			}
		})
	}
}

// Messages that differ a little from a vector and are signed right, to show that the difference is seen.
func TestSignNegativeTwins(t *testing.T) {
	t.Parallel()
	all := vectors(t)
	tests := []struct {
		name, vector string
		change       func(*Components)
		want         string // "" means: anything but the vector's signature
	}{
		{"body with a line feed", "V6", func(c *Components) { c.Body = append(c.Body, '\n') },
			"HMACSHA256=RHLny4uKssgwiKI52tG+M3cEKSnj9CzelWHoDpofpcw="},
		{"target with the query", "V6", func(c *Components) { c.Target += "?task=notify" },
			"HMACSHA256=bXepSQgohuLfqT3aAEbswLH+wlDEVfTcdjBhnEkN5/g="},
		{"response under the request label", "V7", func(c *Components) { c.Response = false },
			"HMACSHA256=ojeSJ97QE1W+pAqs3OYgalvw2CjIgh4K67XBnDfGsog="},
		{"GET with a line feed at the end", "V5", func(c *Components) { c.Target += "\n" },
			"HMACSHA256=xm0zQT3GmOOS5+UxyeuYOrJrKQifks2hCzay/DrLDcE="},
		{"GET with an empty body", "V5", func(c *Components) { c.Body = []byte{} }, ""},
		{"body in CRLF", "V6", func(c *Components) { c.Body = bytes.ReplaceAll(c.Body, []byte("\n"), []byte("\r\n")) }, ""},
		{"body minified", "V6", func(c *Components) { c.Body = bytes.ReplaceAll(c.Body, []byte("\n"), nil) }, ""},
		{"amount without decimals", "V6", func(c *Components) { c.Body = bytes.Replace(c.Body, []byte(".00"), nil, 1) }, ""},
		{"escaped non-ASCII", "V3", func(c *Components) { c.Body = bytes.Replace(c.Body, []byte("é"), []byte(`\u00e9`), 1) }, ""},
		{"no digest", "V6", func(c *Components) { c.Body = nil }, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			v := all[tt.vector]
			c := v.components()
			tt.change(&c)
			got := Sign(v.Secret, c)
			if tt.want != "" && got != tt.want {
				t.Errorf("Sign = %s, want %s", got, tt.want)
			}
			if got == v.Signature {
				t.Error("Sign gives the vector's signature")
			}
		})
	}
}

func TestSignNotification(t *testing.T) {
	t.Parallel()
	v := vectors(t)["V6"]
	at, err := time.Parse(time.RFC3339, v.Timestamp)
	if err != nil {
		t.Fatal(err)
	}
	got := SignNotification(v.Secret, v.ClientID, v.RequestID, at.In(wib).Add(999*time.Millisecond), v.Target, []byte(*v.Body))
	want := http.Header{
		"Client-Id":         {v.ClientID},
		"Request-Id":        {v.RequestID},
		"Request-Timestamp": {v.Timestamp},
		"Signature":         {v.Signature},
		"Content-Type":      {"application/json"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
	empty := SignNotification(v.Secret, v.ClientID, v.RequestID, at, v.Target, nil)
	if verifier := newTestVerifier(t); verifier.Verify(empty, nil) != nil {
		t.Error("an empty notification does not verify")
	}
}

// The header names net/http will look under are the ones DOKU documents.
func TestHeaderNamesAreCanonical(t *testing.T) {
	t.Parallel()
	for _, name := range []string{headerClientID, headerRequestID, headerRequestTimestamp, headerResponseTimestamp, headerSignature} {
		if got := http.CanonicalHeaderKey(name); got != name || strings.ToUpper(name) == name {
			t.Errorf("canonical form of %q is %q", name, got)
		}
	}
}
