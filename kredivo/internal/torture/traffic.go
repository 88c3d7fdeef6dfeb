package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/paylater-go/paylater/kredivo/doku"
	"github.com/paylater-go/paylater/kredivo/doku/dokusim"
)

// senders is how many payments are on their way at once.
const senders = 8

// A world is all that outlives the shops: DOKU, the shoppers, the ledger, and the time.
type world struct {
	doku   *dokusim.Simulator
	server *httptest.Server
	ledger *ledger
	client *http.Client
	shops  []*instance
	seed   uint64

	ahead   atomic.Int64 // how far the clocks of this world are ahead
	refused atomic.Int64 // forged notices that were answered 401
	orders  orders

	forged  int                 // percent of notices that are sent with a wrong signature besides
	every   time.Duration       // pause between the payments of one sender, but for bursts
	latency func(time.Duration) // told how long each good notice took; may be nil
}

func newWorld(seed uint64) (*world, error) {
	w := &world{ledger: newLedger(), seed: seed}
	sim, err := dokusim.New(dokusim.Config{ClientID: clientID, SecretKey: secretKey, Clock: w})
	if err != nil {
		return nil, err
	}
	w.doku, w.server = sim, httptest.NewServer(sim)
	w.client = &http.Client{
		Timeout:   3 * time.Second, // then another shop is tried
		Transport: &http.Transport{MaxIdleConnsPerHost: 2 * senders},
	}
	return w, nil
}

func (w *world) close() {
	w.client.CloseIdleConnections()
	w.server.Close()
}

// Now is the time in this world: it is DOKU's clock.
func (w *world) Now() time.Time { return time.Now().Add(w.lead()) }

func (w *world) lead() time.Duration { return time.Duration(w.ahead.Load()) }

// run keeps the shops busy until ctx ends.
func (w *world) run(ctx context.Context) {
	var all sync.WaitGroup
	for n := range senders {
		all.Go(func() {
			random := rand.New(rand.NewPCG(w.seed, uint64(n)))
			for ctx.Err() == nil {
				w.payment(ctx, random)
				if w.Now().Second()%10 > 0 { // and a burst every ten seconds
					rest(ctx, w.every)
				}
			}
		})
	}
	all.Wait()
}

// payment is one order from its first click to DOKU's last word.
func (w *world) payment(ctx context.Context, random *rand.Rand) {
	id := w.orders.next()
	var s started
	if !w.start(ctx, random, id, &s) {
		w.orders.stalled(id)
		rest(ctx, 20*time.Millisecond)
		return
	}
	if chance(random, 15) {
		w.tell(ctx, random, s, doku.Failed)
	}
	w.tell(ctx, random, s, doku.Success)
}

// orders are numbered. One whose checkout failed is tried again when nobody can be at it any more.
type orders struct {
	mu    sync.Mutex
	count int
	again []stalled // oldest first
}

type stalled struct {
	id    string
	since time.Time
}

func (o *orders) next() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.again) > 0 && time.Since(o.again[0].since) > leases {
		id := o.again[0].id
		o.again = o.again[1:]
		return id
	}
	o.count++
	return fmt.Sprintf("T%07d", o.count)
}

func (o *orders) stalled(id string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.again = append(o.again, stalled{id, time.Now()})
}

// start clicks once.
func (w *world) start(ctx context.Context, random *rand.Rand, id string, s *started) bool {
	status, body := w.post(ctx, w.pick(random)+"/start?order="+id, nil, nil)
	return status == http.StatusOK && json.Unmarshal(body, s) == nil
}

// tell reports a status until that is acknowledged. One notice in four is sent twice at the same time, and
// some come again under another Request-Id.
func (w *world) tell(ctx context.Context, random *rand.Rand, s started, status doku.Status) {
	n := w.notice(s, status, secretKey)
	if chance(random, 25) {
		var twin sync.WaitGroup
		url := w.pick(random)
		twin.Go(func() { w.send(ctx, url, n) })
		defer twin.Wait()
	}
	if chance(random, w.forged) {
		w.forge(ctx, random, s)
	}
	for !w.send(ctx, w.pick(random), n) {
		if !rest(ctx, 20*time.Millisecond) {
			return
		}
	}
	if chance(random, 3) {
		w.send(ctx, w.pick(random), w.notice(s, status, secretKey))
	}
}

// send brings a notice to one shop and reports whether it was acknowledged.
func (w *world) send(ctx context.Context, url string, n notice) bool {
	w.ledger.sending(n)
	begun := time.Now()
	status, _ := w.post(ctx, url+prefix+"/notifications", n.header, n.body)
	if status/100 != 2 {
		return false
	}
	w.ledger.answered(n)
	if w.latency != nil {
		w.latency(time.Since(begun))
	}
	return true
}

// forge sends a notice that DOKU did not sign. It is not in the ledger: its row would be a stray.
func (w *world) forge(ctx context.Context, random *rand.Rand, s started) {
	n := w.notice(s, doku.Success, secretKey+" but another one")
	if status, _ := w.post(ctx, w.pick(random)+prefix+"/notifications", n.header, n.body); status == http.StatusUnauthorized {
		w.refused.Add(1)
	}
}

func (w *world) post(ctx context.Context, url string, header http.Header, body []byte) (status int, answer []byte) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return 0, nil
	}
	req.Header = header.Clone()
	resp, err := w.client.Do(req)
	if err != nil {
		return 0, nil
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err = io.ReadAll(resp.Body)
	if err != nil {
		return resp.StatusCode, nil
	}
	return resp.StatusCode, answer
}

// pick is the address of any shop that is not paused, as a load balancer chooses.
func (w *world) pick(random *rand.Rand) string {
	i := w.shops[random.IntN(len(w.shops))]
	if i.paused.Load() {
		i = w.shops[0] // which is never paused
	}
	return i.url
}

func (w *world) notice(s started, status doku.Status, secret doku.Secret) notice {
	now := w.Now()
	body := fmt.Appendf(nil, `{
  "order": {"invoice_number": %q, "amount": %s.00},
  "transaction": {"status": %q, "date": %q, "original_request_id": %q}
}`, s.Invoice, s.Amount, status, now.UTC().Format(time.RFC3339), s.RequestID)
	return notice{
		header:  doku.SignNotification(secret, clientID, uuid.NewString(), now, prefix+"/notifications", body),
		body:    body,
		invoice: s.Invoice,
		status:  status,
	}
}

// invoices are those of the orders that DOKU has.
func (w *world) invoices() []string {
	var all []string
	for _, o := range w.doku.Orders() {
		all = append(all, o.Invoice)
	}
	return all
}

func chance(random *rand.Rand, percent int) bool { return random.IntN(100) < percent }
