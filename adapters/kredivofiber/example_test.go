package kredivofiber_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/paylater-go/paylater/adapters/kredivofiber"
	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/doku"
)

func ExampleMount() {
	app := fiber.New(fiber.Config{ReadTimeout: 10 * time.Second})
	err := kredivofiber.Mount(app.Group("/pay"), plugin(), kredivofiber.Hooks{
		Order: func(c *fiber.Ctx, ref string) (kredivo.Order, error) {
			return kredivo.Order{ID: ref /* and what is in the cart */}, nil
		},
		Buyer: func(c *fiber.Ctx) (string, error) {
			if c.Cookies("session") == "" {
				return "", errors.New("log in first")
			}
			return c.Cookies("session"), nil // copied by the plugin
		},
	})
	if err != nil {
		log.Fatal(err)
	}

	resp, err := app.Test(httptest.NewRequest("POST", "/pay/checkout?order=1001", strings.NewReader("")))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(resp.StatusCode)
	// Output: 401
}

// A file that only paying customers get.
func ExampleRequirePaid() {
	app := fiber.New()
	paid := kredivofiber.RequirePaid(plugin(), func(c *fiber.Ctx) string { return c.Params("order") })
	app.Get("/download/:order", paid, func(c *fiber.Ctx) error { return c.SendFile("book.pdf") })

	resp, err := app.Test(httptest.NewRequest("GET", "/download/1001", nil))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(resp.StatusCode)
	// Output: 402
}

// plugin stands for the one that the host makes, with a real store.
func plugin() *kredivo.Plugin {
	p, err := kredivo.New(kredivo.Config{
		DOKU:      doku.Config{ClientID: "MCH-0001-TEST", SecretKey: "SK-test-not-a-secret"},
		PublicURL: "https://shop.example/pay",
		Store:     empty{},
		OnEvent:   func(context.Context, kredivo.Event) error { return nil },
	})
	if err != nil {
		log.Fatal(err)
	}
	return p
}

// empty is the store of a shop that has not sold anything.
type empty struct{ kredivo.Store }

func (empty) Attempts(context.Context, string) ([]kredivo.Attempt, error) { return nil, nil }
