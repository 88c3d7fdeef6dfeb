package doku

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// A call is one operation: what is sent, and how an answer is read.
type call struct {
	op        string
	method    string
	target    string
	requestID func() string // for each try
	body      []byte        // nil: a GET
	limit     int64         // of the answer
	enforce   bool          // refuse a good answer without a valid signature
	personal  []string      // what DOKU's error message must not repeat
	read      func(context.Context, *answer) error
}

// An answer is a complete HTTP response to one try.
type answer struct {
	call      *call
	requestID string
	status    int
	header    http.Header
	body      []byte
}

// Pauses between tries. They are short, because a shopper waits.
const (
	firstPause    = 250 * time.Millisecond
	longestPause  = 2 * time.Second
	maxRetryAfter = 5 * time.Second // a longer Retry-After ends the call
)

func newBackOff() backoff.BackOff {
	return &backoff.ExponentialBackOff{
		InitialInterval:     firstPause,
		RandomizationFactor: 0.5,
		Multiplier:          2,
		MaxInterval:         longestPause,
	}
}

// pauses is a back-off that waits at least as long as DOKU asked for.
type pauses struct {
	backoff.BackOff
	asked time.Duration
}

func (p *pauses) NextBackOff() time.Duration {
	if p.asked > maxRetryAfter {
		return backoff.Stop
	}
	return max(p.asked, p.BackOff.NextBackOff())
}

// run tries k until the outcome is certain, tries or time run out, or ctx ends. Every error is an *Error.
func (c *Client) run(ctx context.Context, k *call) error {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	wait := &pauses{BackOff: c.newBackOff()}
	var last *Error
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		last, wait.asked = c.tryInTime(ctx, k)
		switch {
		case last == nil:
			return struct{}{}, nil
		case !last.Retryable():
			return struct{}{}, backoff.Permanent(last)
		}
		return struct{}{}, last
	},
		backoff.WithBackOff(wait),
		backoff.WithMaxTries(uint(c.maxTries)),
		backoff.WithMaxElapsedTime(0), // ctx has the deadline
		backoff.WithNotify(func(_ error, pause time.Duration) {
			c.log.WarnContext(ctx, "doku call will be repeated", "op", k.op, "request_id", last.RequestID,
				"http_status", last.HTTPStatus, "code", last.Code, "cause", last.Err, "pause", pause)
		}),
	)
	if err == nil {
		return nil
	}
	if ended := context.Cause(ctx); ended != nil && last.Retryable() && !errors.Is(last, ended) {
		last.Err = fmt.Errorf("%w: %w while repeating after: %w", ErrUnavailable, ended, last.Err)
	}
	return last
}

// tryInTime makes one try, and a second one at once when DOKU found our clock off and says what time it
// is. The duration is what DOKU asked us to wait.
func (c *Client) tryInTime(ctx context.Context, k *call) (*Error, time.Duration) {
	failure, header := c.try(ctx, k)
	if failure != nil && errors.Is(failure, ErrClock) && c.learnClock(ctx, header) {
		failure, header = c.try(ctx, k)
	}
	if failure == nil {
		return nil, 0
	}
	seconds, _ := strconv.Atoi(header.Get("Retry-After")) // its other form, a date, is not worth reading
	return failure, time.Duration(min(max(seconds, 0), 3600)) * time.Second
}

// learnClock takes DOKU's time from the Date header of its answer. It reports whether that differs from
// what we just stamped, so that another try makes sense.
func (c *Client) learnClock(ctx context.Context, header http.Header) bool {
	theirs := dateOf(header)
	if theirs.IsZero() {
		return false
	}
	before := time.Duration(c.clockOffset.Load())
	offset := theirs.Sub(c.now())
	if d := offset - before; d.Abs() < time.Minute {
		return false
	}
	c.clockOffset.Store(int64(offset))
	c.log.ErrorContext(ctx, "this machine's clock is wrong: doku refused its timestamp; going on with doku's time, set the clock",
		"offset", offset.Round(time.Second))
	return true
}

// date is DOKU's time when it gave this answer; zero when it did not say.
func (a *answer) date() time.Time { return dateOf(a.header) }

func dateOf(header http.Header) time.Time {
	at, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		return time.Time{}
	}
	return at.UTC()
}

