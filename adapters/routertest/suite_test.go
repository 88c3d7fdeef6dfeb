// Package routertest runs the adapter suite on routers that need no adapter of their own: chi, echo and
// gorilla/mux take what package kredivohttp makes. It is a module of its own so that their versions are
// nobody else's business.
package routertest

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"
	"github.com/gorilla/mux"
	"github.com/labstack/echo/v4"

	"github.com/paylater-go/paylater/adapters/adaptertest"
	"github.com/paylater-go/paylater/adapters/kredivohttp"
	"github.com/paylater-go/paylater/kredivo"
)

// TestChiMount mounts into chi directly: it reads the patterns of http.ServeMux.
func TestChiMount(t *testing.T) {
	t.Parallel()
	adaptertest.Run(t, func(t *testing.T, app adaptertest.App) string {
		r := chi.NewRouter()
		for _, rt := range app.Before {
			chiRoute(r, rt, host(app, rt))
		}
		for _, m := range app.Mounts {
			r.Group(func(r chi.Router) {
				r.Use(func(next http.Handler) http.Handler { return adaptertest.Wrap(next, m.Middleware) })
				if err := kredivohttp.MountGroup(r, m.Prefix, app.Plugin, group(m), hooks(app)); err != nil {
					t.Fatal(err)
				}
			})
		}
		for _, rt := range app.After {
			chiRoute(r, rt, host(app, rt))
		}
		return serve(t, r)
	})
}

// TestChiHandler gives chi one handler for everything under the prefix.
func TestChiHandler(t *testing.T) {
	t.Parallel()
	adaptertest.Run(t, func(t *testing.T, app adaptertest.App) string {
		r := chi.NewRouter()
		for _, rt := range app.Before {
			chiRoute(r, rt, host(app, rt))
		}
		for _, m := range app.Mounts {
			for _, pattern := range patterns(app, m, "/*") {
				r.Handle(pattern, handler(t, app, m))
			}
		}
		for _, rt := range app.After {
			chiRoute(r, rt, host(app, rt))
		}
		return serve(t, r)
	})
}

func chiRoute(r chi.Router, rt adaptertest.Route, h http.Handler) {
	switch {
	case rt.CatchAll:
		r.NotFound(h.ServeHTTP)
	case rt.Method == "":
		r.Handle(rt.Path, h)
	default:
		r.Method(rt.Method, rt.Path, h)
	}
}

func TestEcho(t *testing.T) {
	t.Parallel()
	adaptertest.Run(t, func(t *testing.T, app adaptertest.App) string {
		e := echo.New()
		add := func(rt adaptertest.Route) {
			h := echo.WrapHandler(host(app, rt))
			switch {
			case rt.CatchAll:
				e.RouteNotFound("/*", h)
			case rt.Method == "":
				e.Any(rt.Path, h)
			default:
				e.Add(rt.Method, rt.Path, h)
			}
		}
		for _, rt := range app.Before {
			add(rt)
		}
		for _, m := range app.Mounts {
			for _, pattern := range patterns(app, m, "/*") {
				e.Any(strings.Replace(pattern, "{token}", ":token", 1), echo.WrapHandler(handler(t, app, m)))
			}
		}
		for _, rt := range app.After {
			add(rt)
		}
		return serve(t, e)
	})
}

func TestGorilla(t *testing.T) {
	t.Parallel()
	adaptertest.Run(t, func(t *testing.T, app adaptertest.App) string {
		r := mux.NewRouter()
		add := func(rt adaptertest.Route) {
			h := host(app, rt)
			switch {
			case rt.CatchAll:
				r.NotFoundHandler = h
			case rt.Method == "":
				r.Handle(rt.Path, h)
			default:
				r.Handle(rt.Path, h).Methods(rt.Method)
			}
		}
		for _, rt := range app.Before {
			add(rt)
		}
		for _, m := range app.Mounts {
			if m.Group == 0 {
				r.PathPrefix(m.Prefix + "/").Handler(handler(t, app, m))
				continue
			}
			for _, pattern := range patterns(app, m, "") {
				r.Handle(pattern, handler(t, app, m))
			}
		}
		for _, rt := range app.After {
			add(rt)
		}
		return serve(t, r)
	})
}

// patterns are where a handler is registered: one for everything, or, when another group shares the
// prefix, each path of its group.
func patterns(app adaptertest.App, m adaptertest.Mount, rest string) []string {
	if m.Group == 0 {
		return []string{m.Prefix + rest}
	}
	seen := map[string]bool{}
	var list []string
	for _, rt := range app.Plugin.Routes(m.Group) {
		if !seen[rt.Path] {
			seen[rt.Path] = true
			list = append(list, m.Prefix+rt.Path)
		}
	}
	return list
}

func group(m adaptertest.Mount) kredivo.Group {
	if m.Group == 0 {
		return kredivo.CheckoutRoutes | kredivo.NotificationRoutes
	}
	return m.Group
}

func handler(t *testing.T, app adaptertest.App, m adaptertest.Mount) http.Handler {
	pay, err := kredivohttp.HandlerGroup(m.Prefix, app.Plugin, group(m), hooks(app))
	if err != nil {
		t.Fatal(err)
	}
	return adaptertest.Wrap(pay, m.Middleware)
}

func hooks(app adaptertest.App) kredivohttp.Hooks {
	return kredivohttp.Hooks{
		Order: func(r *http.Request, ref string) (kredivo.Order, error) {
			return app.Order(adaptertest.HTTP(nil, r), ref)
		},
		Buyer: func(r *http.Request) (string, error) { return app.Buyer(adaptertest.HTTP(nil, r)) },
	}
}

// host is one of the host's own routes, with what stands in front of it.
func host(app adaptertest.App, rt adaptertest.Route) http.Handler {
	var h http.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { rt.Handle(adaptertest.HTTP(w, r)) })
	if rt.Paid != nil {
		h = kredivohttp.RequirePaid(app.Plugin, func(r *http.Request) string { return rt.Paid(adaptertest.HTTP(nil, r)) })(h)
	}
	if rt.Verified {
		h = kredivohttp.VerifySignature(app.Plugin)(h)
	}
	return h
}

func serve(t *testing.T, h http.Handler) string {
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}
