package store_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/doku/dokusim"
)

// A market is what goes on around the processes of one shop: DOKU, a load balancer, shoppers, and a ledger
// of what the shop has acknowledged and been told.
type market struct {
	t     *testing.T
	doku  *dokusim.Simulator
	api   string           // where DOKU is
	front *httptest.Server // where the shop is; passes requests on to any of its processes
	http  *http.Client

	mu           sync.Mutex
	processes    []*process
	paid         map[string]string         // by order: the invoice that its shopper paid
	acknowledged map[string]bool           // by invoice
	told         map[string]map[string]int // by order and event: how often
}

func newMarket(t *testing.T) *market {
	t.Helper()
	m := &market{
		t: t, http: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 30 * time.Second},
		paid: map[string]string{}, acknowledged: map[string]bool{}, told: map[string]map[string]int{},
	}
	m.front = httptest.NewServer(http.HandlerFunc(m.pass))
	t.Cleanup(m.front.Close)
	var err error
	m.doku, err = dokusim.New(dokusim.Config{
		ClientID: "MCH-0001-TEST", SecretKey: "SK-test-not-a-secret", NotificationURL: m.front.URL + "/pay/notifications",
		NotifyAfter: time.Millisecond, RetryDelays: slices.Repeat([]time.Duration{50 * time.Millisecond}, 2000),
	})
	if err != nil {
		t.Fatal(err)
	}
	m.doku.NotifyFaults(dokusim.NotifyFault{Duplicates: 1, Times: 30})
	api := httptest.NewServer(m.doku)
	m.api = api.URL
	t.Cleanup(api.Close)
	var running sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	running.Go(func() { _ = m.doku.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
	return m
}

// pass is the load balancer. It notes which notifications the shop has acknowledged.
func (m *market) pass(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	m.mu.Lock()
	address := ""
	if n := len(m.processes); n > 0 {
		address = m.processes[rand.IntN(n)].address
	}
	m.mu.Unlock()
	onward, err := http.NewRequestWithContext(r.Context(), r.Method, "http://"+address+r.URL.Path, bytes.NewReader(body))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	onward.Header = r.Header.Clone()
	answer, err := m.http.Do(onward)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer func() { _ = answer.Body.Close() }()
	if r.URL.Path == "/pay/notifications" && answer.StatusCode == http.StatusOK {
		m.acknowledge(body)
	}
	w.WriteHeader(answer.StatusCode)
	_, _ = io.Copy(w, answer.Body)
}

func (m *market) acknowledge(body []byte) {
	var n struct {
		Order struct {
			Invoice string `json:"invoice_number"`
		}
	}
	if err := json.Unmarshal(body, &n); err != nil || n.Order.Invoice == "" {
		m.t.Errorf("a notification without an invoice: %s", body)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.acknowledged[n.Order.Invoice] = true
}

// shoppers buys until ctx ends: n shoppers, each order after order, trying again like people do.
func (m *market) shoppers(ctx context.Context, n int) (wait func()) {
	var running sync.WaitGroup
	for shopper := range n {
		running.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				m.buy(fmt.Sprintf("order-%d-%d", shopper, i))
			}
		})
	}
	return running.Wait
}

func (m *market) buy(order string) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range 3000 {
		<-tick.C
		answer, err := m.http.Post(m.front.URL+"/start/"+order, "", nil)
		if err != nil {
			continue
		}
		invoice, err := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if err != nil || answer.StatusCode != http.StatusOK {
			continue
		}
		if err := m.doku.Pay(string(invoice)); err != nil {
			m.t.Errorf("%s: %v", order, err)
		}
		m.mu.Lock()
		m.paid[order] = string(invoice)
		m.mu.Unlock()
		return
	}
	m.t.Errorf("%s was never taken", order)
}

