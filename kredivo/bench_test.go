package kredivo_test

import (
	"fmt"
	"log/slog"
	"testing"

	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/doku"
	"github.com/paylater-go/paylater/kredivo/kredivotest"
)

// One checkout with everything real but the network: two commits and a signed call.
func BenchmarkCheckout(b *testing.B) {
	shop := kredivotest.New(b, func(c *kredivotest.Config) { c.Plugin.Logger = slog.New(slog.DiscardHandler) })
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := shop.Plugin.Checkout(b.Context(), kredivotest.Order(fmt.Sprint(i), "ani")); err != nil {
			b.Fatal(err)
		}
	}
}

// One notification from bytes to committed row, without a framework around it.
func BenchmarkNotification(b *testing.B) {
	shop := kredivotest.New(b, func(c *kredivotest.Config) { c.Plugin.Logger = slog.New(slog.DiscardHandler) })
	if _, err := shop.Plugin.Checkout(b.Context(), kredivotest.Order("1001", "ani")); err != nil {
		b.Fatal(err)
	}
	body := shop.Notification("1001", doku.Success)
	rt := shop.Plugin.Routes(kredivo.NotificationRoutes)[0]
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		header := shop.Sign(body) // a new Request-Id: a new row
		b.StartTimer()
		if resp := rt.Serve(b.Context(), &kredivo.Request{Method: "POST", Header: header, Body: body}); resp.Status != 200 {
			b.Fatal(resp.Status)
		}
	}
}

// What a flood of forged notifications costs: no store, no log line.
func BenchmarkForgedNotification(b *testing.B) {
	shop := kredivotest.New(b, func(c *kredivotest.Config) { c.Plugin.Logger = slog.New(slog.DiscardHandler) })
	if _, err := shop.Plugin.Checkout(b.Context(), kredivotest.Order("1001", "ani")); err != nil {
		b.Fatal(err)
	}
	body := shop.Notification("1001", doku.Success)
	header := shop.Sign(body)
	header.Set("Signature", "HMACSHA256=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
	rt := shop.Plugin.Routes(kredivo.NotificationRoutes)[0]
	b.ReportAllocs()
	for b.Loop() {
		if resp := rt.Serve(b.Context(), &kredivo.Request{Method: "POST", Header: header, Body: body}); resp.Status != 401 {
			b.Fatal(resp.Status)
		}
	}
}
