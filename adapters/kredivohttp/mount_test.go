package kredivohttp_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/paylater-go/paylater/adapters/adaptertest"
	"github.com/paylater-go/paylater/adapters/kredivohttp"
	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/kredivotest"
)

// shopHooks sell any order to the buyer in the X-Buyer header.
var shopHooks = kredivohttp.Hooks{
	Order: func(r *http.Request, ref string) (kredivo.Order, error) {
		return kredivotest.Order(ref, r.Header.Get("X-Buyer")), nil
	},
	Buyer: func(r *http.Request) (string, error) { return r.Header.Get("X-Buyer"), nil },
}

func TestMountRefuses(t *testing.T) {
	t.Parallel()
	p := kredivotest.New(t).Plugin
	both := kredivo.CheckoutRoutes | kredivo.NotificationRoutes
	for _, tt := range []struct {
		name   string
		mux    kredivohttp.Mux
		prefix string
		plugin *kredivo.Plugin
		group  kredivo.Group
		hooks  kredivohttp.Hooks
		want   []string // in the error
	}{
		{"no mux", nil, "/pay", p, both, shopHooks, []string{"mux is nil"}},
		{"everything at once", http.NewServeMux(), "pay/", nil, both, kredivohttp.Hooks{}, []string{"plugin is nil", "prefix", "Hooks.Order", "Hooks.Buyer"}},
		{"no such group", http.NewServeMux(), "/pay", p, 0, shopHooks, []string{"no routes in group"}},
		{"slash at the end", http.NewServeMux(), "/pay/", p, both, shopHooks, []string{`"/pay/"`}},
		{"root", http.NewServeMux(), "/", p, both, shopHooks, []string{`"/"`}},
		{"unclean", http.NewServeMux(), "/a//b", p, both, shopHooks, []string{`"/a//b"`}},
		{"dots", http.NewServeMux(), "/a/../b", p, both, shopHooks, []string{`"/a/../b"`}},
		{"wildcard", http.NewServeMux(), "/{shop}/pay", p, both, shopHooks, []string{`"/{shop}/pay"`}},
		{"method", http.NewServeMux(), "POST /pay", p, both, shopHooks, []string{`"POST /pay"`}},
	} {
		err := kredivohttp.MountGroup(tt.mux, tt.prefix, tt.plugin, tt.group, tt.hooks)
		if err == nil {
			t.Errorf("%s: no error", tt.name)
			continue
		}
		for _, want := range tt.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error %q does not say %q", tt.name, err, want)
			}
		}
		if tt.mux == nil {
			continue
		}
		if _, err := kredivohttp.HandlerGroup(tt.prefix, tt.plugin, tt.group, tt.hooks); err == nil {
			t.Errorf("%s: HandlerGroup gives no error", tt.name)
		}
	}
	if err := kredivohttp.MountGroup(http.NewServeMux(), "/pay", p, kredivo.NotificationRoutes, kredivohttp.Hooks{}); err != nil {
		t.Errorf("notifications need no hooks: %v", err)
	}
}

// A pattern that is taken is an error that names it, not a panic at start-up.
func TestMountConflict(t *testing.T) {
	t.Parallel()
	p := kredivotest.New(t).Plugin
	for _, taken := range []string{"POST /pay/notifications", "GET /{any}/status/abc"} {
		mux := http.NewServeMux()
		mux.Handle(taken, http.NotFoundHandler())
		err := kredivohttp.Mount(mux, "/pay", p, shopHooks)
		if err == nil || !strings.Contains(err.Error(), taken) {
			t.Errorf("%s: error %v", taken, err)
		}
	}
}

// Exact patterns with a method live beside everything a host may have at the top. A subtree without a
// method, which is what a prefix handler would be, does not.
func TestMountBesideWildcards(t *testing.T) {
	t.Parallel()
	p := kredivotest.New(t).Plugin
	for _, host := range [][]string{
		{"/", "GET /{$}", "GET /{page}", "GET /{page}/checkout", "POST /{shop}/checkout", "GET /pay/{x}/{y}"},
		{"/", "/pay/", "POST /pay/{action}", "shop.example/pay/", "/pay/return/"},
		{"GET /", "POST /{rest...}"},
	} {
		mux := http.NewServeMux()
		for _, pattern := range host {
			mux.Handle(pattern, http.NotFoundHandler())
		}
		if err := kredivohttp.Mount(mux, "/pay", p, shopHooks); err != nil {
			t.Error(err)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error(`net/http now takes "/pay/" beside "GET /": Mount may use fewer patterns`)
		}
	}()
	mux := http.NewServeMux()
	mux.Handle("GET /", http.NotFoundHandler())
	mux.Handle("/pay/", http.NotFoundHandler())
}

