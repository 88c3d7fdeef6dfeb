package kredivo

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"net/http"
	"strings"
	"sync"
	"time"
)

// acknowledgeWithin bounds storing one notification. DOKU's own patience is not documented.
const acknowledgeWithin = 3 * time.Second

// retryAfter is what a notification hears that cannot be stored now.
const retryAfter = "30"

// serveNotification stores first and thinks later: verify over the raw bytes, insert, commit with
// fsync, answer 200. Reading the body is the worker's job, from the stored row; a signed body that
// makes no sense is stored too, because DOKU repeats itself only three times.
func (p *Plugin) serveNotification(ctx context.Context, req *Request) (*Response, error) {
	if resp := p.answerProbe(ctx, req); resp != nil {
		return resp, nil
	}
	err := plainBody(req)
	if err == nil {
		err = p.verifySignature(req)
	}
	if err != nil {
		p.refusals.log(ctx, p, req, err)
		return nil, err
	}

	select {
	case p.receiving <- struct{}{}:
		defer func() { <-p.receiving }()
	default:
		return unavailable(), nil
	}
	// DOKU hanging up must not lose what it has told us.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), acknowledgeWithin)
	defer cancel()
	m := Message{
		Source:     FromNotification,
		ClientID:   req.Header.Get("Client-Id"),
		Header:     signedHeaders(req.Header),
		Body:       req.Body,
		ReceivedAt: p.now(),
	}
	m.Dedupe = dedupe(m)
	added, err := p.store.Receive(ctx, m)
	if err != nil {
		p.log.ErrorContext(ctx, "notification not stored", "request_id", req.Header.Get("Request-Id"), "error", err)
		return unavailable(), nil
	}
	p.log.InfoContext(ctx, "notification stored", "request_id", req.Header.Get("Request-Id"), "added", added, "bytes", len(req.Body))
	if p.running.Load() == 0 {
		p.idleLog.Do(func() {
			p.log.WarnContext(ctx, "notifications arrive but Run is not running in this process: unless it runs in another one, no order becomes paid")
		})
	}
	wake(p.settle)
	return &Response{Status: http.StatusOK, Header: http.Header{"Cache-Control": {"no-store"}}}, nil
}

// plainBody refuses a body that says it is encoded.
func plainBody(req *Request) error {
	if enc := req.Header.Get("Content-Encoding"); enc != "" && !strings.EqualFold(enc, "identity") {
		e := newError(CodeUnsupportedBody, nil, "notifications are signed over their plain bytes; Content-Encoding is not accepted")
		e.logged = true // by the caller, sparingly
		return e
	}
	return nil
}

// unavailable asks DOKU to come back. The cause is in the log.
func unavailable() *Response {
	return &Response{
		Status: http.StatusServiceUnavailable,
		Header: http.Header{"Retry-After": {retryAfter}, "Cache-Control": {"no-store"}},
	}
}

// signedHeaders keeps what the signature covers, and the signature.
func signedHeaders(h http.Header) http.Header {
	kept := make(http.Header, 4)
	for _, name := range [...]string{"Client-Id", "Request-Id", "Request-Timestamp", "Signature"} {
		kept[name] = append([]string(nil), h[name]...)
	}
	return kept
}

// dedupe is the same for copies of one notification: client, Request-Id and body, each with its
// length in front so that no two different triples look alike. The same Request-Id with another body
// is another message; both are kept, and the transition table decides.
func dedupe(m Message) Hash {
	h := sha256.New()
	for _, part := range [...]string{m.ClientID, m.Header.Get("Request-Id"), string(m.Body)} {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(part)))
		h.Write(n[:])
		h.Write([]byte(part))
	}
	return Hash(h.Sum(nil))
}

// A refusalLog writes at most one line a second about refused notifications, with the likely cause and a
// count, because anyone on the Internet can cause them.
type refusalLog struct {
	mu         sync.Mutex
	last       time.Time
	suppressed int
}

func (r *refusalLog) log(ctx context.Context, p *Plugin, req *Request, err error) {
	r.mu.Lock()
	now := p.now()
	if age := now.Sub(r.last); age >= 0 && age < time.Second {
		r.suppressed++
		r.mu.Unlock()
		return
	}
	suppressed := r.suppressed
	r.last, r.suppressed = now, 0
	r.mu.Unlock()
	d := p.explainer.explain(req, err, now)
	p.log.WarnContext(ctx, "notification refused", "cause", d.cause, "hint", d.hint, "error", err, "refused_since_last_line", suppressed)
}
