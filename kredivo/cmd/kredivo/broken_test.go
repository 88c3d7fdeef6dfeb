package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/gofiber/fiber/v2"

	"github.com/paylater-go/paylater/adapters/kredivofiber"
	"github.com/paylater-go/paylater/adapters/kredivogin"
	"github.com/paylater-go/paylater/adapters/kredivohttp"
	"github.com/paylater-go/paylater/kredivo"
)

// The hosts that doctor is tried on. Each serves a plugin on l until the test ends.
type host func(t *testing.T, l net.Listener, p *kredivo.Plugin)

// onHTTP mounts the plugin under prefix of a net/http server, with what is around it.
func onHTTP(prefix string, around ...func(http.Handler) http.Handler) host {
	return func(t *testing.T, l net.Listener, p *kredivo.Plugin) {
		mux := http.NewServeMux()
		if err := kredivohttp.MountGroup(mux, prefix, p, kredivo.NotificationRoutes, kredivohttp.Hooks{}); err != nil {
			t.Error(err)
		}
		serveHTTP(t, l, mux, around...)
	}
}

func serveHTTP(t *testing.T, l net.Listener, h http.Handler, around ...func(http.Handler) http.Handler) {
	for _, f := range around {
		h = f(h)
	}
	server := &httptest.Server{Listener: l, Config: &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}}
	server.Start()
	t.Cleanup(server.Close)
}

// onGin mounts the plugin under prefix, after what before registers.
func onGin(prefix string, before func(*gin.Engine)) host {
	return func(t *testing.T, l net.Listener, p *kredivo.Plugin) {
		r := gin.New()
		before(r)
		if err := kredivogin.MountGroup(r.Group(prefix), p, kredivo.NotificationRoutes, kredivogin.Hooks{}); err != nil {
			t.Error(err)
		}
		serveHTTP(t, l, r)
	}
}

// onFiber mounts the plugin under prefix, after what before registers.
func onFiber(prefix string, before func(*fiber.App)) host {
	return func(t *testing.T, l net.Listener, p *kredivo.Plugin) {
		app := fiber.New(fiber.Config{DisableStartupMessage: true, ReadTimeout: time.Minute})
		before(app)
		if err := kredivofiber.MountGroup(app.Group(prefix), p, kredivo.NotificationRoutes, kredivofiber.Hooks{}); err != nil {
			t.Error(err)
		}
		served := make(chan error, 1)
		go func() { served <- app.Listener(l) }()
		t.Cleanup(func() {
			if err := app.Shutdown(); err != nil {
				t.Error(err)
			}
			<-served
		})
	}
}

// behind puts a reverse proxy, which changes requests, in front of a plugin on net/http.
func behind(prefix string, change func(*http.Request)) host {
	return func(t *testing.T, l net.Listener, p *kredivo.Plugin) {
		inner, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Error(err)
			return
		}
		onHTTP(prefix)(t, inner, p)
		serveHTTP(t, l, &httputil.ReverseProxy{
			Transport: &http.Transport{DisableKeepAlives: true},
			Rewrite: func(r *httputil.ProxyRequest) {
				r.SetURL(&url.URL{Scheme: "http", Host: inner.Addr().String()})
				change(r.Out)
			},
		})
	}
}

// answering answers everything in the plugin's place.
func answering(status int, pairs ...string) func(http.Handler) http.Handler {
	return func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			for i := 0; i < len(pairs); i += 2 {
				w.Header().Set(pairs[i], pairs[i+1])
			}
			w.WriteHeader(status)
			_, _ = io.WriteString(w, "<html>the shop</html>")
		})
	}
}

// requests lets f see, and change, each request on its way to the plugin.
func requests(f func(*http.Request)) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			f(r)
			next.ServeHTTP(w, r)
		})
	}
}

// drain reads bodies and keeps them, as loggers do.
func drain(r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }

// decode decodes compressed bodies, as middleware for JSON APIs does.
func decode(r *http.Request) {
	if r.Header.Get("Content-Encoding") != "gzip" {
		return
	}
	z, err := gzip.NewReader(r.Body)
	if err != nil {
		return
	}
	r.Header.Del("Content-Encoding")
	r.Body = io.NopCloser(z)
}

// setBody replaces the body of a request.
func setBody(r *http.Request, body []byte) {
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	r.Header.Set("Content-Length", strconv.Itoa(len(body)))
}

// reencode parses JSON bodies and writes them again, as some gateways do.
func reencode(r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	var v any
	if json.Unmarshal(body, &v) == nil {
		body, _ = json.Marshal(v) // what was decoded can be encoded
	}
	setBody(r, body)
}

// compact only takes the line breaks out of JSON bodies.
func compact(r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	var out bytes.Buffer
	if json.Compact(&out, body) == nil {
		body = out.Bytes()
	}
	setBody(r, body)
}

// slashed redirects to a path with a slash at its end.
func slashed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/") {
			http.Redirect(w, r, r.URL.Path+"/?session=hush", http.StatusMovedPermanently)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// decodeFiber is a middleware of a fiber app that decodes bodies for everybody after it.
func decodeFiber(c *fiber.Ctx) error {
	if c.Get("Content-Encoding") == "gzip" {
		plain, err := c.Request().BodyGunzip()
		if err != nil {
			return err
		}
		c.Request().Header.Del("Content-Encoding")
		c.Request().SetBody(plain)
	}
	return c.Next()
}

// guardForms refuses forms without the token of a session, as CSRF guards do.
func guardForms(c *fiber.Ctx) error {
	if c.Method() == fiber.MethodPost && c.Get("X-Csrf-Token") == "" {
		return fiber.ErrForbidden
	}
	return c.Next()
}

// limit lets n calls through, and then none for a long time.
func limit(n int32) fiber.Handler {
	var calls atomic.Int32
	return func(c *fiber.Ctx) error {
		if calls.Add(1) > n {
			return fiber.ErrTooManyRequests
		}
		return c.Next()
	}
}