// What ServeMux makes of paths and methods that are not quite ours.
func TestServeMuxRouting(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	if err := kredivohttp.Mount(mux, "/pay", kredivotest.New(t).Plugin, shopHooks); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		method, path string
		status       int
		header       string // "name: value"
	}{
		{"POST", "/pay/notifications/", 404, ""},
		{"POST", "/pay//notifications", 307, "Location: /pay/notifications"},
		{"POST", "/pay/x/../notifications", 307, "Location: /pay/notifications"},
		{"POST", "/PAY/notifications", 404, ""},
		{"POST", "/pay/%6eotifications", 404, "X-Kredivo-Plugin: 1"}, // matched decoded, and refused by us
		{"GET", "/pay/notifications", 405, "Allow: POST"},
		{"PUT", "/pay/return/abc", 405, "Allow: GET, HEAD, POST"},
		{"OPTIONS", "/pay/checkout", 405, "Allow: POST"},
		{"HEAD", "/pay/status/abc", 404, "X-Kredivo-Plugin: 1"}, // a GET pattern takes HEAD too
	} {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), tt.method, tt.path, nil))
		name, value, _ := strings.Cut(tt.header, ": ")
		if w.Code != tt.status || w.Header().Get(name) != value {
			t.Errorf("%s %s: %d %v, want %d %s", tt.method, tt.path, w.Code, w.Header(), tt.status, tt.header)
		}
	}
}

func TestHandlerRouting(t *testing.T) {
	t.Parallel()
	pay, err := kredivohttp.Handler("/pay", kredivotest.New(t).Plugin, shopHooks)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{"GET", "/pay/status/abc", 404, ""}, // unknown token, by the core
		{"GET", "/status/abc", 404, ""},
		{"POST", "/pay/notifications", 401, ""},
		{"POST", "/notifications", 401, ""}, // the prefix was stripped
		{"POST", "/pay/pay/notifications", 404, ""},
		{"POST", "/v1/pay/notifications", 404, ""},
		{"POST", "/pay/notifications/", 404, ""},
		{"POST", "/pay/status/", 404, ""},
		{"GET", "/pay", 404, ""},
		{"GET", "/pay/", 404, ""},
		{"DELETE", "/pay/notifications", 405, "POST"},
		{"OPTIONS", "/pay/return/abc", 405, "GET, HEAD, POST"},
	} {
		w := httptest.NewRecorder()
		pay.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), tt.method, tt.path, nil))
		if w.Code != tt.status || w.Header().Get("Allow") != tt.allow {
			t.Errorf("%s %s: %d, Allow %q, want %d, %q", tt.method, tt.path, w.Code, w.Header().Get("Allow"), tt.status, tt.allow)
		}
	}
}

// A CSRF guard reads the form before us and leaves an empty body: the parsed form is as good.
func TestFormParsedByMiddleware(t *testing.T) {
	t.Parallel()
	shop := kredivotest.New(t)
	mux := http.NewServeMux()
	if err := kredivohttp.Mount(mux, "/pay", shop.Plugin, shopHooks); err != nil {
		t.Fatal(err)
	}
	guard := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.PostFormValue("csrf") != "good" {
			http.Error(w, "no token", http.StatusForbidden)
			return
		}
		mux.ServeHTTP(w, r)
	})
	form := url.Values{"csrf": {"good"}, "order": {"form & 1"}}
	r := httptest.NewRequestWithContext(t.Context(), "POST", "/pay/checkout", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("X-Buyer", "ani")
	w := httptest.NewRecorder()
	guard.ServeHTTP(w, r)
	if w.Code != http.StatusSeeOther {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	shop.Invoice("form & 1")

	// A notification is never rebuilt from a form: what was signed is gone.
	body := []byte("a=1&b=2")
	r = httptest.NewRequestWithContext(t.Context(), "POST", "/pay/notifications", bytes.NewReader(body))
	r.Header = shop.Sign(body)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Content-Length", "7")
	if err := r.ParseForm(); err != nil {
		t.Fatal(err)
	}
	w = httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	if w.Code != http.StatusInternalServerError {
		t.Errorf("drained notification: status %d, want 500", w.Code)
	}
}

// net/http's own kind of a read body: the bytes are gone, and DOKU is told to come again.
func TestDrainedBody(t *testing.T) {
	t.Parallel()
	shop := kredivotest.New(t)
	mux := http.NewServeMux()
	if err := kredivohttp.MountGroup(mux, "", shop.Plugin, kredivo.NotificationRoutes, kredivohttp.Hooks{}); err != nil {
		t.Fatal(err)
	}
	mux.Handle("POST /own", kredivohttp.VerifySignature(shop.Plugin)(http.NotFoundHandler()))
	drain := func(n adaptertest.Native) bool { n.Body(); return true }
	server := httptest.NewServer(adaptertest.Wrap(mux, []adaptertest.Middleware{drain}))
	t.Cleanup(server.Close)
	for _, path := range []string{"/notifications", "/own"} {
		body := []byte(`{"any":"thing"}`)
		resp := post(t, server.Client(), server.URL+path, shop.Sign(body), body)
		if resp.StatusCode != http.StatusInternalServerError {
			t.Errorf("%s: status %d, want 500", path, resp.StatusCode)
		}
	}
}

// HTTP/2 has no Content-Length line that must be there, and lower-case header names.
func TestHTTP2(t *testing.T) {
	t.Parallel()
	shop := kredivotest.New(t)
	mux := http.NewServeMux()
	if err := kredivohttp.Mount(mux, "/pay", shop.Plugin, shopHooks); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(mux)
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	body := []byte(`{"any":"thing"}`)
	resp := post(t, server.Client(), server.URL+"/pay/notifications", shop.Sign(body), body)
	if resp.StatusCode != http.StatusOK || resp.ProtoMajor != 2 {
		t.Errorf("status %d over %s", resp.StatusCode, resp.Proto)
	}
	huge := bytes.Repeat([]byte("x"), 1<<20)
	if resp := post(t, server.Client(), server.URL+"/pay/notifications", shop.Sign(huge), huge); resp.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("status %d, want 413", resp.StatusCode)
	}
}

