package network

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/doku"
	"github.com/paylater-go/paylater/kredivo/internal/proofs/server"
	"github.com/paylater-go/paylater/kredivo/store"
)

func TestPostgres(t *testing.T) {
	t.Parallel()
	testDatabase(t, server.NewPostgres(t))
}

func TestMariaDB(t *testing.T) {
	t.Parallel()
	testDatabase(t, server.NewMariaDB(t))
}

// testDatabase has notifications arrive while the link to the database is broken. Whatever happens, none is
// acknowledged that is not stored, and the same plugin goes on when the link is whole again.
func testDatabase(t *testing.T, address *url.URL) {
	t.Helper()
	l := newLink(t, address.Host)
	direct := newReceiver(t, address.String())
	address.Host = l.address()
	r := &linked{link: l, receiver: newReceiver(t, address.String()), direct: direct}
	for _, f := range faults {
		r.notify(t, f)
	}
	r.cut(t, 61, true)
	r.cut(t, 7, false) // less than what a server answers to COMMIT
	t.Logf("%d notifications, %d acknowledged, %d stored and not acknowledged", r.sent, r.acknowledged, r.silent)
	if r.silent == 0 {
		t.Error("no commit was ever cut from its answer: the test shows less than it should")
	}
}

// A linked receiver is one on a link, beside one that has a way of its own.
type linked struct {
	*link
	receiver, direct *receiver

	sent, acknowledged int
	silent             int // stored, and not acknowledged
}

// notify sends a notification over a link with a fault.
func (r *linked) notify(t *testing.T, f fault) (acknowledged bool) {
	t.Helper()
	r.heal(t)
	r.receiver.untilAcknowledged(t, newNotification()) // with a connection that was good before
	r.breakIt(t, f)
	n := newNotification()
	status := r.receiver.serve(t, n)
	r.heal(t)

	acknowledged = status == http.StatusOK
	if !acknowledged && status != http.StatusServiceUnavailable {
		t.Errorf("%v: status = %d", f, status)
	}
	stored := r.direct.untilAcknowledged(t, n) == 0
	if acknowledged && !stored {
		t.Errorf("%v: acknowledged and not stored", f)
	}
	r.sent++
	if acknowledged {
		r.acknowledged++
	} else if stored {
		r.silent++
	}
	return acknowledged
}

// cut has connections end after more and more bytes, until the answer comes through.
func (r *linked) cut(t *testing.T, step int, upstream bool) {
	t.Helper()
	for n := 0; n < 100_000; n += step {
		if r.notify(t, cutAfter(n, upstream)) {
			return
		}
	}
	t.Errorf("never acknowledged")
}

// A notification is what DOKU sends.
type notification struct {
	header http.Header
	body   []byte
}

const (
	clientID  = "MCH-0001-TEST"
	secretKey = "SK-test-not-a-secret"
	path      = "/pay/notifications"
)

func newNotification() notification {
	body := fmt.Appendf(nil, `{"order": {"invoice_number": %q, "amount": 150000}, "transaction": {"status": "SUCCESS"}}`, rand.Text())
	return notification{doku.SignNotification(secretKey, clientID, rand.Text(), time.Now(), path, body), body}
}

// A receiver is a plugin whose workers do not run.
type receiver struct {
	route kredivo.Route
	added *atomic.Int64 // messages that were new to its store
}

func newReceiver(t *testing.T, dsn string) *receiver {
	t.Helper()
	s, err := store.Open(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	added := new(atomic.Int64)
	p, err := kredivo.New(kredivo.Config{
		DOKU:      doku.Config{ClientID: clientID, SecretKey: secretKey},
		PublicURL: "https://shop.example/pay",
		Store:     counting{s, added},
		OnEvent:   func(context.Context, kredivo.Event) error { return nil },
		Logger:    slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return &receiver{p.Routes(kredivo.NotificationRoutes)[0], added}
}

// serve has the receiver answer a notification.
func (r *receiver) serve(t *testing.T, n notification) (status int) {
	t.Helper()
	return r.route.Serve(t.Context(), &kredivo.Request{Method: http.MethodPost, Path: path, Header: n.header, Body: n.body}).Status
}

// untilAcknowledged repeats a notification until it is acknowledged, and returns how often it was new.
func (r *receiver) untilAcknowledged(t *testing.T, n notification) (added int64) {
	t.Helper()
	before := r.added.Load()
	for end := time.Now().Add(limit); r.serve(t, n) != http.StatusOK; {
		if time.Now().After(end) {
			t.Fatal("the plugin does not recover")
		}
		<-time.After(20 * time.Millisecond)
	}
	return r.added.Load() - before
}

// counting counts messages that were new.
type counting struct {
	kredivo.Store
	added *atomic.Int64
}

func (c counting) Receive(ctx context.Context, m kredivo.Message) (bool, error) {
	added, err := c.Store.Receive(ctx, m)
	if added {
		c.added.Add(1)
	}
	return added, err
}
