package doku

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// Fresh timestamp and signature on every try, everything else the same.
func TestRetryIsSignedAgain(t *testing.T) {
	t.Parallel()
	s := serve(t, reply{status: 503}, reply{status: 200, body: "<html>"}, reply{status: 409, body: goodAnswer, secret: testSecret})
	now := testTime
	c := newTestClient(t, s.URL, func(c *Config) {
		c.Now = func() time.Time { now = now.Add(time.Second); return now }
	})
	got, err := c.GenerateOrder(t.Context(), testRequestID, testBody(t))
	if err != nil || !got.Replayed {
		t.Fatalf("GenerateOrder = %+v, %v", got, err)
	}
	if len(s.seen) != 3 {
		t.Fatalf("%d tries, want 3", len(s.seen))
	}
	for i, r := range s.seen {
		at := testTime.Add(time.Duration(i+1) * time.Second).Format(timestampLayout)
		want := Sign(testSecret, Components{ClientID: testClient, RequestID: testRequestID, Timestamp: at, Target: generatePath, Body: testBody(t)})
		if r.Header.Get("Request-Id") != testRequestID || r.Header.Get("Request-Timestamp") != at || r.Header.Get("Signature") != want {
			t.Errorf("try %d: header %v, want timestamp %s and signature %s", i, r.Header, at, want)
		}
		if !bytes.Equal(s.bodies[i], testBody(t)) {
			t.Errorf("try %d: another body", i)
		}
	}
}

func TestClockIsCorrectedOnce(t *testing.T) {
	t.Parallel()
	theirs := testTime.Add(-7 * time.Hour)
	off := reply{status: 400, body: clockError, header: dated(theirs)}
	t.Run("cured", func(t *testing.T) {
		t.Parallel()
		var log bytes.Buffer
		s := serve(t, off, good(goodAnswer), good(goodAnswer))
		c := newTestClient(t, s.URL, func(c *Config) {
			c.MaxTries = 1
			c.Logger = slog.New(slog.NewTextHandler(&log, nil))
		})
		for range 2 {
			if _, err := c.GenerateOrder(t.Context(), testRequestID, testBody(t)); err != nil {
				t.Fatal(err)
			}
		}
		want := []time.Time{testTime, theirs, theirs} // the second call knows
		for i, r := range s.seen {
			if got := r.Header.Get("Request-Timestamp"); got != want[i].Format(timestampLayout) {
				t.Errorf("request %d stamped %s, want %s", i, got, want[i])
			}
		}
		if n := strings.Count(log.String(), "level=ERROR"); n != 1 || !strings.Contains(log.String(), "offset=-7h0m0s") {
			t.Errorf("want one error with the offset, logged:\n%s", &log)
		}
	})
	t.Run("not cured", func(t *testing.T) {
		t.Parallel()
		s := serve(t, off)
		_, err := newTestClient(t, s.URL).GenerateOrder(t.Context(), testRequestID, testBody(t))
		var e *Error
		if !errors.Is(err, ErrClock) || !errors.As(err, &e) || kind(e) != neither || len(s.seen) != 2 {
			t.Errorf("error = %v after %d tries, want %v after 2", err, len(s.seen), ErrClock)
		}
	})
	t.Run("no date", func(t *testing.T) {
		t.Parallel()
		s := serve(t, reply{status: 400, body: clockError, header: func(h http.Header) { h["Date"] = nil }})
		if _, err := newTestClient(t, s.URL).GenerateOrder(t.Context(), testRequestID, testBody(t)); !errors.Is(err, ErrClock) || len(s.seen) != 1 {
			t.Errorf("error = %v after %d tries, want %v after 1", err, len(s.seen), ErrClock)
		}
	})
	t.Run("set right again", func(t *testing.T) {
		t.Parallel()
		back := reply{status: 400, body: clockError, header: dated(testTime)}
		s := serve(t, off, good(goodAnswer), back, good(goodAnswer))
		c := newTestClient(t, s.URL)
		for range 2 {
			if _, err := c.GenerateOrder(t.Context(), testRequestID, testBody(t)); err != nil {
				t.Fatal(err)
			}
		}
		if got := s.seen[3].Header.Get("Request-Timestamp"); got != testTime.Format(timestampLayout) {
			t.Errorf("stamped %s, want %s", got, testTime)
		}
	})
}

// One connection serves all calls, whatever the answers were, as long as they were read to their end.
func TestConnectionIsReused(t *testing.T) {
	t.Parallel()
	s := serve(t, good(goodAnswer), reply{status: 500, body: strings.Repeat("x", 9000)}, good(goodAnswer),
		reply{status: 302, body: "moved", header: func(h http.Header) { h.Set("Location", "/") }}, good(goodAnswer),
		reply{status: 400, body: `{"message":["no"]}`}, good(goodAnswer))
	c := newTestClient(t, s.URL)
	for range 5 {
		_, _ = c.GenerateOrder(t.Context(), testRequestID, testBody(t))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.seen) != 7 || s.conns != 1 {
		t.Errorf("%d requests over %d connections, want 7 over 1", len(s.seen), s.conns)
	}
}

