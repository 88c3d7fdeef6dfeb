package adaptertest

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"path/filepath"
	"testing"

	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/kredivotest"
	"github.com/paylater-go/paylater/kredivo/store/sqlite"
)

// Benchmark measures one signed notification of DOKU's usual size through an adapter, without a network
// and without a disk: what the framework, the adapter, the verification and the core cost. Prepare mounts
// the plugin at /pay and returns a function that handles one POST and returns the status.
func Benchmark(b *testing.B, prepare func(b *testing.B, p *kredivo.Plugin) func(h http.Header, body []byte) int) {
	st, err := sqlite.Open(context.Background(), filepath.Join(b.TempDir(), "kredivo.db"))
	if err != nil {
		b.Fatal(err)
	}
	shop := kredivotest.New(b, func(c *kredivotest.Config) {
		c.Plugin.Store = forgetful{st}
		c.Plugin.Logger = slog.New(slog.DiscardHandler)
	})
	body := make([]byte, 0, 2048)
	body = append(body, `{"order":{"invoice_number":"1001-1-0123456789","amount":150000.00},"padding":"`...)
	for len(body) < 2046 {
		body = append(body, 'x')
	}
	body = append(body, `"}`...)
	header := shop.Sign(body)
	post := prepare(b, shop.Plugin)
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if status := post(header, body); status != http.StatusOK {
			b.Fatalf("status %d", status)
		}
	}
}

// A forgetful store takes notifications and drops them.
type forgetful struct{ kredivo.Store }

func (forgetful) Receive(context.Context, kredivo.Message) (bool, error) { return true, nil }

// InProcess posts to an http.Handler without a network, for Benchmark.
func InProcess(h http.Handler) func(header http.Header, body []byte) int {
	return func(header http.Header, body []byte) int {
		w := &sink{header: http.Header{}}
		h.ServeHTTP(w, &http.Request{
			Method: http.MethodPost, URL: &url.URL{Path: "/pay/notifications"}, Host: "shop.example",
			Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, RemoteAddr: "127.0.0.1:40000",
			Header: header, Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
		})
		return w.status
	}
}

type sink struct {
	header http.Header
	status int
}

func (w *sink) Header() http.Header            { return w.header }
func (w *sink) WriteHeader(status int)         { w.status = status }
func (w *sink) Write(body []byte) (int, error) { return len(body), nil }
