package dokusim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
)

// Transport returns a transport that gives every request, whatever its host, to the simulator, without a port. Give it to the
// client under test.
func (s *Simulator) Transport() http.RoundTripper { return InProcess(s) }

// InProcess returns a transport that gives every request to h, without a port. Answers are streamed, contexts are honoured, and a
// handler that panics (as [http.ErrAbortHandler] asks for a cut connection) gives an error. Give one around the merchant's handler to
// [Config].HTTPClient to have notifications delivered in process too.
func InProcess(h http.Handler) http.RoundTripper { return inProcess{h} }

type inProcess struct{ handler http.Handler }

func (t inProcess) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := req.Context().Err(); err != nil {
		closeBody(req.Body)
		return nil, err
	}
	ctx, cancel := context.WithCancel(req.Context())
	reader, writer := io.Pipe()
	context.AfterFunc(ctx, func() { _ = writer.CloseWithError(context.Cause(ctx)) })
	w := &pipeWriter{header: http.Header{}, body: writer, started: make(chan struct{})}

	go func() {
		defer closeBody(req.Body)
		err := t.serve(w, serverRequest(ctx, req))
		if ctx.Err() != nil { // the handler may have returned early for it: no end that looks whole
			err = context.Cause(ctx)
		}
		_ = writer.CloseWithError(err)
	}()

	select {
	case <-w.started:
	case <-ctx.Done():
		cancel()
		return nil, context.Cause(ctx)
	}
	if w.failed {
		cancel()
		return nil, errCut
	}
	return &http.Response{
		Status: fmt.Sprintf("%d %s", w.status, http.StatusText(w.status)), StatusCode: w.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.sent, ContentLength: -1, Request: req,
		Body: cancelBody{reader, cancel},
	}, nil
}

var errCut = errors.New("dokusim: connection closed without an answer")

// serve runs the handler and says how the body ends.
func (t inProcess) serve(w *pipeWriter, r *http.Request) (err error) {
	defer func() {
		if recover() != nil {
			err = io.ErrUnexpectedEOF
			w.start(0, true)
		}
	}()
	t.handler.ServeHTTP(w, r)
	w.WriteHeader(http.StatusOK)
	return nil
}

// serverRequest turns an outgoing request into the one a server would see, with everything it may change copied.
func serverRequest(ctx context.Context, req *http.Request) *http.Request {
	r := req.Clone(ctx)
	if r.Body == nil {
		r.Body = http.NoBody
	}
	if r.Host == "" {
		r.Host = r.URL.Host
	}
	r.RequestURI = r.URL.RequestURI()
	r.RemoteAddr = "127.0.0.1:0"
	return r
}

func closeBody(body io.Closer) {
	if body != nil {
		_ = body.Close()
	}
}

// A pipeWriter is the handler's side of one exchange.
type pipeWriter struct {
	header http.Header
	body   *io.PipeWriter

	once    sync.Once
	started chan struct{} // closed when the fields below are set
	status  int
	sent    http.Header
	failed  bool
}

func (w *pipeWriter) Header() http.Header    { return w.header }
func (w *pipeWriter) WriteHeader(status int) { w.start(status, false) }
func (w *pipeWriter) Flush()                 { w.start(http.StatusOK, false) }

func (w *pipeWriter) Write(p []byte) (int, error) {
	w.start(http.StatusOK, false)
	return w.body.Write(p)
}

func (w *pipeWriter) start(status int, failed bool) {
	w.once.Do(func() {
		w.status, w.sent, w.failed = status, w.header.Clone(), failed
		close(w.started)
	})
}

// A cancelBody ends the handler's context when the client is done with the answer.
type cancelBody struct {
	*io.PipeReader
	cancel context.CancelFunc
}

func (b cancelBody) Close() error {
	b.cancel()
	return b.PipeReader.Close()
}
