package kredivohttp_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"go.uber.org/goleak"

	"github.com/paylater-go/paylater/adapters/adaptertest"
	"github.com/paylater-go/paylater/adapters/kredivohttp"
	"github.com/paylater-go/paylater/kredivo"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestMount is the suite on an http.ServeMux.
func TestMount(t *testing.T) {
	t.Parallel()
	adaptertest.Run(t, func(t *testing.T, app adaptertest.App) string {
		mux := http.NewServeMux()
		register(mux, app, app.Before)
		for _, m := range app.Mounts {
			wrapped := wrapping{mux, m.Middleware}
			var err error
			if m.Group == 0 {
				err = kredivohttp.Mount(wrapped, m.Prefix, app.Plugin, hooks(app))
			} else {
				err = kredivohttp.MountGroup(wrapped, m.Prefix, app.Plugin, m.Group, hooks(app))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		register(mux, app, app.After)
		return serve(t, mux)
	})
}

// TestHandler is the suite on the handler that routes by itself, behind a mux that knows only prefixes.
func TestHandler(t *testing.T) {
	t.Parallel()
	adaptertest.Run(t, func(t *testing.T, app adaptertest.App) string {
		mux := http.NewServeMux()
		register(mux, app, app.Before)
		for _, m := range app.Mounts {
			g := m.Group
			if g == 0 {
				g = kredivo.CheckoutRoutes | kredivo.NotificationRoutes
			}
			pay, err := kredivohttp.HandlerGroup(m.Prefix, app.Plugin, g, hooks(app))
			if err != nil {
				t.Fatal(err)
			}
			pay = adaptertest.Wrap(pay, m.Middleware)
			if m.Group == 0 {
				for _, method := range []string{"GET ", "POST ", "PUT ", "PATCH ", "DELETE "} {
					mux.Handle(method+m.Prefix+"/", pay)
				}
				continue
			}
			for _, rt := range app.Plugin.Routes(g) {
				mux.Handle(rt.Method+" "+m.Prefix+rt.Path, pay)
			}
		}
		register(mux, app, app.After)
		return serve(t, mux)
	})
}

// TestStripPrefix is the suite behind an outer router that takes the prefix away and puts another one there.
func TestStripPrefix(t *testing.T) {
	t.Parallel()
	adaptertest.Run(t, func(t *testing.T, app adaptertest.App) string {
		outer := http.NewServeMux()
		register(outer, app, app.Before)
		for _, m := range app.Mounts {
			g := m.Group
			if g == 0 {
				g = kredivo.CheckoutRoutes | kredivo.NotificationRoutes
			}
			inner := http.NewServeMux()
			if err := kredivohttp.MountGroup(inner, "/inner", app.Plugin, g, hooks(app)); err != nil {
				t.Fatal(err)
			}
			h := adaptertest.Wrap(http.StripPrefix(m.Prefix, prepend("/inner", inner)), m.Middleware)
			for _, rt := range app.Plugin.Routes(g) {
				outer.Handle(rt.Method+" "+m.Prefix+rt.Path, h)
			}
		}
		register(outer, app, app.After)
		return serve(t, outer)
	})
}

// prepend puts a prefix in front of the path, as a proxy or an outer router may.
func prepend(prefix string, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawPath != "" {
			r.URL.RawPath = prefix + r.URL.RawPath
		}
		r.URL.Path = prefix + r.URL.Path
		h.ServeHTTP(w, r)
	})
}

func hooks(app adaptertest.App) kredivohttp.Hooks {
	return kredivohttp.Hooks{
		Order: func(r *http.Request, ref string) (kredivo.Order, error) {
			return app.Order(adaptertest.HTTP(nil, r), ref)
		},
		Buyer: func(r *http.Request) (string, error) { return app.Buyer(adaptertest.HTTP(nil, r)) },
	}
}

func register(mux *http.ServeMux, app adaptertest.App, routes []adaptertest.Route) {
	for _, rt := range routes {
		var h http.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { rt.Handle(adaptertest.HTTP(w, r)) })
		if rt.Paid != nil {
			h = kredivohttp.RequirePaid(app.Plugin, func(r *http.Request) string { return rt.Paid(adaptertest.HTTP(nil, r)) })(h)
		}
		if rt.Verified {
			h = kredivohttp.VerifySignature(app.Plugin)(h)
		}
		if rt.CatchAll {
			rt.Path = "/"
		}
		pattern := rt.Path
		if rt.Method != "" {
			pattern = rt.Method + " " + rt.Path
		}
		mux.Handle(pattern, h)
	}
}

// wrapping is a Mux that puts middleware around what is registered.
type wrapping struct {
	mux        *http.ServeMux
	middleware []adaptertest.Middleware
}

func (m wrapping) Handle(pattern string, h http.Handler) {
	m.mux.Handle(pattern, adaptertest.Wrap(h, m.middleware))
}

func serve(t *testing.T, h http.Handler) string {
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}
