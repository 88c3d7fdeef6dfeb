package e2e

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paylater-go/paylater/kredivo/doku/dokusim"
)

// TestKill takes the power away at the worst moments. Nothing that was acknowledged is lost, and nothing
// takes effect twice. The dead process's claims are left to run out by themselves; the programs wait for
// that side by side.
func TestKill(t *testing.T) {
	for name, kill := range map[string]func(*testing.T, *host){
		"between notification and effect": killBeforeEffect,
		"right after the acknowledgement": killAfterAcknowledgement,
		"while DOKU is asked":             killDuringCheckout,
		"while it is down":                notifiedWhileDown,
	} {
		t.Run(name, func(t *testing.T) {
			onEvery(t, func(t *testing.T, p program) { kill(t, newHost(t, p)) })
		})
	}
}

// killBeforeEffect keeps the shop's database locked, so that the notification is acknowledged and its effect
// cannot be committed; then it kills the program.
func killBeforeEffect(t *testing.T, h *host) {
	id, invoice := h.invoice(t)
	db := h.books("_txlock=immediate")
	defer db.Close()
	lock, err := db.Begin()
	must(t, err)
	must(t, h.sim.Pay(invoice))
	h.acknowledged(t, invoice)
	eventually(t, "the event to be on its way to the handler", func() bool {
		return h.stored(`kredivo_event WHERE state = 'new' AND order_id = '`+id+`' AND tries > 0`) == 1
	})
	h.kill()
	must(t, lock.Rollback())
	if n := h.written(`event WHERE order_id = '` + id + `'`); n != 0 {
		t.Fatalf("%d effects were committed before the kill, want none", n)
	}
	h.restart()
	h.becomes(t, id, "paid")
	h.hears(t, id, "payment.succeeded")
}

// acknowledged waits until the shop has answered 200 to a notification about this invoice.
func (h *host) acknowledged(t *testing.T, invoice string) {
	t.Helper()
	eventually(t, "a notification to be acknowledged", func() bool {
		return slices.Contains(h.answers(invoice, 0), http.StatusOK)
	})
}

// killAfterAcknowledgement kills the program again and again, each time with one more order's notification
// just acknowledged and those of before perhaps still claimed by the dead.
func killAfterAcknowledgement(t *testing.T, h *host) {
	var ids []string
	for range 4 {
		id, invoice := h.invoice(t)
		must(t, h.sim.Pay(invoice))
		h.acknowledged(t, invoice)
		h.kill()
		h.restart()
		ids = append(ids, id)
	}
	for _, id := range ids {
		h.becomes(t, id, "paid")
		h.hears(t, id, "payment.succeeded")
	}
}

// killDuringCheckout kills the program after DOKU has made the order and before its answer arrives. A later
// click gets that order, not a second one, as soon as the dead call's claim on the attempt has run out.
func killDuringCheckout(t *testing.T, h *host) {
	id := h.order(t, newProgram(t))
	h.sim.Fail(dokusim.Fault{Kind: dokusim.Timeout, Endpoint: dokusim.GenerateOrder, AfterCommit: true})
	click := make(chan struct{})
	go func() {
		defer close(click)
		req, err := http.NewRequest("POST", h.url+"/pay/checkout", strings.NewReader("order="+id))
		if err != nil {
			return
		}
		req.Header.Set("Content-Type", form)
		if resp, err := newProgram(t).Do(req); err == nil {
			resp.Body.Close()
		}
	}()
	eventually(t, "DOKU to have the order", func() bool { return len(h.orders(id)) == 1 })
	h.kill()
	<-click
	h.restart()
	eventually(t, "a click to get a payment page", func() bool {
		a := h.tryCheckout(t, newProgram(t), id)
		if a.status != http.StatusOK && a.status != http.StatusServiceUnavailable {
			t.Fatalf("POST /pay/checkout: %d %s, want 200, or 503 for now", a.status, a.body)
		}
		return a.status == http.StatusOK
	})
	known := h.orders(id)
	if len(known) != 1 || known[0].Calls != 2 {
		t.Fatalf("DOKU has %d orders, want 1 after 2 calls", len(known))
	}
	must(t, h.sim.Pay(known[0].Invoice))
	h.becomes(t, id, "paid")
	if o := h.look(t, id); o.Attempts != 1 {
		t.Errorf("attempts = %d, want 1", o.Attempts)
	}
}