// raw serves bytes over a socket and then does what end says.
func raw(t *testing.T, answer string, end func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer conn.Close()
				if _, err := conn.Read(make([]byte, 4096)); err == nil {
					_, _ = io.WriteString(conn, answer)
					end(conn)
				}
			})
		}
	})
	t.Cleanup(func() { l.Close(); wg.Wait() })
	return "http://" + l.Addr().String()
}

func TestBrokenConnections(t *testing.T) {
	t.Parallel()
	untilClosed := func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }
	const head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
	tests := []struct {
		name   string
		answer string
		end    func(net.Conn)
		is     error
	}{
		{"closed before the answer", "", func(net.Conn) {}, ErrUnavailable},
		{"reset", "", func(c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0) }, ErrUnavailable},
		{"not HTTP", "hello\r\n\r\n", func(net.Conn) {}, ErrUnavailable},
		{"body cut off", head + "Content-Length: 500\r\n\r\n{", func(net.Conn) {}, ErrUnavailable},
		{"chunk cut off", head + "Transfer-Encoding: chunked\r\n\r\n40\r\n{", func(net.Conn) {}, ErrUnavailable},
		{"no headers ever", "", untilClosed, ErrUnavailable},
		{"no body ever", head + "Content-Length: 500\r\n\r\n", untilClosed, ErrUnavailable},
		{"body stops", head + "Content-Length: 500\r\n\r\n{\"order\":", untilClosed, ErrUnavailable},
		{"length announced too large", head + "Content-Length: 99999999999\r\n\r\n{", untilClosed, ErrUnreadable},
		{"endless", head + "\r\n", func(c net.Conn) {
			for line := bytes.Repeat([]byte(" "), 32<<10); ; {
				if _, err := c.Write(line); err != nil {
					return
				}
			}
		}, ErrUnreadable},
		{"endless headers", "HTTP/1.1 200 OK\r\n", func(c net.Conn) {
			for line := []byte("X: " + strings.Repeat("x", 1000) + "\r\n"); ; {
				if _, err := c.Write(line); err != nil {
					return
				}
			}
		}, ErrUnavailable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := newTestClient(t, raw(t, tt.answer, tt.end), func(c *Config) {
				c.MaxTries, c.TryTimeout = 2, 300*time.Millisecond
			})
			_, err := c.GenerateOrder(t.Context(), testRequestID, testBody(t))
			var e *Error
			if !errors.As(err, &e) || !errors.Is(err, tt.is) || kind(e) != retryable {
				t.Errorf("error = %v, want %v", err, tt.is)
			}
		})
	}
}

// closeCounter counts bodies that are open.
type closeCounter struct {
	io.Reader
	open *int
}

func (c closeCounter) Close() error { *c.open--; return nil }

func TestBodiesAreClosed(t *testing.T) {
	t.Parallel()
	for _, body := range []string{goodStatus, "<html>", strings.Repeat(" ", maxStatusAnswer+1)} {
		open := 0
		c := newTestClient(t, "", func(c *Config) {
			c.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
				open++
				return &http.Response{StatusCode: 200, Header: http.Header{}, Request: r, ContentLength: -1,
					Body: closeCounter{strings.NewReader(body), &open}}, nil
			})
		})
		_, _ = c.CheckStatus(t.Context(), testInvoice)
		if open != 0 {
			t.Errorf("%d bodies left open after %.10q", open, body)
		}
	}
}

func TestTLSIsVerified(t *testing.T) {
	t.Parallel()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		good(goodAnswer).write(w, r)
	}))
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.StartTLS()
	t.Cleanup(s.Close)
	_, err := newTestClient(t, s.URL).GenerateOrder(t.Context(), testRequestID, testBody(t))
	if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("unknown certificate: %v, want %v", err, ErrUnavailable)
	}
	c := newTestClient(t, s.URL, func(c *Config) { c.Transport = s.Client().Transport })
	if _, err := c.GenerateOrder(t.Context(), testRequestID, testBody(t)); err != nil {
		t.Errorf("known certificate: %v", err)
	}
}

// A body that never ends by itself, like a connection that drips.
type hangingBody struct{ ctx context.Context }

func (b hangingBody) Read([]byte) (int, error) { <-b.ctx.Done(); return 0, b.ctx.Err() }
func (b hangingBody) Close() error             { return nil }

// The points at which a call may be waiting.
func hangAt(point string) roundTrip {
	return func(r *http.Request) (*http.Response, error) {
		resp := &http.Response{StatusCode: 503, Header: http.Header{}, Body: http.NoBody, Request: r}
		switch point {
		case "headers":
			<-r.Context().Done()
			return nil, r.Context().Err()
		case "body":
			resp.StatusCode, resp.Body = 200, hangingBody{r.Context()}
		}
		return resp, nil // "pause": 503, and the client waits
	}
}

