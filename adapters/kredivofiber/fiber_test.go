package kredivofiber

import (
	"bytes"
	"compress/gzip"
	"context"
	"net/http"
	"slices"
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"github.com/paylater-go/paylater/kredivo"
)

// What fiber does that made this adapter what it is. When one of these fails, fiber has changed, and so
// may the adapter.

// Strings from fiber point into the request's buffer, which the next request overwrites.
func TestFiberReusesMemory(t *testing.T) {
	t.Parallel()
	var get, params, query, method []string
	shop := fiber.New()
	shop.Post("/:token", func(c *fiber.Ctx) error {
		get, params = append(get, c.Get("Signature")), append(params, c.Params("token"))
		query, method = append(query, c.Query("q")), append(method, c.Method())
		return nil
	})
	var ctx fasthttp.RequestCtx
	for _, s := range []string{"first", "other"} {
		ctx.Request.Reset()
		ctx.Request.Header.SetMethod("POST")
		ctx.Request.SetRequestURI("/" + s + "?q=" + s)
		ctx.Request.Header.Set("Signature", s)
		shop.Handler()(&ctx)
	}
	for name, kept := range map[string][]string{"Get": get, "Params": params, "Query": query} {
		if kept[0] != "other" {
			t.Errorf("c.%s gave %q, which has stayed as it was", name, kept[0])
		}
	}
	_ = method // a method is a constant of fiber's here; newRequest clones it all the same
}

// Body decodes what claims to be compressed, without a limit of ours, and where it cannot, the error is
// the body.
func TestFiberDecodesBodies(t *testing.T) {
	t.Parallel()
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write(make([]byte, 1<<20)) // a bytes.Buffer takes everything
	_ = z.Close()
	for _, tt := range []struct {
		sent []byte
		body func(b []byte) bool
	}{
		{zipped.Bytes(), func(b []byte) bool { return len(b) == 1<<20 }},
		{[]byte("plain"), func(b []byte) bool { return string(b) == "unexpected EOF" }},
	} {
		within(t, func(c *fiber.Ctx) {
			c.Request().Header.Set("Content-Encoding", "gzip")
			c.Request().SetBody(tt.sent)
			if got := c.Body(); !tt.body(got) {
				t.Errorf("c.Body gave %d bytes: %.50q", len(got), got)
			}
			got, err := readBody(c, 1<<20)
			if err != nil || !bytes.Equal(got, tt.sent) {
				t.Errorf("readBody gave %.50q, %v, want the bytes on the wire", got, err)
			}
		})
	}
}

// A panic in a handler is nobody's business but the host's: fasthttp would end the process.
func TestFiberRecoversNothing(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("fiber now recovers panics")
		}
	}()
	within(t, func(*fiber.Ctx) { panic("in a handler") })
}

// There is no context of the request: deadlines must come from the core.
func TestFiberHasNoRequestContext(t *testing.T) {
	t.Parallel()
	within(t, func(c *fiber.Ctx) {
		if c.UserContext() != context.Background() {
			t.Error("fiber now gives requests a context")
		}
	})
}

func TestWrite(t *testing.T) {
	t.Parallel()
	const awkward = "https://pay.example/%7Euser/a%2Fb/?x=é|\"<>&y=%zz#frag ment"
	within(t, func(c *fiber.Ctx) {
		c.Set("Vary", "Origin")
		c.Cookie(&fiber.Cookie{Name: "a", Value: "1"})
		err := write(c, &kredivo.Response{
			Status: http.StatusSeeOther,
			Header: http.Header{"Location": {awkward}, "Set-Cookie": {"b=2; Path=/", "c=3"}, "Vary": {"Accept", "Accept-Language"}},
			Body:   []byte("body"),
		})
		if err != nil {
			t.Error(err)
		}
		h := &c.Response().Header
		if got := string(h.Peek("Location")); got != awkward {
			t.Errorf("Location = %q", got)
		}
		var cookies, vary []string
		h.VisitAll(func(k, v []byte) {
			switch string(k) {
			case "Set-Cookie":
				cookies = append(cookies, string(v))
			case "Vary":
				vary = append(vary, string(v))
			}
		})
		if want := []string{"a=1; path=/; SameSite=Lax", "b=2; Path=/", "c=3"}; !slices.Equal(cookies, want) {
			t.Errorf("Set-Cookie = %q, want %q", cookies, want)
		}
		if want := []string{"Accept", "Accept-Language"}; !slices.Equal(vary, want) {
			t.Errorf("Vary = %q, want %q", vary, want)
		}
		if c.Response().StatusCode() != http.StatusSeeOther || string(c.Response().Body()) != "body" {
			t.Errorf("%d %q", c.Response().StatusCode(), c.Response().Body())
		}
	})
}

// within runs f as the handler of one request.
func within(t *testing.T, f func(c *fiber.Ctx)) {
	t.Helper()
	shop := fiber.New()
	shop.Post("/", func(c *fiber.Ctx) error { f(c); return nil })
	var ctx fasthttp.RequestCtx
	ctx.Request.Header.SetMethod("POST")
	ctx.Request.SetRequestURI("/")
	shop.Handler()(&ctx)
}