// try sends k once and reads the answer. It returns the answer's header, also with an error.
func (c *Client) try(ctx context.Context, k *call) (*Error, http.Header) {
	ctx, cancel := context.WithTimeout(ctx, c.tryTimeout)
	defer cancel()
	a := &answer{call: k, requestID: k.requestID()}
	err := c.exchange(ctx, a)
	if err == nil {
		err = k.read(ctx, a)
	}
	if err == nil {
		return nil, a.header
	}
	failure, ok := errors.AsType[*Error](err)
	if !ok {
		failure = &Error{Err: err}
	}
	failure.Op, failure.RequestID, failure.HTTPStatus, failure.AnsweredAt = k.op, a.requestID, a.status, a.date()
	return failure, a.header
}

// exchange sends the request and fills in a. Its errors wrap ErrUnavailable or ErrUnreadable.
func (c *Client) exchange(ctx context.Context, a *answer) error {
	req, err := c.newRequest(ctx, a)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRequest, err)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	defer resp.Body.Close()
	a.status, a.header = resp.StatusCode, resp.Header
	if e := resp.Header.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") || resp.Uncompressed {
		return fmt.Errorf("%w: compressed although not asked for", ErrUnreadable)
	}
	if resp.ContentLength > a.call.limit {
		return fmt.Errorf("%w: larger than %d bytes", ErrUnreadable, a.call.limit)
	}
	a.body, err = io.ReadAll(io.LimitReader(resp.Body, a.call.limit+1)) // to its end, so that the connection can be used again
	switch {
	case err != nil:
		return fmt.Errorf("%w: reading the answer: %w", ErrUnavailable, err)
	case int64(len(a.body)) > a.call.limit:
		return fmt.Errorf("%w: larger than %d bytes", ErrUnreadable, a.call.limit)
	}
	return nil
}

// newRequest returns the request for a, stamped and signed now.
func (c *Client) newRequest(ctx context.Context, a *answer) (*http.Request, error) {
	k := a.call
	var body io.Reader
	if k.body != nil {
		body = bytes.NewReader(k.body)
	}
	req, err := http.NewRequestWithContext(ctx, k.method, c.base+k.target, body)
	if err != nil {
		return nil, err
	}
	parts := Components{
		ClientID:  string(c.ring.clientID),
		RequestID: a.requestID,
		Timestamp: c.now().Add(time.Duration(c.clockOffset.Load())).UTC().Format(timestampLayout),
		Target:    k.target,
		Body:      k.body,
	}
	req.Header = http.Header{
		headerClientID:         {parts.ClientID},
		headerRequestID:        {parts.RequestID},
		headerRequestTimestamp: {parts.Timestamp},
		headerSignature:        {c.ring.keys[0].sign(&parts)},
		"Accept":               {"application/json"},
		"Accept-Encoding":      {"identity"}, // the answer is signed over its raw bytes
		"User-Agent":           {"paylater-go"},
	}
	if k.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return req, nil
}

// verify checks that DOKU signed the answer to this very request. It logs when it did not, and returns an
// error when the call enforces signatures.
//
// Source: DOKU, "Signature component from response header": Digest is "only for POST". No signed answer to
// a GET is published, so both forms are tried there.
func (c *Client) verify(ctx context.Context, a *answer) error {
	err := c.verifyResponse(a)
	if err == nil {
		return nil
	}
	level := slog.LevelWarn
	if a.call.body == nil && errors.Is(err, ErrMissingHeader) {
		level = slog.LevelDebug // perhaps DOKU never signs answers to GET
	}
	c.log.Log(ctx, level, "doku answer without a valid signature",
		"op", a.call.op, "request_id", a.requestID, "cause", err, "enforced", a.call.enforce)
	if a.call.enforce {
		return fmt.Errorf("%w: %w", ErrResponseSignature, err)
	}
	return nil
}

func (c *Client) verifyResponse(a *answer) error {
	parts := Components{Target: a.call.target, Body: a.body, Response: true}
	sig, err := signedHeaders(a.header, headerResponseTimestamp, &parts)
	if err != nil {
		return err
	}
	if parts.RequestID != a.requestID {
		return ErrBadSignature // of another answer
	}
	err = c.ring.verify(&parts, sig)
	if err != nil && a.call.body == nil {
		parts.Body = nil
		err = c.ring.verify(&parts, sig)
	}
	return err
}
