package kredivohttp_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/paylater-go/paylater/adapters/kredivohttp"
	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/doku"
)

func ExampleMount() {
	p := plugin()
	mux := http.NewServeMux()
	err := kredivohttp.Mount(mux, "/pay", p, kredivohttp.Hooks{
		Order: func(r *http.Request, ref string) (kredivo.Order, error) {
			return kredivo.Order{ID: ref /* and what is in the cart */}, nil
		},
		Buyer: func(r *http.Request) (string, error) {
			cookie, err := r.Cookie("session")
			if err != nil {
				return "", errors.New("log in first")
			}
			return cookie.Value, nil
		},
	})
	if err != nil {
		log.Fatal(err)
	}

	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest("POST", "/pay/checkout?order=1001", nil))
	fmt.Println(w.Code)
	// Output: 401
}

func ExampleHandler() {
	pay, err := kredivohttp.Handler("/pay", plugin(), shopHooks)
	if err != nil {
		log.Fatal(err)
	}
	// chi:      router.Handle("/pay/*", pay)
	// echo:     e.Any("/pay/*", echo.WrapHandler(pay))
	// gorilla:  router.PathPrefix("/pay/").Handler(pay)

	w := httptest.NewRecorder()
	pay.ServeHTTP(w, httptest.NewRequest("DELETE", "/pay/checkout", nil))
	fmt.Println(w.Code, w.Header().Get("Allow"))
	// Output: 405 POST
}

func ExampleVerifySignature() {
	settle := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// r.Body is what DOKU signed.
	})
	mux := http.NewServeMux()
	mux.Handle("POST /pay/notifications", kredivohttp.VerifySignature(plugin())(settle))

	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest("POST", "/pay/notifications", nil))
	fmt.Println(w.Code)
	// Output: 401
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
