package routertest

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/go-chi/chi/v5"
	"github.com/gorilla/mux"
	"github.com/labstack/echo/v4"

	"github.com/paylater-go/paylater/adapters/kredivohttp"
	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/kredivotest"
)

// TestDocumented runs what docs/adapters.md shows.
func TestDocumented(t *testing.T) {
	t.Parallel()
	p := kredivotest.New(t).Plugin
	hooks := kredivohttp.Hooks{
		Order: func(*http.Request, string) (kredivo.Order, error) { return kredivo.Order{}, kredivo.ErrOrderNotFound },
		Buyer: func(*http.Request) (string, error) { return "user-7", nil },
	}
	check := func(t *testing.T, h http.Handler, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("POST", "/pay/notifications", http.NoBody))
		if w.Code != http.StatusUnauthorized || w.Header().Get(kredivo.Marker) == "" {
			t.Errorf("an unsigned notification: %d, want the plugin's 401", w.Code)
		}
	}
	t.Run("chi", func(t *testing.T) {
		t.Parallel()
		router := chi.NewRouter()
		// snippet:start chi-mount
		err := kredivohttp.Mount(router, "/pay", p, hooks)
		// snippet:end chi-mount
		check(t, router, err)
	})
	t.Run("chi, one handler", func(t *testing.T) {
		t.Parallel()
		router := chi.NewRouter()
		// snippet:start chi-handler
		pay, err := kredivohttp.Handler("/pay", p, hooks)
		router.Handle("/pay/*", pay)
		// snippet:end chi-handler
		check(t, router, err)
	})
	t.Run("echo", func(t *testing.T) {
		t.Parallel()
		e := echo.New()
		// snippet:start echo
		pay, err := kredivohttp.Handler("/pay", p, hooks)
		e.Any("/pay/*", echo.WrapHandler(pay))
		// snippet:end echo
		check(t, e, err)
	})
	t.Run("gorilla", func(t *testing.T) {
		t.Parallel()
		router := mux.NewRouter()
		// snippet:start gorilla
		pay, err := kredivohttp.Handler("/pay", p, hooks)
		router.PathPrefix("/pay/").Handler(pay)
		// snippet:end gorilla
		check(t, router, err)
	})
}
