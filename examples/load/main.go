// Command load measures what a database carries: orders that are started, notifications that are acknowledged,
// and payments that reach the handler.
//
//	go run ./examples/load -store sqlite:load.db -payments 500
//	go run ./examples/load -store postgres://user:password@host/database -instances 3 -payments 2000
//
// DOKU is a simulator in the same process, and the handler does nothing but count. Give it a database of
// its own, with no payments that others still work on.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/paylater-go/paylater/kredivo"
)

type settings struct {
	store     string
	instances int
	clients   int
	payments  int
	idle      time.Duration
}

func main() {
	var s settings
	flag.StringVar(&s.store, "store", "sqlite:load.db", "`address` of the store")
	flag.IntVar(&s.instances, "instances", 1, "plugins with connections of their own")
	flag.IntVar(&s.clients, "clients", 16, "requests at a time")
	flag.IntVar(&s.payments, "payments", 500, "how many payments")
	flag.DurationVar(&s.idle, "idle", 0, "how long to do nothing at the end, and measure that")
	flag.Parse()
	if err := run(context.Background(), s, os.Stdout); err != nil {
		slog.Error("the measurement ended", "error", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, s settings, out io.Writer) (err error) {
	if s.instances < 1 || s.clients < 1 || s.payments < 1 {
		return errors.New("load: instances, clients and payments must be at least 1")
	}
	goroutines := runtime.NumGoroutine()
	shop, err := newShop(ctx, s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, shop.close()) }()
	print := func(what string, n int, m measured) {
		_, _ = fmt.Fprintf(out, "%-26s %8.0f/s  %6.2f ms of CPU each  (%d in %.1f s)\n",
			what, float64(n)/m.took.Seconds(), float64(m.cpu.Microseconds())/1000/float64(n), n, m.took.Seconds())
	}

	started, err := measure(func() error { return shop.each(ctx, shop.checkout) })
	if err != nil {
		return err
	}
	print("orders started", s.payments, started)

	all := time.Now()
	acknowledged, err := measure(func() error { return shop.each(ctx, shop.notify) })
	if err != nil {
		return err
	}
	print("notifications acknowledged", s.payments, acknowledged)
	handled, err := measure(func() error { return shop.wait(ctx) })
	if err != nil {
		return err
	}
	print("payments handled", s.payments, measured{time.Since(all), acknowledged.cpu + handled.cpu})

	if s.idle > 0 {
		idle, err := measure(func() error { return rest(ctx, s.idle) })
		if err != nil {
			return err
		}
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		_, _ = fmt.Fprintf(out, "idle                       %.2f ms of CPU a second, %d goroutines, %.1f MiB of heap\n",
			float64(idle.cpu.Microseconds())/1000/idle.took.Seconds(), runtime.NumGoroutine()-goroutines, float64(m.HeapAlloc)/(1<<20))
	}
	return nil
}

// each calls work for every payment, by so many clients at a time, spread over the instances.
func (s *shop) each(ctx context.Context, work func(ctx context.Context, p *kredivo.Plugin, payment int) error) error {
	var next atomic.Int64
	var clients sync.WaitGroup
	errs := make([]error, s.settings.clients)
	for c := range errs {
		clients.Go(func() {
			for errs[c] == nil {
				i := int(next.Add(1)) - 1
				if i >= s.settings.payments {
					return
				}
				errs[c] = work(ctx, s.plugins[i%len(s.plugins)], i)
			}
		})
	}
	clients.Wait()
	return errors.Join(errs...)
}

func rest(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// measured is what something cost: time, and the time of this process's processors.
type measured struct{ took, cpu time.Duration }

func measure(work func() error) (measured, error) {
	start, cpu := time.Now(), processorTime()
	err := work()
	return measured{time.Since(start), processorTime() - cpu}, err
}

// A counter wakes whoever waits when it has reached its goal.
type counter struct {
	mu      sync.Mutex
	seen    map[string]bool
	goal    int
	reached chan struct{}
}

func (c *counter) add(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.seen[id] || len(c.seen) == c.goal {
		return
	}
	if c.seen[id] = true; len(c.seen) == c.goal {
		close(c.reached)
	}
}
