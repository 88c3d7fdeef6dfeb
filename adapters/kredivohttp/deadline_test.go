package kredivohttp_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/paylater-go/paylater/adapters/kredivohttp"
	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/doku"
	"github.com/paylater-go/paylater/kredivo/kredivotest"
)

// A body that does not arrive is given up after five seconds, without help from the server's timeouts,
// and the connection with it.
func TestStalledBody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		conn := dial(t, verified(t, http.NotFoundHandler()))
		start := time.Now()
		write(t, conn, "POST /own HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 100\r\n\r\n{")
		reader := bufio.NewReader(conn)
		resp, err := http.ReadResponse(reader, nil)
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != http.StatusRequestTimeout {
			t.Errorf("status %d, want 408", resp.StatusCode)
		}
		if took := time.Since(start); took != 5*time.Second {
			t.Errorf("given up after %v, want 5s", took)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		if _, err := reader.ReadByte(); !errors.Is(err, io.EOF) {
			t.Errorf("the connection is still open: %v", err)
		}
	})
}

// A body that is announced too large is refused at once, and nobody waits for it.
func TestStalledLargeBody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		conn := dial(t, verified(t, http.NotFoundHandler()))
		start := time.Now()
		// Less than what net/http reads to save a connection.
		write(t, conn, "POST /own HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 100000\r\n\r\n{")
		reader := bufio.NewReader(conn)
		resp, err := http.ReadResponse(reader, nil)
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("status %d, want 413", resp.StatusCode)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		if _, err := reader.ReadByte(); !errors.Is(err, io.EOF) {
			t.Errorf("the connection is still open: %v", err)
		}
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("the server held the connection for %v", took)
		}
	})
}

// The deadline is over with the body: a handler that takes longer keeps its context, and the connection
// serves the next request. Also where a middleware has read the body and put it back: net/http watches
// the connection then.
func TestDeadlineEndsWithTheBody(t *testing.T) {
	t.Parallel()
	t.Run("read here", func(t *testing.T) {
		t.Parallel()
		deadlineEnds(t, func(next http.Handler) http.Handler { return next })
	})
	t.Run("read before", func(t *testing.T) {
		t.Parallel()
		deadlineEnds(t, func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				if err != nil {
					t.Error(err)
				}
				r.Body = io.NopCloser(bytes.NewReader(body))
				next.ServeHTTP(w, r)
			})
		})
	})
}

func deadlineEnds(t *testing.T, middleware func(http.Handler) http.Handler) {
	synctest.Test(t, func(t *testing.T) {
		slow := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-r.Context().Done():
				t.Error("the read deadline has ended the request")
			case <-time.After(time.Minute):
			}
		})
		conn := dial(t, middleware(verified(t, slow)))
		reader := bufio.NewReader(conn)
		body := []byte("{}")
		h := doku.SignNotification(kredivotest.SecretKey, kredivotest.ClientID, "r-1", time.Now(), kredivotest.NotificationPath, body)
		for range 2 {
			req := "POST /own HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 2\r\n"
			for name, values := range h {
				req += name + ": " + values[0] + "\r\n"
			}
			write(t, conn, req+"\r\n{}")
			resp, err := http.ReadResponse(reader, nil)
			if err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != http.StatusOK {
				t.Errorf("status %d, want 200", resp.StatusCode)
			}
			_, _ = io.Copy(io.Discard, resp.Body)
		}
	})
}

// verified is a handler at POST /own that only needs a plugin's keys, so that no database runs in the bubble.
func verified(t *testing.T, next http.Handler) http.Handler {
	p, err := kredivo.New(kredivo.Config{
		DOKU:      doku.Config{ClientID: kredivotest.ClientID, SecretKey: kredivotest.SecretKey},
		PublicURL: kredivotest.PublicURL,
		Store:     struct{ kredivo.Store }{},
		OnEvent:   func(context.Context, kredivo.Event) error { return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("POST /own", kredivohttp.VerifySignature(p)(next))
	return mux
}

// dial serves h over a connection in memory, whose deadlines run on the bubble's clock.
func dial(t *testing.T, h http.Handler) net.Conn {
	client, server := net.Pipe()
	l := &oneConn{conn: make(chan net.Conn, 1), closed: make(chan struct{})}
	l.conn <- server
	s := &http.Server{Handler: h}
	var running sync.WaitGroup
	running.Go(func() { _ = s.Serve(l) })
	t.Cleanup(func() {
		_ = client.Close()
		_ = s.Close()
		running.Wait()
	})
	return client
}

func write(t *testing.T, conn net.Conn, s string) {
	t.Helper()
	if _, err := io.WriteString(conn, s); err != nil {
		t.Fatal(err)
	}
}

// oneConn is a listener that accepts one connection and then waits to be closed.
type oneConn struct {
	conn   chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func (l *oneConn) Accept() (net.Conn, error) {
	select {
	case c := <-l.conn:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *oneConn) Close() error { l.once.Do(func() { close(l.closed) }); return nil }

func (l *oneConn) Addr() net.Addr { return &net.TCPAddr{} }