// Both hooks may decode the same JSON body.
func TestHooksDecodeJSON(t *testing.T) {
	t.Parallel()
	type cart struct{ Order, Session string }
	decode := func(r *http.Request) (c cart, err error) {
		err = json.NewDecoder(r.Body).Decode(&c)
		return c, err
	}
	mux := http.NewServeMux()
	if err := kredivohttp.Mount(mux, "/pay", kredivotest.New(t).Plugin, kredivohttp.Hooks{
		Order: func(r *http.Request, _ string) (kredivo.Order, error) {
			c, err := decode(r)
			return kredivotest.Order(c.Order, c.Session), err
		},
		Buyer: func(r *http.Request) (string, error) {
			c, err := decode(r)
			return c.Session, err
		},
	}); err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(t.Context(), "POST", "/pay/checkout", strings.NewReader(`{"order":"json-1","session":"ani"}`))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	if w.Code != http.StatusSeeOther {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
}

func TestWrite(t *testing.T) {
	t.Parallel()
	const awkward = "https://pay.example/%7Euser/a%2Fb/?x=é|\"<>&y=%zz#frag ment"
	resp := &kredivo.Response{
		Status: http.StatusSeeOther,
		Header: http.Header{"Location": {awkward}, "Set-Cookie": {"b=2; Path=/", "c=3"}, "Vary": {"Accept", "Accept-Language"}},
		Body:   []byte("body"),
	}
	w := httptest.NewRecorder()
	w.Header().Set("Set-Cookie", "a=1")
	w.Header().Set("Vary", "Origin")
	kredivohttp.Write(w, resp)
	if got := w.Header()["Location"]; !slices.Equal(got, []string{awkward}) {
		t.Errorf("Location = %q", got)
	}
	if got, want := w.Header()["Set-Cookie"], []string{"a=1", "b=2; Path=/", "c=3"}; !slices.Equal(got, want) {
		t.Errorf("Set-Cookie = %q, want %q", got, want)
	}
	if got, want := w.Header()["Vary"], []string{"Accept", "Accept-Language"}; !slices.Equal(got, want) {
		t.Errorf("Vary = %q, want %q", got, want)
	}
	if w.Code != http.StatusSeeOther || w.Body.String() != "body" {
		t.Errorf("%d %q", w.Code, w.Body)
	}
}

func TestMiddlewareNeedsAPlugin(t *testing.T) {
	t.Parallel()
	for name, build := range map[string]func(){
		"VerifySignature": func() { kredivohttp.VerifySignature(nil) },
		"RequirePaid":     func() { kredivohttp.RequirePaid(nil, func(*http.Request) string { return "" }) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			build()
		}()
	}
}

func post(t *testing.T, client *http.Client, url string, header http.Header, body []byte) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "POST", url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = header
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp
}

func BenchmarkNotification(b *testing.B) {
	adaptertest.Benchmark(b, func(b *testing.B, p *kredivo.Plugin) func(http.Header, []byte) int {
		mux := http.NewServeMux()
		if err := kredivohttp.Mount(mux, "/pay", p, shopHooks); err != nil {
			b.Fatal(err)
		}
		return adaptertest.InProcess(mux)
	})
}
