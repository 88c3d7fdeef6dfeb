package kredivogin_test

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/gin-gonic/gin/binding"

	"github.com/paylater-go/paylater/adapters/adaptertest"
	"github.com/paylater-go/paylater/adapters/kredivogin"
	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/kredivotest"
)

// shopHooks sell any order to the buyer in the X-Buyer header.
var shopHooks = kredivogin.Hooks{
	Order: func(c *gin.Context, ref string) (kredivo.Order, error) {
		return kredivotest.Order(ref, c.GetHeader("X-Buyer")), nil
	},
	Buyer: func(c *gin.Context) (string, error) { return c.GetHeader("X-Buyer"), nil },
}

func TestMountRefuses(t *testing.T) {
	t.Parallel()
	p := kredivotest.New(t).Plugin
	both := kredivo.CheckoutRoutes | kredivo.NotificationRoutes
	for _, tt := range []struct {
		name   string
		router gin.IRoutes
		plugin *kredivo.Plugin
		group  kredivo.Group
		hooks  kredivogin.Hooks
		want   []string // in the error
	}{
		{"everything at once", nil, nil, both, kredivogin.Hooks{}, []string{"router is nil", "plugin is nil", "Hooks.Order", "Hooks.Buyer"}},
		{"no such group", gin.New(), p, 1 << 7, shopHooks, []string{"no routes in group 128"}},
		{"no buyer", gin.New(), p, both, kredivogin.Hooks{Order: shopHooks.Order}, []string{"Hooks.Buyer"}},
	} {
		err := kredivogin.MountGroup(tt.router, tt.plugin, tt.group, tt.hooks)
		for _, want := range tt.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error %v does not say %q", tt.name, err, want)
			}
		}
	}
	if err := kredivogin.MountGroup(gin.New(), p, kredivo.NotificationRoutes, kredivogin.Hooks{}); err != nil {
		t.Errorf("notifications need no hooks: %v", err)
	}
}

// Gin panics when routes clash; Mount returns an error that names the route.
func TestMountConflict(t *testing.T) {
	t.Parallel()
	p := kredivotest.New(t).Plugin
	for _, taken := range []string{"/pay/notifications", "/pay/*rest"} {
		engine := gin.New()
		engine.POST(taken, func(*gin.Context) {})
		err := kredivogin.Mount(engine.Group("/pay"), p, shopHooks)
		if err == nil || !strings.Contains(err.Error(), "mount /") {
			t.Errorf("%s: error %v", taken, err)
		}
	}
}

// Under gin's looser ways of matching too, only the exact path is taken; redirects are gin's own.
func TestMountLoose(t *testing.T) {
	t.Parallel()
	engine := gin.New()
	engine.RedirectFixedPath = true
	engine.RemoveExtraSlash = true
	engine.UseRawPath = true
	shop := kredivotest.New(t)
	if err := kredivogin.Mount(engine.Group("/pay"), shop.Plugin, shopHooks); err != nil {
		t.Fatal(err)
	}
	body := []byte(`{"any":"thing"}`)
	for path, want := range map[string]int{
		"/pay/notifications":      200,
		"/pay/notifications/":     307,
		"/PAY/notifications":      307,
		"/pay//notifications":     404,
		"//pay/notifications":     404,
		"/pay/%6eotifications":    307,
		"/pay/notifications%2F":   307,
		"/pay/x/../notifications": 404,
	} {
		if w := serve(engine, "POST", path, shop.Sign(body), body); w.Code != want {
			t.Errorf("%s: status %d, want %d", path, w.Code, want)
		}
	}
}

// What gin itself makes of paths and methods that are not quite ours, as it comes.
func TestGinRouting(t *testing.T) {
	t.Parallel()
	engine := gin.New()
	if err := kredivogin.Mount(engine.Group("/pay"), kredivotest.New(t).Plugin, shopHooks); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		method, path string
		status       int
		marked       bool
	}{
		{"POST", "/pay/notifications", 401, true},
		{"POST", "/pay/notifications/", 307, false}, // a redirect to the route, which DOKU need not follow
		{"POST", "/pay//notifications", 404, false},
		{"POST", "/PAY/notifications", 404, false},
		{"POST", "/pay/%6eotifications", 404, true}, // matched decoded, and refused by us
		{"GET", "/pay/notifications", 404, false},
		{"HEAD", "/pay/status/abc", 404, false},
		{"OPTIONS", "/pay/checkout", 404, false},
	} {
		w := serve(engine, tt.method, tt.path, nil, nil)
		if marked := w.Header().Get(kredivo.Marker) != ""; w.Code != tt.status || marked != tt.marked {
			t.Errorf("%s %s: %d, marker %v, want %d, %v", tt.method, tt.path, w.Code, marked, tt.status, tt.marked)
		}
	}
}