func TestContextEndsTheCall(t *testing.T) {
	t.Parallel()
	cause := errors.New("shopper left")
	for _, point := range []string{"headers", "body", "pause", "start"} {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				if point == "start" {
					cancel(cause)
				} else {
					time.AfterFunc(50*time.Millisecond, func() { cancel(cause) })
				}
				c := newTestClient(t, "", func(c *Config) { c.Transport = hangAt(point) })
				c.newBackOff = newBackOff
				start := time.Now()
				_, err := c.GenerateOrder(ctx, testRequestID, testBody(t))
				if d := time.Since(start); d > 50*time.Millisecond {
					t.Errorf("returned %v after the start, want at once when cancelled", d)
				}
				var e *Error
				if !errors.As(err, &e) || !errors.Is(err, ErrUnavailable) || kind(e) != retryable {
					t.Errorf("error = %v, want %v", err, ErrUnavailable)
				}
				if !errors.Is(err, cause) && !errors.Is(err, context.Canceled) {
					t.Errorf("error = %v, want the reason of the context", err)
				}
			})
		})
	}
}

func TestDeadlines(t *testing.T) {
	t.Parallel()
	tests := []struct {
		point    string
		change   func(*Config)
		min, max time.Duration
	}{
		{"headers", func(c *Config) {}, 30 * time.Second, 30 * time.Second},                                               // one whole call
		{"headers", func(c *Config) { c.MaxTries = 1 }, 10 * time.Second, 10 * time.Second},                               // one try
		{"body", func(c *Config) { c.MaxTries = 1; c.TryTimeout = time.Second }, time.Second, time.Second},                // while reading
		{"body", func(c *Config) { c.MaxTries = 10; c.Timeout = time.Second }, time.Second, time.Second},                  // all tries
		{"pause", func(c *Config) { c.Timeout = 100 * time.Millisecond }, 100 * time.Millisecond, 100 * time.Millisecond}, // between tries
		{"pause", func(c *Config) {}, 375 * time.Millisecond, 1125 * time.Millisecond},                                    // two pauses, 250 and 500 ms, by half
	}
	for i, tt := range tests {
		t.Run(fmt.Sprint(i, tt.point), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := newTestClient(t, "", func(c *Config) { c.Transport = hangAt(tt.point); tt.change(c) })
				c.newBackOff = newBackOff
				start := time.Now()
				_, err := c.CheckStatus(t.Context(), testInvoice)
				if d := time.Since(start); d < tt.min || d > tt.max {
					t.Errorf("took %v, want %v to %v", d, tt.min, tt.max)
				}
				var e *Error
				if !errors.As(err, &e) || kind(e) != retryable {
					t.Errorf("error = %v, want a retryable one", err)
				}
			})
		})
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		header string
		tries  int
		min    time.Duration
		max    time.Duration
	}{
		{"4", 2, 4 * time.Second, 4 * time.Second},
		{"6", 1, 0, 0},
		{"99999999999", 1, 0, 0},
		{"-1", 2, 125 * time.Millisecond, 375 * time.Millisecond},
		{"Wed, 21 Oct 2026 07:28:00 GMT", 2, 125 * time.Millisecond, 375 * time.Millisecond},
	} {
		t.Run(tt.header, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				tries := 0
				c := newTestClient(t, "", func(c *Config) {
					c.MaxTries = 2
					c.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
						tries++
						return &http.Response{StatusCode: 429, Header: http.Header{"Retry-After": {tt.header}}, Body: http.NoBody, Request: r}, nil
					})
				})
				c.newBackOff = newBackOff
				start := time.Now()
				_, err := c.CheckStatus(t.Context(), testInvoice)
				if d := time.Since(start); d < tt.min || d > tt.max || tries != tt.tries {
					t.Errorf("%d tries in %v, want %d in %v to %v", tries, d, tt.tries, tt.min, tt.max)
				}
				if !errors.Is(err, ErrUnavailable) {
					t.Errorf("error = %v, want %v", err, ErrUnavailable)
				}
			})
		})
	}
}

func TestConcurrentCalls(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			good(goodStatus).write(w, r)
			return
		}
		good(goodAnswer).write(w, r)
	}))
	t.Cleanup(s.Close)
	c := newTestClient(t, s.URL)
	body := testBody(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				if _, err := c.GenerateOrder(t.Context(), testRequestID, body); err != nil {
					t.Error(err)
				}
				if _, err := c.CheckStatus(t.Context(), testInvoice); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

// answering is a transport that gives every request the same answer, signed.
func answering(status int, body []byte) roundTrip {
	return func(r *http.Request) (*http.Response, error) {
		h := http.Header{
			"Client-Id":          {r.Header.Get("Client-Id")},
			"Request-Id":         {r.Header.Get("Request-Id")},
			"Response-Timestamp": {"2026-01-02T03:04:06Z"},
		}
		c := Components{ClientID: testClient, RequestID: h.Get("Request-Id"), Timestamp: h.Get("Response-Timestamp"),
			Target: r.URL.EscapedPath(), Body: body, Response: true}
		h.Set("Signature", Sign(testSecret, c))
		return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(bytes.NewReader(body)),
			ContentLength: int64(len(body)), Request: r}, nil
	}
}
