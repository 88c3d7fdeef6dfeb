package linear

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/doku"
	"github.com/paylater-go/paylater/kredivo/kredivotest"
)

// TestCopiesHaveOneEffect sends copies of one notification at once, to two plugins on one database.
func TestCopiesHaveOneEffect(t *testing.T) {
	const copies = 1000
	for name, database := range databases {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			open := database(t)
			var rows, effects atomic.Int64
			var shops [2]*kredivotest.Shop
			for i := range shops {
				shops[i] = kredivotest.New(t, func(c *kredivotest.Config) {
					c.Plugin.Store = counting{open(t), &rows}
					c.Plugin.OnEvent = func(context.Context, kredivo.Event) error {
						effects.Add(1)
						return nil
					}
				})
			}
			if _, err := shops[0].Plugin.Checkout(ctx, kredivotest.Order("1001", "buyer-7")); err != nil {
				t.Fatal(err)
			}
			body := shops[0].Notification("1001", doku.Success)
			header := shops[0].Sign(body)

			var running sync.WaitGroup
			for n := range copies {
				running.Go(func() { sendUntilAcknowledged(ctx, t, shops[n%len(shops)].Plugin, header, body) })
			}
			running.Wait()
			waitForRest(ctx, t, shops[0].Store)
			if rows.Load() != 1 || effects.Load() != 1 {
				t.Errorf("%d copies are %d rows and had %d effects, want one each", copies, rows.Load(), effects.Load())
			}
		})
	}
}

// counting counts messages that were new.
type counting struct {
	kredivo.Store
	rows *atomic.Int64
}

func (c counting) Receive(ctx context.Context, m kredivo.Message) (bool, error) {
	added, err := c.Store.Receive(ctx, m)
	if added {
		c.rows.Add(1)
	}
	return added, err
}

// sendUntilAcknowledged repeats a notification, as DOKU does, until it is acknowledged.
func sendUntilAcknowledged(ctx context.Context, t *testing.T, p *kredivo.Plugin, header http.Header, body []byte) {
	t.Helper()
	for ctx.Err() == nil {
		r := kredivo.Request{Method: http.MethodPost, Path: kredivotest.NotificationPath, Header: header, Body: body}
		switch resp := p.Routes(kredivo.NotificationRoutes)[0].Serve(ctx, &r); resp.Status {
		case http.StatusOK:
			return
		case http.StatusServiceUnavailable: // too many at once
			<-time.After(20 * time.Millisecond)
		default:
			t.Errorf("status = %d", resp.Status)
			return
		}
	}
	t.Error("not acknowledged in time")
}

// waitForRest waits until all that was received is settled and delivered.
func waitForRest(ctx context.Context, t *testing.T, s kredivo.Store) {
	t.Helper()
	pause := time.NewTicker(20 * time.Millisecond)
	defer pause.Stop()
	for {
		b, err := s.Backlog(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if b == (kredivo.Backlog{}) {
			return
		}
		<-pause.C
	}
}
