package kredivofiber_test

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/paylater-go/paylater/adapters/kredivofiber"
	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/kredivotest"
)

// TestDocumented runs what docs/adapters.md shows.
func TestDocumented(t *testing.T) {
	t.Parallel()
	p := kredivotest.New(t).Plugin
	order := func(*fiber.Ctx, string) (kredivo.Order, error) { return kredivo.Order{}, kredivo.ErrOrderNotFound }
	buyer := func(*fiber.Ctx) (string, error) { return "user-7", nil }

	// snippet:start mount
	app := fiber.New(fiber.Config{ReadTimeout: 15 * time.Second})
	err := kredivofiber.Mount(app.Group("/pay"), p, kredivofiber.Hooks{Order: order, Buyer: buyer})
	// snippet:end mount
	if err != nil {
		t.Fatal(err)
	}
	resp, err := app.Test(httptest.NewRequest("POST", "/pay/notifications", nil), -1)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != fiber.StatusUnauthorized {
		t.Errorf("an unsigned notification: %d, want 401", resp.StatusCode)
	}
}
