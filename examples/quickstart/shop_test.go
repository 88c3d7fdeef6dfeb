package main

// snippet:start test
import (
	"testing"

	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/kredivotest"
)

func TestPay(t *testing.T) {
	shop := kredivotest.New(t)
	if _, err := shop.Plugin.Checkout(t.Context(), kredivotest.Order("1001", "user-7")); err != nil {
		t.Fatal(err)
	}
	shop.Pay("1001")                            // as the shopper does on Kredivo's page
	shop.Wait("1001", kredivo.PaymentSucceeded) // OnEvent has been called
}

// snippet:end test
