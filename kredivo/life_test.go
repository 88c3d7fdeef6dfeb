package kredivo_test

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/doku"
	"github.com/paylater-go/paylater/kredivo/kredivotest"
	"github.com/paylater-go/paylater/kredivo/store/sqlite"
)

// onFailing is a plugin without a shop around it, on a store that counts its calls.
func onFailing(t *testing.T, change func(*kredivo.Config)) (*kredivo.Plugin, *failingStore) {
	t.Helper()
	st, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "kredivo.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	counted := &failingStore{TxStore: st.(kredivo.TxStore)}
	cfg := kredivo.Config{
		DOKU:      doku.Config{ClientID: kredivotest.ClientID, SecretKey: kredivotest.SecretKey},
		PublicURL: kredivotest.PublicURL, Store: counted, Logger: slog.New(slog.DiscardHandler),
		OnEvent: func(context.Context, kredivo.Event) error { return nil },
	}
	change(&cfg)
	p, err := kredivo.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p, counted
}

// Run may be started and stopped as often as one likes, by several at once, with work in flight: every call of
// the host is either finished or given back without counting against it, and nothing is left running.
func TestRunStartsAndStops(t *testing.T) {
	t.Parallel()
	const rounds, runs = 100, 2
	synctest.Test(t, func(t *testing.T) { // which fails when a goroutine is left
		var taken, begun atomic.Int32
		p, st := onFailing(t, func(c *kredivo.Config) {
			c.OnEvent = func(ctx context.Context, _ kredivo.Event) error {
				begun.Add(1)
				select {
				case <-ctx.Done():
					return ctx.Err()
				case <-time.After(30 * time.Millisecond):
					taken.Add(1)
					return nil
				}
			}
		})
		for i := range rounds {
			emit(t, st, fmt.Sprint("order-", i))
			ctx, stop := context.WithCancel(t.Context())
			var running sync.WaitGroup
			for range runs {
				running.Go(func() {
					if err := p.Run(ctx); err != nil {
						t.Errorf("Run = %v", err)
					}
				})
			}
			<-time.After(time.Duration(i%5) * 10 * time.Millisecond) // with i%5 < 3 in the middle of a call
			stop()
			running.Wait()
		}
		done := int32(0)
		for i := range rounds {
			r, err := st.TxStore.Events(t.Context(), fmt.Sprint("order-", i))
			if err != nil || len(r) != 1 || r[0].Failures != 0 {
				t.Fatalf("events of order %d = %+v, %v; want one without a failure", i, r, err)
			}
			if r[0].State == kredivo.WorkDone {
				done++
			}
		}
		if done != taken.Load() || done == 0 || begun.Load() == taken.Load() {
			t.Errorf("%d events done of %d taken and %d begun", done, taken.Load(), begun.Load())
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- p.Run(ctx) }()
		<-time.After(time.Minute)
		stop()
		if err := <-ended; err != nil || taken.Load() != rounds {
			t.Errorf("%d of %d events were taken in the end, %v", taken.Load(), rounds, err)
		}
	})
}

// An idle Run costs a handful of goroutines and one question to the store in each pause. Not parallel: it counts
// the goroutines of the process.
func TestIdleRunCostsNothing(t *testing.T) { //nolint:paralleltest // see above
	synctest.Test(t, func(t *testing.T) {
		p, st := onFailing(t, func(*kredivo.Config) {})
		before := runtime.NumGoroutine()
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- p.Run(ctx) }()
		<-time.After(time.Minute)
		synctest.Wait()
		if n := runtime.NumGoroutine() - before; n > 6 {
			t.Errorf("an idle Run has %d goroutines, want at most 6", n)
		}
		asked := st.named()
		<-time.After(10 * time.Minute)
		synctest.Wait()
		for name, n := range st.named() {
			switch n -= asked[name]; name {
			case "Due": // every five seconds, a fifth more or less
				if n < 95 || n > 155 {
					t.Errorf("%d questions in ten minutes, want about 120", n)
				}
			default:
				if n != 0 {
					t.Errorf("%d calls of %s in ten idle minutes, want none", n, name)
				}
			}
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// While the store fails for an hour, with work waiting, neither calls nor log lines run away; then all goes on.
func TestStoreThatFailsForAnHour(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log lockedBuffer
		var taken atomic.Int32
		p, st := onFailing(t, func(c *kredivo.Config) {
			c.Logger = slog.New(slog.NewTextHandler(&log, nil))
			c.OnEvent = func(context.Context, kredivo.Event) error { taken.Add(1); return nil }
		})
		for i := range 20 {
			emit(t, st, fmt.Sprint("order-", i))
		}
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		st.stay(time.Hour)
		ended := make(chan error, 1)
		go func() { ended <- p.Run(ctx) }()
		<-time.After(time.Hour)
		calls, lines := 0, strings.Count(log.String(), "\n")
		for _, n := range st.named() {
			calls += n
		}
		if limit := 2 * int(time.Hour/(5*time.Second)); calls > limit || lines > calls {
			t.Errorf("%d calls and %d log lines in an hour without a store, want at most %d", calls, lines, limit)
		}
		if !strings.Contains(log.String(), errDown.Error()) {
			t.Error("the log does not say why")
		}
		<-time.After(time.Minute)
		if n := taken.Load(); n != 20 {
			t.Errorf("%d events a minute after the store is back, want 20", n)
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
