package kredivohttp

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/paylater-go/paylater/kredivo"
)

// How long a body may take to arrive. DOKU sends its 2 KB at once; a shopper may be on a train.
const (
	notificationReadTimeout = 5 * time.Second
	browserReadTimeout      = 30 * time.Second
)

// NewRequest copies r for rt.Serve, and puts the body back into r.Body so that hooks and handlers that
// follow can read it too. Hooks are left to the caller. The path of r must end in rt.Path byte for byte;
// an adapter that knows its prefix puts it in front of rt.Path for this call.
//
// With an error the Request is there too, without a body, for [kredivo.Plugin.ErrorResponse].
//
// The body is read up to rt.MaxBody, with a read deadline where w supports one, and not at all when
// that is 0. A form that a middleware of the host's has parsed already, as CSRF guards do, is written
// out again from r.PostForm; that is for browser routes only, since a notification is signed byte for byte.
func NewRequest(w http.ResponseWriter, r *http.Request, rt kredivo.Route) (*kredivo.Request, error) {
	req := copyHead(r)
	var ok bool
	if req.Token, ok = rt.Match(req.Path); !ok {
		return req, &kredivo.Error{Code: kredivo.CodeNotFound, Detail: "the path must be spelled as it is mounted: no escapes, no other letter case, no trailing slash"}
	}
	timeout := browserReadTimeout
	if rt.Group == kredivo.NotificationRoutes {
		timeout = notificationReadTimeout
	}
	body, err := readBody(w, r, rt.MaxBody, timeout)
	if err != nil {
		return req, err
	}
	if len(body) == 0 && rt.MaxBody > 0 && rt.Group != kredivo.NotificationRoutes && len(r.PostForm) > 0 {
		body = []byte(r.PostForm.Encode())
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Content-Length", strconv.Itoa(len(body)))
	}
	req.Body = body
	return req, nil
}

// copyHead copies everything but the body and the token.
func copyHead(r *http.Request) *kredivo.Request {
	header := r.Header.Clone()
	if header == nil {
		header = http.Header{}
	}
	if r.ContentLength > 0 && len(header["Content-Length"]) == 0 {
		// The core tells a body that was read before it from one that was never sent by this.
		header.Set("Content-Length", strconv.FormatInt(r.ContentLength, 10))
	}
	return &kredivo.Request{
		Method: r.Method,
		Host:   r.Host,
		Path:   r.URL.EscapedPath(),
		Query:  r.URL.Query(),
		Header: header,
	}
}

// readBody reads at most limit bytes and puts them back. After an error the deadline stands, so that
// the server does not wait either while it clears the connection; it lifts it for the next request.
func readBody(w http.ResponseWriter, r *http.Request, limit int64, timeout time.Duration) ([]byte, error) {
	if limit == 0 || r.Body == nil || r.Body == http.NoBody {
		return nil, nil
	}
	deadline := http.NewResponseController(w)
	// A wrapped writer may not support deadlines; then the server's own timeouts have to do.
	_ = deadline.SetReadDeadline(time.Now().Add(timeout))
	if r.ContentLength > limit {
		return nil, kredivo.ErrBodyTooLarge
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if err != nil {
		if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
			return nil, kredivo.ErrBodyTooLarge
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil, &kredivo.Error{Code: kredivo.CodeBodyTimeout, Detail: "the request body did not arrive in time", Err: err}
		}
		return nil, &kredivo.Error{Code: kredivo.CodeInvalidRequest, Detail: "the request body did not arrive in full", Err: err}
	}
	// Left in place it would end r.Context() of a slow handler when a middleware had read the body before us.
	_ = deadline.SetReadDeadline(time.Time{})
	rewind(r, body)
	return body, nil
}

// rewind lets the next reader of r.Body start at the beginning.
func rewind(r *http.Request, body []byte) {
	if body != nil {
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
}

// Write sends resp. Its headers replace those that the host's middleware has set, but for Set-Cookie,
// which is added.
func Write(w http.ResponseWriter, resp *kredivo.Response) {
	h := w.Header()
	for name, values := range resp.Header {
		if name == "Set-Cookie" {
			h[name] = append(h[name], values...)
			continue
		}
		h[name] = slices.Clone(values)
	}
	w.WriteHeader(resp.Status)
	if len(resp.Body) > 0 {
		_, _ = w.Write(resp.Body) // the client is gone; nobody to tell
	}
}
