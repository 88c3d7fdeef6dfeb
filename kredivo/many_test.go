package kredivo_test

import (
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/kredivotest"
)

// Thousands of open payments are asked about at the agreed pace and in flat memory. Not parallel: it measures
// the heap of the process.
func TestReconcilingThousands(t *testing.T) { //nolint:paralleltest // see above
	const attempts, perSecond, burst = 5000, 2, 8
	synctest.Test(t, func(t *testing.T) {
		l, shared := inLedger(t, nil)
		shop := kredivotest.New(t, shared, func(c *kredivotest.Config) {
			c.Plugin.PollEvery, c.Plugin.OnEventTx = time.Hour, nil
		})
		checkout(t, shop, "1001")
		l.exec(fmt.Sprintf(`INSERT INTO kredivo_attempt
			WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
			SELECT id || '-' || i, order_id || '-' || i, number, invoice_number || '-' || i, request_id || i, amount, reference || i,
				client_id, environment, status, late, buyer, randomblob(32), body, payment_url, identifiers, failure_code,
				created_at, updated_at, expires_at, paid_at, expires_at + 90000000000, checks, call_token, call_until, open_order || i
			FROM kredivo_attempt, n`, attempts-1))

		var asked atomic.Int32
		start := time.Now()
		var heap, peak uint64
		p := sibling(t, shop, func(c *kredivo.Config) {
			c.ChecksPerSecond = perSecond
			c.DOKU.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
				n := int(asked.Add(1))
				if limit := burst + 1 + perSecond*int(time.Since(start)/time.Second+1); n > limit {
					t.Errorf("%d questions in %v, want at most %d", n, time.Since(start), limit)
				}
				if n%500 == 1 {
					peak = max(peak, heapInUse())
				}
				if n == 1 {
					heap = peak
				}
				invoice := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
				return &http.Response{
					StatusCode: http.StatusOK, Header: http.Header{}, ContentLength: -1, Request: r,
					Body: io.NopCloser(strings.NewReader(`{"order":{"invoice_number":"` + invoice + `","amount":150000},"transaction":{"status":"PENDING"}}`)),
				}, nil
			})
		})
		r, err := p.Reconcile(t.Context())
		if want := (kredivo.Reconciled{Asked: attempts}); err != nil || r != want {
			t.Errorf("reconciled %+v, %v; want %+v", r, err, want)
		}
		const room = 8 << 20
		if peak > heap+room {
			t.Errorf("the heap grew from %d to %d bytes", heap, peak)
		}
	})
}

// heapInUse is what is alive on the heap.
func heapInUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
