package dokusim

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// outcome is what the client saw of one call.
type outcome struct {
	result
	callErr, readErr error
}

func (sh *shop) try(ctx context.Context, req *http.Request) (o outcome) {
	resp, err := sh.http.Do(req.WithContext(ctx))
	if err != nil {
		o.callErr = err
		return o
	}
	defer func() { _ = resp.Body.Close() }()
	o.status, o.header = resp.StatusCode, resp.Header
	o.body, o.readErr = io.ReadAll(resp.Body)
	return o
}

// rightlySigned reports whether the answer to a call of req has DOKU's signature.
func (o outcome) rightlySigned(req *http.Request) bool {
	return o.header.Get("Signature") == signedText{
		clientID: testClient, requestID: req.Header.Get("Request-Id"), timeLabel: responseTime, time: o.header.Get(responseTime),
		target: req.URL.EscapedPath(), digest: true, body: o.body,
	}.sign(testSecret)
}

func TestFaults(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		fault  Fault
		check  func(outcome) bool
		signed bool
		exists bool // the order, after the faulty call
	}{
		"500":           {Fault{Kind: ServerError}, func(o outcome) bool { return o.status == 500 }, false, false},
		"503 committed": {Fault{Kind: ServerError, Status: 503, AfterCommit: true}, func(o outcome) bool { return o.status == 503 }, false, true},
		"429":           {Fault{Kind: TooManyRequests}, func(o outcome) bool { return o.status == 429 && o.header.Get("Retry-After") != "" }, false, false},
		"status":        {Fault{Kind: AnswerStatus, Status: 403}, func(o outcome) bool { return o.status == 403 && json.Valid(o.body) }, true, false},
		"envelope":      {Fault{Kind: AnswerStatus, Status: 400, Body: `{"message":["PAYMENT CHANNEL IS INACTIVE"]}`}, func(o outcome) bool { return o.status == 400 && strings.Contains(string(o.body), "INACTIVE") }, true, false},
		"business": {Fault{Kind: BusinessFailure}, func(o outcome) bool {
			return o.status == 200 && strings.Contains(string(o.body), `"payment":{"status":"FAILED"}`)
		}, true, true},
		"html":    {Fault{Kind: HTML}, func(o outcome) bool { return o.status == 502 && strings.HasPrefix(string(o.body), "<html>") }, false, false},
		"garbage": {Fault{Kind: Garbage}, func(o outcome) bool { return o.status == 200 && !json.Valid(o.body) }, true, false},
		"truncated": {Fault{Kind: Truncated, AfterCommit: true}, func(o outcome) bool {
			return o.status == 200 && errors.Is(o.readErr, io.ErrUnexpectedEOF) && len(o.body) > 0
		}, false, true},
		"truncated lost": {Fault{Kind: Truncated}, func(o outcome) bool { return o.status == 200 && errors.Is(o.readErr, io.ErrUnexpectedEOF) }, false, false},
		"endless":        {Fault{Kind: Endless}, func(o outcome) bool { return o.status == 200 && len(o.body) > endlessSize }, false, false},
		"other key":      {Fault{Kind: WrongResponseSignature}, func(o outcome) bool { return o.status == 200 && o.header.Get("Signature") != "" }, false, true},
		"dropped":        {Fault{Kind: DropAnswerAfterCommit}, func(o outcome) bool { return o.callErr != nil }, false, true},
		"timeout":        {Fault{Kind: Timeout, Wait: 1}, func(o outcome) bool { return o.callErr != nil }, false, false},
		"timeout after":  {Fault{Kind: Timeout, Wait: 1, AfterCommit: true}, func(o outcome) bool { return o.callErr != nil }, false, true},
		"slow":           {Fault{Kind: Slow, Wait: 1}, func(o outcome) bool { return o.status == 200 }, true, true},
	}
	for _, kind := range FaultKinds() {
		covered := false
		for _, c := range cases {
			covered = covered || c.fault.Kind == kind
		}
		if !covered {
			t.Errorf("%s is not tested", kind)
		}
	}
	for name, c := range cases {
		for _, sockets := range []bool{false, true} {
			t.Run(name+map[bool]string{true: ", sockets", false: ", in process"}[sockets], func(t *testing.T) {
				t.Parallel()
				sh := newShop(t)
				if sockets {
					sh.overSockets()
				}
				sh.sim.Fail(c.fault)
				req := sh.request("POST", generatePath, "REQ-1", orderBody("INV-1"))
				o := sh.try(t.Context(), req)
				if !c.check(o) {
					t.Errorf("outcome: %d %v %v %.200s", o.status, o.callErr, o.readErr, o.body)
				}
				if o.header != nil && o.rightlySigned(req) != c.signed {
					t.Errorf("rightly signed: %v, want %v", !c.signed, c.signed)
				}
				if _, exists := sh.sim.Order("INV-1"); exists != c.exists {
					t.Errorf("order exists: %v, want %v", exists, c.exists)
				}
				want := map[bool]int{true: http.StatusConflict, false: http.StatusOK}[c.exists]
				if again := sh.do(sh.request("POST", generatePath, "REQ-1", orderBody("INV-1"))); again.status != want {
					t.Errorf("the same call again: %d %s, want %d", again.status, again.body, want)
				}
				if calls := sh.sim.Calls(); len(calls) != 2 || calls[0].Fault != c.fault.Kind || calls[1].Status != want {
					t.Errorf("calls: %+v", calls)
				}
			})
		}
	}
}

