package kredivogin_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/paylater-go/paylater/adapters/kredivogin"
	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/kredivotest"
)

// TestDocumented runs what docs/adapters.md shows.
func TestDocumented(t *testing.T) {
	t.Parallel()
	p := kredivotest.New(t).Plugin
	order, buyer := shopHooks.Order, shopHooks.Buyer
	download := func(c *gin.Context) { c.String(http.StatusOK, "a book") }

	r := gin.New()
	// snippet:start mount
	pay := r.Group("/pay")
	err := kredivogin.Mount(pay, p, kredivogin.Hooks{Order: order, Buyer: buyer})
	r.GET("/download/:id", kredivogin.RequirePaid(p, func(c *gin.Context) string { return c.Param("id") }), download)
	// snippet:end mount
	if err != nil {
		t.Fatal(err)
	}
	answers(t, r, "POST", "/pay/notifications", http.StatusUnauthorized)
	answers(t, r, "GET", "/download/1001", http.StatusPaymentRequired)
}

// TestDocumentedGroups puts each group under its own middleware, as docs/adapters.md shows.
func TestDocumentedGroups(t *testing.T) {
	t.Parallel()
	p, hooks := kredivotest.New(t).Plugin, shopHooks
	pass := func(c *gin.Context) {}
	sessions, csrf := gin.HandlerFunc(pass), func(c *gin.Context) { c.AbortWithStatus(http.StatusTeapot) }
	operators := func(c *gin.Context) { c.AbortWithStatus(http.StatusForbidden) }

	r := gin.New()
	// snippet:start groups
	browser := r.Group("/pay", sessions, csrf)
	err := errors.Join(
		kredivogin.MountGroup(browser, p, kredivo.CheckoutRoutes, hooks),
		kredivogin.MountGroup(r.Group("/pay"), p, kredivo.NotificationRoutes, kredivogin.Hooks{}),
		kredivogin.MountGroup(r.Group("/admin/pay", operators), p, kredivo.AdminRoutes, kredivogin.Hooks{}),
	)
	// snippet:end groups
	if err != nil {
		t.Fatal(err)
	}
	answers(t, r, "POST", "/pay/checkout", http.StatusTeapot)
	answers(t, r, "POST", "/pay/notifications", http.StatusUnauthorized)
	answers(t, r, "GET", "/admin/pay/health", http.StatusForbidden)
}

func answers(t *testing.T, h http.Handler, method, path string, want int) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, path, http.NoBody))
	if w.Code != want {
		t.Errorf("%s %s: %d, want %d", method, path, w.Code, want)
	}
}