// ShouldBindJSON leaves an empty body and no error behind; ShouldBindBodyWith keeps the bytes.
func TestBodyBoundByMiddleware(t *testing.T) {
	t.Parallel()
	shop := kredivotest.New(t)
	var v map[string]any
	for name, tt := range map[string]struct {
		bind   func(c *gin.Context) error
		status int
	}{
		"ShouldBindJSON":         {func(c *gin.Context) error { return c.ShouldBindJSON(&v) }, 500},
		"GetRawData":             {func(c *gin.Context) error { _, err := c.GetRawData(); return err }, 500},
		"ShouldBindBodyWith":     {func(c *gin.Context) error { return c.ShouldBindBodyWith(&v, binding.JSON) }, 200},
		"ShouldBindBodyWithJSON": {func(c *gin.Context) error { return c.ShouldBindBodyWithJSON(&v) }, 200},
	} {
		engine := gin.New()
		bind := func(c *gin.Context) {
			if err := tt.bind(c); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := kredivogin.Mount(engine.Group("/pay", bind), shop.Plugin, shopHooks); err != nil {
			t.Fatal(err)
		}
		engine.POST("/own", bind, kredivogin.VerifySignature(shop.Plugin), func(c *gin.Context) {
			body, err := c.GetRawData()
			c.Data(http.StatusOK, "", body)
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
		body := []byte(`{"any": "thing"}`)
		header := shop.Sign(body)
		header.Set("Content-Length", "16") // as a server leaves it there
		if w := serve(engine, "POST", "/pay/notifications", header, body); w.Code != tt.status {
			t.Errorf("%s: status %d, want %d", name, w.Code, tt.status)
		}
		w := serve(engine, "POST", "/own", header, body)
		if w.Code != tt.status || w.Code == 200 && !bytes.Equal(w.Body.Bytes(), body) {
			t.Errorf("%s: VerifySignature: %d %s, want %d", name, w.Code, w.Body, tt.status)
		}
	}
}

// A CSRF guard that reads the form does not take the order away.
func TestFormParsedByMiddleware(t *testing.T) {
	t.Parallel()
	shop := kredivotest.New(t)
	engine := gin.New()
	guard := func(c *gin.Context) {
		if c.PostForm("csrf") != "good" {
			c.AbortWithStatus(http.StatusForbidden)
		}
	}
	if err := kredivogin.Mount(engine.Group("/pay", guard), shop.Plugin, shopHooks); err != nil {
		t.Fatal(err)
	}
	form := url.Values{"csrf": {"good"}, "order": {"gin form"}}.Encode()
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "X-Buyer": {"ani"}}
	if w := serve(engine, "POST", "/pay/checkout", header, []byte(form)); w.Code != http.StatusSeeOther {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	shop.Invoice("gin form")
}

// Both hooks may bind the same body, and a hook that has answered in gin's way has answered.
func TestHooks(t *testing.T) {
	t.Parallel()
	type cart struct {
		Order   string `json:"order" binding:"required"`
		Session string `json:"session"`
	}
	engine := gin.New()
	engine.Use(gin.Recovery())
	err := kredivogin.Mount(engine.Group("/:shop/pay"), kredivotest.New(t).Plugin, kredivogin.Hooks{
		Order: func(c *gin.Context, _ string) (kredivo.Order, error) {
			var in cart
			err := c.ShouldBindJSON(&in)
			return kredivotest.Order(c.Param("shop")+in.Order, in.Session), err
		},
		Buyer: func(c *gin.Context) (string, error) {
			var in cart
			if err := c.ShouldBindJSON(&in); err != nil {
				return "", err
			}
			if in.Session == "" {
				c.AbortWithStatusJSON(http.StatusTeapot, gin.H{"say": "log in first"})
				return "", errors.New("no session")
			}
			return in.Session, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	header := http.Header{"Content-Type": {"application/json"}}
	if w := serve(engine, "POST", "/toko/pay/checkout", header, []byte(`{"order":"1","session":"ani"}`)); w.Code != http.StatusSeeOther {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
	w := serve(engine, "POST", "/toko/pay/checkout", header, []byte(`{"order":"1"}`))
	if w.Code != http.StatusTeapot || w.Body.String() != `{"say":"log in first"}` {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// Use after the mount does not reach the mounted routes.
func TestUseAfterMount(t *testing.T) {
	t.Parallel()
	engine := gin.New()
	if err := kredivogin.Mount(engine.Group("/pay"), kredivotest.New(t).Plugin, shopHooks); err != nil {
		t.Fatal(err)
	}
	engine.Use(func(c *gin.Context) { c.AbortWithStatus(http.StatusForbidden) })
	if w := serve(engine, "POST", "/pay/notifications", nil, nil); w.Code != http.StatusUnauthorized {
		t.Errorf("status %d, want our 401", w.Code)
	}
}

func TestMiddlewareNeedsAPlugin(t *testing.T) {
	t.Parallel()
	for name, build := range map[string]func(){
		"VerifySignature": func() { kredivogin.VerifySignature(nil) },
		"RequirePaid":     func() { kredivogin.RequirePaid(nil, func(*gin.Context) string { return "" }) },
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

func serve(h http.Handler, method, path string, header http.Header, body []byte) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, bytes.NewReader(body))
	for name, values := range header {
		r.Header[name] = values
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func BenchmarkNotification(b *testing.B) {
	adaptertest.Benchmark(b, func(b *testing.B, p *kredivo.Plugin) func(http.Header, []byte) int {
		engine := gin.New()
		if err := kredivogin.Mount(engine.Group("/pay"), p, shopHooks); err != nil {
			b.Fatal(err)
		}
		return adaptertest.InProcess(engine)
	})
}