// sold waits until n more orders have been paid and acknowledged.
func (m *market) sold(n int) {
	m.t.Helper()
	count := func() int {
		m.mu.Lock()
		defer m.mu.Unlock()
		return len(m.acknowledged)
	}
	want := count() + n
	eventually(m.t, "the shop sells", func() bool { return count() >= want || m.t.Failed() })
}

// A process is one process of the shop.
type process struct {
	cmd     *exec.Cmd
	address string
	read    chan struct{} // closed when everything it printed is in the ledger
}

// run starts a process of the shop on a store.
func (m *market) run(binary, dsn string) *process {
	m.t.Helper()
	p := &process{cmd: exec.CommandContext(context.Background(), binary, dsn, m.api, m.front.URL+"/pay"), read: make(chan struct{})}
	p.cmd.Stderr = m.t.Output()
	if _, err := p.cmd.StdinPipe(); err != nil {
		m.t.Fatal(err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		m.t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	lines.Scan()
	address, ok := strings.CutPrefix(lines.Text(), "listening ")
	if !ok {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
		m.t.Fatalf("%s printed %q", binary, lines.Text())
	}
	p.address = address
	go func() {
		defer close(p.read)
		for lines.Scan() {
			m.tell(lines.Text())
		}
	}()
	m.mu.Lock()
	m.processes = append(m.processes, p)
	m.mu.Unlock()
	m.t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait() // fails when it has been waited for
	})
	return p
}

// tell notes an event that a process has printed.
func (m *market) tell(line string) {
	fields := strings.Fields(line)
	if len(fields) != 4 || fields[0] != "event" {
		return // torn by a kill
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.told[fields[1]] == nil {
		m.told[fields[1]] = map[string]int{}
	}
	m.told[fields[1]][fields[3]]++
}

// end ends a process with a signal, and waits for it.
func (m *market) end(p *process, signal syscall.Signal) {
	m.t.Helper()
	if err := p.cmd.Process.Signal(signal); err != nil {
		m.t.Error(err)
	}
	m.mu.Lock()
	m.processes = slices.DeleteFunc(m.processes, func(other *process) bool { return other == p })
	m.mu.Unlock()
	<-p.read
	_ = p.cmd.Wait()
}

// settled waits until everything that shoppers paid has been acknowledged and worked off, and holds the
// ledger against the store: exactly one paid attempt and one delivered event for each.
func (m *market) settled(st kredivo.Store) {
	m.t.Helper()
	m.mu.Lock()
	paid := m.paid
	m.mu.Unlock()
	eventually(m.t, "everything is acknowledged", func() bool {
		m.mu.Lock()
		defer m.mu.Unlock()
		for _, invoice := range paid {
			if !m.acknowledged[invoice] {
				return false
			}
		}
		return true
	})
	eventually(m.t, "everything is worked off", func() bool { return readBacklog(m.t, st) == kredivo.Backlog{} })
	for order, invoice := range paid {
		m.check(st, order, invoice)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(paid) != len(m.acknowledged) {
		m.t.Errorf("%d orders were paid and %d invoices acknowledged", len(paid), len(m.acknowledged))
	}
	m.t.Logf("%d orders were paid", len(paid))
}

func (m *market) check(st kredivo.Store, order, invoice string) {
	m.t.Helper()
	attempts, err := st.Attempts(m.t.Context(), order)
	if err != nil || len(attempts) != 1 || attempts[0].Status != kredivo.Paid || attempts[0].InvoiceNumber != invoice {
		m.t.Errorf("%s was acknowledged, and its attempts are %+v, %v", order, attempts, err)
	}
	events, err := st.Events(m.t.Context(), order)
	if err != nil || len(events) != 1 || events[0].Event.Kind != kredivo.PaymentSucceeded || events[0].State != kredivo.WorkDone {
		m.t.Errorf("%s was acknowledged, and its events are %+v, %v", order, events, err)
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.told[order]) != 1 || m.told[order][events[0].Event.ID] == 0 {
		m.t.Errorf("of %s the shop was told %v", order, m.told[order])
	}
}
