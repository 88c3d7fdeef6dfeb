package main

import (
	"crypto/sha256"
	"net/http"
	"strings"
	"sync"

	"github.com/paylater-go/paylater/kredivo/doku"
)

// A notice is one notification, as it is sent and sent again.
type notice struct {
	header  http.Header
	body    []byte
	invoice string
	status  doku.Status
}

// A mark stands for the four headers and the bytes of a notice, as they must be in the store.
type mark [sha256.Size]byte

func markOf(header http.Header, body []byte) mark {
	parts := make([]string, 0, 5)
	for _, name := range []string{"Client-Id", "Request-Id", "Request-Timestamp", "Signature"} {
		parts = append(parts, strings.Join(header[name], "\t"))
	}
	return sha256.Sum256([]byte(strings.Join(append(parts, string(body)), "\n")))
}

// A ledger knows what the honest senders sent and what they saw acknowledged. It lives in this process,
// which nobody kills.
type ledger struct {
	mu           sync.Mutex
	sent         map[mark]bool // true once it was acknowledged
	acknowledged int
	paid         map[string]bool // invoices whose success was acknowledged
}

func newLedger() *ledger { return &ledger{sent: map[mark]bool{}, paid: map[string]bool{}} }

// sending notes a notice before its first byte leaves.
func (l *ledger) sending(n notice) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if m := markOf(n.header, n.body); !l.sent[m] {
		l.sent[m] = false
	}
}

// answered notes that a 2xx was seen.
func (l *ledger) answered(n notice) {
	l.mu.Lock()
	defer l.mu.Unlock()
	m := markOf(n.header, n.body)
	if !l.sent[m] {
		l.acknowledged++
	}
	l.sent[m] = true
	if n.status == doku.Success {
		l.paid[n.invoice] = true
	}
}

func (l *ledger) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.acknowledged
}
