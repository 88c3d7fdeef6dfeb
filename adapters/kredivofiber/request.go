package kredivofiber

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/paylater-go/paylater/kredivo"
)

// newRequest copies the request out of fiber. Its path must end in rt.Path, byte for byte. With an error
// the Request is there too, without a body.
func newRequest(c *fiber.Ctx, rt kredivo.Route) (*kredivo.Request, error) {
	req := copyHead(c)
	var ok bool
	defer closeUnread(c)
	if req.Token, ok = rt.Match(req.Path); !ok {
		return req, &kredivo.Error{Code: kredivo.CodeNotFound, Detail: "the path must be spelled as it is mounted: no escapes, no other letter case, no trailing slash"}
	}
	var err error
	req.Body, err = readBody(c, rt.MaxBody)
	return req, err
}

// copyHead copies everything but the body and the token.
func copyHead(c *fiber.Ctx) *kredivo.Request {
	r := c.Request()
	header := make(http.Header, r.Header.Len())
	r.Header.VisitAll(func(k, v []byte) { header.Add(string(k), string(v)) })
	query, _ := url.ParseQuery(string(r.URI().QueryString())) // what cannot be read is left out, as in net/http
	return &kredivo.Request{
		Method: strings.Clone(c.Method()),
		Host:   string(r.Host()),
		Path:   string(r.URI().PathOriginal()),
		Query:  query,
		Header: header,
	}
}

// readBody copies the bytes that came over the wire; c.Body would decompress them. With a limit of 0
// there is nothing to read.
func readBody(c *fiber.Ctx, limit int64) ([]byte, error) {
	if limit == 0 {
		return nil, nil
	}
	if c.Request().IsBodyStream() {
		return readStream(c, limit)
	}
	raw := c.BodyRaw()
	if int64(len(raw)) > limit {
		return nil, kredivo.ErrBodyTooLarge
	}
	return bytes.Clone(raw), nil
}

// readStream reads the body of an app with StreamRequestBody, which knows no limit, and puts it back
// for whoever comes next.
func readStream(c *fiber.Ctx, limit int64) ([]byte, error) {
	if int64(c.Request().Header.ContentLength()) > limit { // -1 when chunked
		return nil, kredivo.ErrBodyTooLarge
	}
	body, err := io.ReadAll(io.LimitReader(c.Request().BodyStream(), limit+1))
	if err != nil {
		return nil, &kredivo.Error{Code: kredivo.CodeInvalidRequest, Detail: "the request body did not arrive in full and in time", Err: err}
	}
	if int64(len(body)) > limit {
		return nil, kredivo.ErrBodyTooLarge
	}
	c.Request().SetBody(body)
	return body, nil
}

// closeUnread ends the connection after this answer when a streamed body is not read to its end:
// fasthttp would take the rest for the next request.
func closeUnread(c *fiber.Ctx) {
	if c.Request().IsBodyStream() && c.Request().Header.ContentLength() != 0 {
		c.Context().SetConnectionClose()
	}
}

// write sends resp. Its headers replace those that the host's middleware has set, but for Set-Cookie,
// which is added. It returns nil always: an error would go to the host's ErrorHandler.
func write(c *fiber.Ctx, resp *kredivo.Response) error {
	h := &c.Response().Header
	for name, values := range resp.Header {
		if name != "Set-Cookie" {
			h.Del(name)
		}
		for _, v := range values {
			h.Add(name, v)
		}
	}
	c.Response().SetStatusCode(resp.Status)
	c.Response().SetBodyRaw(resp.Body) // fasthttp keeps the slice; the core never reuses it
	return nil
}

// abort is what http.ErrAbortHandler means: the connection ends without an answer. It is deferred;
// fasthttp recovers nothing, and an unrecovered panic ends the process.
func abort(c *fiber.Ctx) {
	v := recover()
	if v == nil {
		return
	}
	if v != http.ErrAbortHandler {
		panic(v)
	}
	c.Context().HijackSetNoResponse(true)
	c.Context().Hijack(func(net.Conn) {}) // fasthttp closes the connection after it
}
