package kredivogin_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http/httptest"

	"github.com/gin-gonic/gin"

	"github.com/paylater-go/paylater/adapters/kredivogin"
	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/doku"
)

func ExampleMount() {
	r := gin.New()
	err := kredivogin.Mount(r.Group("/pay"), plugin(), kredivogin.Hooks{
		Order: func(c *gin.Context, ref string) (kredivo.Order, error) {
			return kredivo.Order{ID: ref /* and what is in the cart */}, nil
		},
		Buyer: func(c *gin.Context) (string, error) {
			session, err := c.Cookie("session")
			if err != nil {
				return "", errors.New("log in first")
			}
			return session, nil
		},
	})
	if err != nil {
		log.Fatal(err)
	}

	w := httptest.NewRecorder()
	r.ServeHTTP(w, httptest.NewRequest("POST", "/pay/checkout?order=1001", nil))
	fmt.Println(w.Code)
	// Output: 401
}

// Shoppers run in the middleware of their group; DOKU has no session and no CSRF token.
func ExampleMountGroup() {
	p, r := plugin(), gin.New()
	login := func(c *gin.Context) { c.AbortWithStatus(403) }
	if err := kredivogin.MountGroup(r.Group("/pay"), p, kredivo.NotificationRoutes, kredivogin.Hooks{}); err != nil {
		log.Fatal(err)
	}
	if err := kredivogin.MountGroup(r.Group("/pay", login), p, kredivo.CheckoutRoutes, shopHooks); err != nil {
		log.Fatal(err)
	}

	for _, path := range []string{"/pay/checkout", "/pay/notifications"} {
		w := httptest.NewRecorder()
		r.ServeHTTP(w, httptest.NewRequest("POST", path, nil))
		fmt.Println(path, w.Code)
	}
	// Output:
	// /pay/checkout 403
	// /pay/notifications 401
}

// plugin stands for the one that the host makes, with a real store.
func plugin() *kredivo.Plugin {
	p, err := kredivo.New(kredivo.Config{
		DOKU:      doku.Config{ClientID: "MCH-0001-TEST", SecretKey: "SK-test-not-a-secret"},
		PublicURL: "https://shop.example/pay",
		Store:     struct{ kredivo.Store }{},
		OnEvent:   func(context.Context, kredivo.Event) error { return nil },
	})
	if err != nil {
		log.Fatal(err)
	}
	return p
}