// notifiedWhileDown ends the program cleanly; DOKU's retry finds it up again.
func notifiedWhileDown(t *testing.T, h *host) {
	id, invoice := h.invoice(t)
	if code := h.terminate(); code != 0 {
		t.Errorf("exit code after SIGTERM = %d, want 0\n%s", code, h.log.String())
	}
	must(t, h.sim.Pay(invoice))
	eventually(t, "a try in vain", func() bool { return len(h.answers(invoice, 0)) > 0 })
	h.restart()
	h.becomes(t, id, "paid")
	h.hears(t, id, "payment.succeeded")
}

// TestAlone starts a program with no settings but an address: it brings its own DOKU along.
func TestAlone(t *testing.T) {
	onEvery(t, func(t *testing.T, p program) {
		h := &host{t: t, program: p, dir: t.TempDir(), addr: "127.0.0.1:0", store: database(t, p.store), log: &syncBuffer{}}
		printed := h.start()
		t.Cleanup(h.kill)
		match := regexp.MustCompile(`simulator\s+(http://127\.0\.0\.1:\d+)/_sim/`).FindStringSubmatch(printed)
		if match == nil {
			t.Fatalf("no simulator in what the program printed:\n%s", printed)
		}
		id := h.order(t, newProgram(t))
		page := h.checkout(t, id)
		if !strings.HasPrefix(page, match[1]+"/") {
			t.Errorf("payment URL = %s, want one of %s", page, match[1])
		}
		press(t, newBrowser(t), page, "pay")
		h.becomes(t, id, "paid")
		h.hears(t, id, "payment.succeeded")
		if code := h.terminate(); code != 0 {
			t.Errorf("exit code after SIGTERM = %d, want 0\n%s", code, h.log.String())
		}

		h.start() // again, with the same files and a simulator that knows nothing of before
		if o := h.look(t, id); o.Status != "paid" || o.Attempts != 1 {
			t.Errorf("order after a restart = %+v, want paid, 1 attempt", o)
		}
		if !strings.Contains(h.log.String(), "unknown to it") {
			t.Errorf("the log does not say that the simulator forgets:\n%s", h.log.String())
		}
	})
}

// TestHalfConfigured starts programs with settings that cannot work.
func TestHalfConfigured(t *testing.T) {
	onPrograms(t, frameworks(), func(t *testing.T, p program) {
		for name, test := range map[string]struct {
			env  []string
			says []string
		}{
			"half of DOKU":  {[]string{"DOKU_CLIENT_ID=" + clientID}, []string{"DOKU_BASE_URL", "DOKU_SECRET_KEY"}},
			"plain http":    {[]string{"PUBLIC_URL=http://shop.example/pay"}, []string{"PublicURL must be https"}},
			"unknown store": {[]string{"KREDIVO_STORE=oracle://db"}, []string{"sqlite"}},
		} {
			t.Run(name, func(t *testing.T) {
				h := &host{t: t, program: p, dir: t.TempDir(), log: &syncBuffer{}}
				cmd := h.command(append(test.env, "ADDR=127.0.0.1:0")...)
				must(t, cmd.Start())
				ended := make(chan error, 1)
				go func() { ended <- cmd.Wait() }()
				select {
				case err := <-ended:
					if exitCode(err) != 1 {
						t.Errorf("ended with %v, want exit code 1", err)
					}
				case <-time.After(patience):
					_ = cmd.Process.Kill()
					t.Fatal("it runs")
				}
				for _, word := range test.says {
					if !strings.Contains(h.log.String(), word) {
						t.Errorf("the error does not say %q:\n%s", word, h.log.String())
					}
				}
			})
		}
	})
}