// A declined order has no URL and check-status says FAILED.
func TestBusinessFailureIsAnOrder(t *testing.T) {
	t.Parallel()
	sh := newShop(t)
	sh.sim.Fail(Fault{Kind: BusinessFailure})
	if e, got := sh.checkStatus("INV-1"); got.status != 404 || e.Transaction.Status != "" {
		t.Errorf("the fault hit check-status: %s", got.body)
	}
	sh.generate("INV-1")
	if e, _ := sh.checkStatus("INV-1"); e.Transaction.Status != Failed {
		t.Errorf("status: %+v", e)
	}
}

func TestFaultsByEndpointAndNumber(t *testing.T) {
	t.Parallel()
	sh := newShop(t)
	sh.sim.Fail(Fault{Kind: ServerError, Endpoint: CheckStatus, Times: 2})
	sh.sim.Fail(Fault{Kind: TooManyRequests, Endpoint: CheckStatus})
	sh.generate("INV-1")
	for i, want := range []int{500, 500, 429, 200} {
		if got := sh.do(sh.request("GET", statusPath+"INV-1", "S", nil)); got.status != want {
			t.Errorf("call %d: %d, want %d", i, got.status, want)
		}
	}
	sh.sim.Fail(Fault{Kind: ServerError, Times: Always})
	for range 5 {
		if got := sh.do(sh.request("GET", statusPath+"INV-1", "S", nil)); got.status != 500 {
			t.Errorf("%d, want 500", got.status)
		}
	}
	sh.sim.Heal()
	if got := sh.do(sh.request("GET", statusPath+"INV-1", "S", nil)); got.status != 200 {
		t.Errorf("healed: %d", got.status)
	}
}

// A call that hangs ends with the client's patience, or else after a minute.
func TestTimeoutEnds(t *testing.T) {
	t.Parallel()
	for patience, want := range map[time.Duration]time.Duration{5 * time.Second: 5 * time.Second, time.Hour: time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			sh := newShop(t)
			sh.sim.Fail(Fault{Kind: Timeout})
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			began := time.Now()
			o := sh.try(ctx, sh.request("POST", generatePath, "REQ-1", orderBody("INV-1")))
			if o.callErr == nil || time.Since(began) != want {
				t.Errorf("patience %v: %v after %v, want an error after %v", patience, o.callErr, time.Since(began), want)
			}
			if errors.Is(o.callErr, context.DeadlineExceeded) != (patience < time.Minute) {
				t.Errorf("patience %v: %v", patience, o.callErr)
			}
		})
	}
}

// With the real clock, Run keeps DOKU's schedule by itself.
func TestRunKeepsTheSchedule(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		merchant := &shop{t: t, clock: NewManualClock(start), answers: []int{500, 500, 500, 500, 500}}
		sim, err := New(Config{
			ClientID: testClient, SecretKey: testSecret, NotificationURL: notifyURL, HTTPClient: &http.Client{Transport: InProcess(merchant)},
		})
		must(t, err)
		merchant.sim, merchant.http, merchant.base = sim, &http.Client{Transport: sim.Transport()}, "https://api-sandbox.doku.com"
		merchant.clock.Advance(time.Since(start))
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- sim.Run(ctx) }()
		merchant.generate("INV-1")
		began := time.Now()
		must(t, sim.Pay("INV-1"))
		<-time.After(72 * time.Hour)
		cancel()
		must(t, <-ended)
		var got []time.Duration
		for _, d := range sim.Deliveries() {
			got = append(got, d.At.Sub(began))
		}
		want := []time.Duration{time.Second, 30*time.Minute + time.Second, 6*time.Hour + time.Second, 17*time.Hour + 30*time.Minute + time.Second}
		if len(got) != len(want) {
			t.Fatalf("tries after %v, want %v", got, want)
		}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("try %d after %v, want %v", i+1, got[i], want[i])
			}
		}
	})
}
