package kredivohttp_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/paylater-go/paylater/adapters/kredivohttp"
	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/kredivotest"
)

// TestDocumented runs what docs/adapters.md shows.
func TestDocumented(t *testing.T) {
	t.Parallel()
	p := kredivotest.New(t).Plugin
	order := func(*http.Request, string) (kredivo.Order, error) { return kredivo.Order{}, kredivo.ErrOrderNotFound }
	buyer := func(*http.Request) (string, error) { return "user-7", nil }

	mux := http.NewServeMux()
	// snippet:start mount
	err := kredivohttp.Mount(mux, "/pay", p, kredivohttp.Hooks{Order: order, Buyer: buyer})
	// snippet:end mount
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest("POST", "/pay/notifications", http.NoBody))
	if w.Code != http.StatusUnauthorized {
		t.Errorf("an unsigned notification: %d, want 401", w.Code)
	}
}
