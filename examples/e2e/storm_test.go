package e2e

import (
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/paylater-go/paylater/kredivo/doku/dokusim"
)

// TestStorm kills a program again and again, at any moment, while shoppers buy and DOKU tells everything three
// times. In the end every order that DOKU has as paid is paid in the shop and shipped once, and no other.
// KREDIVO_KILLS is how often it dies.
func TestStorm(t *testing.T) {
	kills := 12
	if text := os.Getenv("KREDIVO_KILLS"); text != "" {
		var err error
		kills, err = strconv.Atoi(text)
		must(t, err)
	}
	programs := []program{{name: "shop", args: []string{"-framework", "gin"}}}
	if !testing.Short() {
		programs = append(programs, servers()...)
	}
	onPrograms(t, programs, func(t *testing.T, p program) {
		if p.store != "" {
			storm(t, p, (kills+2)/3)
			return
		}
		storm(t, p, kills)
	})
}

func storm(t *testing.T, p program, kills int) {
	retries := make([]time.Duration, 100) // DOKU does not give up while the program is down
	for i := range retries {
		retries[i] = 200 * time.Millisecond
	}
	h := newHost(t, p, retries...)
	h.sim.NotifyFaults(dokusim.NotifyFault{Times: dokusim.Always, Duplicates: 2})

	shop := h.url // restarts write to h
	var placed orders
	over := make(chan struct{})
	var shoppers sync.WaitGroup
	for range 4 {
		shoppers.Go(func() { shopper(t, shop, &placed, over) })
	}
	for range kills {
		bought := h.paid()
		eventually(t, "shoppers to pay", func() bool { return h.paid() > bought })
		<-time.After(rand.N(300 * time.Millisecond))
		h.kill()
		h.restart()
	}
	close(over)
	shoppers.Wait()

	paidAtDOKU := map[string]bool{}
	for _, o := range h.sim.Orders() {
		if o.Status == dokusim.Success {
			paidAtDOKU[o.Invoice] = true
		}
	}
	again, matched := 0, 0
	for _, id := range placed.list() {
		known := h.orders(id)
		if len(known) > 1 {
			t.Errorf("order %s has %d payments at DOKU, want one", id, len(known))
		}
		if len(known) == 0 || !paidAtDOKU[known[0].Invoice] {
			if o := h.look(t, id); o.Status != "unpaid" {
				t.Errorf("order %s is %s, and nobody paid it", id, o.Status)
			}
			continue
		}
		matched++
		h.becomes(t, id, "paid")
		h.hears(t, id, "payment.succeeded")
		if a := h.account(t, id); len(a.Emitted) == 1 && a.Emitted[0].Tries > 1 {
			again++
		}
	}
	if matched != len(paidAtDOKU) || matched < kills {
		t.Errorf("%d of the shop's orders are paid at DOKU, which has %d; want all of them, and no fewer than %d kills", matched, len(paidAtDOKU), kills)
	}
	h.settled(t)
	t.Logf("%d kills: %d orders, %d paid, %d of them delivered more than once", kills, len(placed.list()), matched, again)
}

// paid is how many payments DOKU has taken.
func (h *host) paid() (n int) {
	for _, o := range h.sim.Orders() {
		if o.Status == dokusim.Success {
			n++
		}
	}
	return n
}

// orders are the numbers of the orders that the shop has confirmed.
type orders struct {
	mu  sync.Mutex
	ids []string
}

func (o *orders) add(id string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ids = append(o.ids, id)
}

func (o *orders) list() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]string(nil), o.ids...)
}

// shopper buys until it is over, and tries again whatever the shop does not answer.
func shopper(t *testing.T, shop string, placed *orders, over <-chan struct{}) {
	c := newProgram(t)
	pause := time.NewTicker(20 * time.Millisecond)
	defer pause.Stop()
	// ask tries until the shop answers as it should; false when it is over first.
	ask := func(want int, into any, path, body, media string) bool {
		for {
			select {
			case <-over:
				return false
			case <-pause.C:
			}
			a, err := try(c, "POST", shop+path, body, "Content-Type", media, "Accept", acceptJSON)
			if err != nil || a.status == http.StatusServiceUnavailable {
				continue // the shop is down, or says that it cannot tell
			}
			if a.status != want {
				t.Errorf("POST %s: %d %s", path, a.status, a.body)
				return false
			}
			if err := json.Unmarshal([]byte(a.body), into); err != nil {
				t.Errorf("POST %s: %v", path, err)
				return false
			}
			return true
		}
	}
	for {
		var o order
		if !ask(http.StatusCreated, &o, "/orders", shirts, acceptJSON) {
			return
		}
		placed.add(o.ID)
		var page struct {
			URL string `json:"payment_url"`
		}
		if !ask(http.StatusOK, &page, "/pay/checkout", "order="+o.ID, form) {
			return
		}
		u, err := url.Parse(page.URL)
		if err != nil {
			t.Error(err)
			return
		}
		fields := url.Values{
			"tk": {u.Query().Get("tk")}, "action": {"pay"}, "tenor": {"30_days"},
			"phone": {dokusim.TestPhone}, "pin": {dokusim.TestPIN}, "otp": {dokusim.TestOTP},
		}
		if a, err := try(c, "POST", page.URL, fields.Encode(), "Content-Type", form); err != nil || a.status != http.StatusSeeOther {
			t.Errorf("paying: %d, %v", a.status, err)
		}
	}
}
