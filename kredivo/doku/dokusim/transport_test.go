package dokusim

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

func anyRequest(ctx context.Context, t *testing.T) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://any.test/a%2Fb?q=1", strings.NewReader("body"))
	must(t, err)
	return req
}

// exchange sends a request to h in process and reads the whole answer.
func exchange(ctx context.Context, t *testing.T, h http.HandlerFunc) (o outcome) {
	t.Helper()
	resp, err := (&http.Client{Transport: InProcess(h)}).Do(anyRequest(ctx, t))
	if err != nil {
		return outcome{callErr: err}
	}
	defer func() { _ = resp.Body.Close() }()
	o.status, o.header = resp.StatusCode, resp.Header
	o.body, o.readErr = io.ReadAll(resp.Body)
	return o
}

func TestInProcessRequest(t *testing.T) {
	t.Parallel()
	o := exchange(t.Context(), t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Host != "any.test" || r.RequestURI != "/a%2Fb?q=1" || r.URL.EscapedPath() != "/a%2Fb" || string(body) != "body" {
			t.Errorf("request: %s %s %s %q", r.Host, r.RequestURI, r.URL, body)
		}
		w.Header().Set("X-Before", "1")
		w.WriteHeader(http.StatusTeapot)
		w.Header().Set("X-After", "1")
		w.WriteHeader(http.StatusOK)
		_, _ = io.WriteString(w, "answer")
	})
	if string(o.body) != "answer" || o.readErr != nil || o.status != 418 || o.header.Get("X-Before") != "1" || o.header.Get("X-After") != "" {
		t.Errorf("outcome: %+v", o)
	}
}

func TestInProcessEmptyAnswer(t *testing.T) {
	t.Parallel()
	o := exchange(t.Context(), t, func(http.ResponseWriter, *http.Request) {})
	if o.status != 200 || len(o.body) != 0 || o.readErr != nil || o.callErr != nil {
		t.Errorf("outcome: %+v", o)
	}
}

func TestInProcessPanic(t *testing.T) {
	t.Parallel()
	if o := exchange(t.Context(), t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }); o.callErr == nil {
		t.Errorf("before the answer: %+v", o)
	}
	o := exchange(t.Context(), t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "half")
		panic(http.ErrAbortHandler)
	})
	if !errors.Is(o.readErr, io.ErrUnexpectedEOF) || string(o.body) != "half" {
		t.Errorf("within the answer: %+v", o)
	}
}

func TestInProcessContext(t *testing.T) {
	t.Parallel()
	hang := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if o := exchange(gone, t, hang); !errors.Is(o.callErr, context.Canceled) {
		t.Errorf("cancelled before: %+v", o)
	}

	ctx, cancel := context.WithCancel(t.Context())
	o := exchange(ctx, t, func(w http.ResponseWriter, r *http.Request) {
		cancel()
		hang(w, r)
	})
	if !errors.Is(o.callErr, context.Canceled) {
		t.Errorf("cancelled meanwhile: %+v", o)
	}

	ctx, cancel = context.WithCancel(t.Context())
	o = exchange(ctx, t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "x")
		cancel()
		hang(w, r)
	})
	if !errors.Is(o.readErr, context.Canceled) {
		t.Errorf("cancelled within the answer: %+v", o)
	}
}

// A client that closes the body ends the handler's context.
func TestInProcessClose(t *testing.T) {
	t.Parallel()
	ended := make(chan struct{})
	client := &http.Client{Transport: InProcess(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(ended)
		w.WriteHeader(http.StatusOK)
		<-r.Context().Done()
	}))}
	resp, err := client.Do(anyRequest(t.Context(), t))
	must(t, err)
	must(t, resp.Body.Close())
	<-ended
}
