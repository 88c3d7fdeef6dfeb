package kredivo_test

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/kredivotest"
)

// A story is what happens after a shopper has opened a payment page, act by act.
type story []act

// An act changes an order at DOKU, tells the shop something, or both.
type act struct {
	after    time.Duration // after the act before; of a late one, after the expiry
	late     bool
	becomes  string // the order's new status; empty: it stays
	says     string // the notification's status; empty: none is sent
	amount   string // in the notification, when it is not the order's
	request  string // original_request_id in the notification, when it is not the order's
	body     string // the whole body instead, rightly signed
	elsewise bool   // about an invoice that is nobody's here
	forged   bool   // signed with another key
	old      bool   // signed long ago: a replay from somebody's log
}

// someStory draws one. What DOKU reports by itself may not be reported at all.
func (w *world) someStory() story {
	soon := func() time.Duration { return w.between(5*time.Second, 40*time.Minute) }
	long := func() time.Duration { return w.between(time.Minute, 20*time.Hour) }
	becomes := func(after time.Duration, status string) act {
		a := act{after: after, becomes: status, says: status}
		if w.chance(0.2) {
			a.says = "" // DOKU never tells
		}
		return a
	}
	var s story
	switch w.rng.IntN(9) {
	case 0, 1:
		s = story{becomes(soon(), "SUCCESS")}
	case 2:
		s = story{becomes(soon(), "FAILED"), becomes(long(), "SUCCESS")}
	case 3:
		s = story{becomes(soon(), "FAILED")}
	case 4: // nobody pays
	case 5:
		s = story{becomes(long(), "SUCCESS")}
		s[0].late = true
	case 6:
		s = story{becomes(soon(), "SUCCESS"), becomes(long(), pick(w.scheduler, "REFUNDED", "VOIDED"))}
	case 7:
		s = story{becomes(soon(), "SUCCESS"), {after: soon(), says: pick(w.scheduler, "FAILED", "EXPIRED", "PENDING")}}
	case 8:
		s = story{becomes(soon(), "SUCCESS"), {after: long(), says: "SUCCESS"}} // a resend under a new Request-Id
	}
	extras := []act{
		{says: "SUCCESS", amount: "1"}, {says: "SUCCESS", amount: "1500000.00"}, {says: "SUCCESS", request: "another-request"},
		{says: "ON_HOLD"}, {body: `{"order":`}, {says: "SUCCESS", elsewise: true}, {says: "SUCCESS", forged: true},
		{says: "SUCCESS", old: true}, {says: "FAILED", request: "another-request"},
	}
	for w.chance(w.mix.extras) {
		e := pick(w.scheduler, extras...)
		e.after = soon()
		i := w.rng.IntN(len(s) + 1)
		s = append(s[:i:i], append(story{e}, s[i:]...)...)
	}
	return s
}

// visit is a shopper opening a payment page: the story begins.
func (b *bank) visit(url string) {
	for _, o := range b.orders {
		if o.url == url && !o.visited {
			o.visited = true
			b.perform(o, b.w.storyOf(o))
		}
	}
}

func (b *bank) perform(o *bankOrder, s story) {
	if len(s) == 0 {
		return
	}
	at := time.Now().Add(s[0].after)
	if s[0].late {
		at = o.expires.Add(s[0].after)
	}
	b.w.at(at, fmt.Sprintf("%s at DOKU: %s", o.name, s[0]), func() {
		b.play(o, s[0])
		b.perform(o, s[1:])
	})
}

func (a act) String() string {
	return fmt.Sprintf("becomes %q, says %q%s%s%s", a.becomes, a.says, flag(a.amount != "" || a.request != "", " wrongly"),
		flag(a.forged, " forged"), flag(a.old, " replayed"))
}

func flag(on bool, name string) string {
	if on {
		return name
	}
	return ""
}

func (b *bank) play(o *bankOrder, a act) {
	if a.becomes != "" {
		o.status, o.since = a.becomes, time.Now()
		o.everPaid = o.everPaid || a.becomes == "SUCCESS"
	}
	if a.says != "" || a.body != "" {
		b.send(o, a)
	}
}

// expire ends an order that nobody has paid.
func (b *bank) expire(o *bankOrder) {
	if o.status != "PENDING" {
		return
	}
	a := act{becomes: "EXPIRED"}
	if b.w.chance(0.5) {
		a.says = "EXPIRED"
	}
	b.play(o, a)
}

// A notice is one notification: the same bytes under the same Request-Id at every try.
type notice struct {
	name      string
	o         *bankOrder
	act       act
	requestID string
	body      []byte
	signed    time.Time
	tries     int
	acked     bool
}

// genuine reports whether n tells what it is trusted to tell.
func (n *notice) genuine() bool {
	a := n.act
	return a.amount == "" && a.request == "" && a.body == "" && !a.elsewise && !a.forged && !a.old
}

func (b *bank) send(o *bankOrder, a act) {
	b.notices++
	n := &notice{
		name: fmt.Sprintf("%s n%d %s", o.name, b.notices, a.says), o: o, act: a, requestID: fmt.Sprintf("doku-%d", b.notices), signed: time.Now(),
	}
	if a.old {
		n.signed = n.signed.Add(-48 * time.Hour)
	}
	amount, request, invoice := o.amount.String()+".00", o.requestID, *o
	if b.w.chance(0.1) {
		amount = "1.5E5" // as Java prints it
	}
	if a.amount != "" {
		amount = a.amount
	}
	if a.request != "" {
		request = a.request
	}
	if a.elsewise {
		invoice.invoice = fmt.Sprintf("elsewhere-%d", b.notices)
	}
	n.body = invoice.event(a.says, amount, request, o.since)
	if a.body != "" {
		n.body = fmt.Appendf(nil, "%s %d", a.body, b.notices)
	}
	b.sent[n.requestID] = n
	copies := 1
	if b.w.chance(b.w.mix.duplicate) {
		copies = 2 + b.w.rng.IntN(2)
	}
	for i := range copies {
		twin := *n
		if i > 0 {
			twin.name, twin.tries = fmt.Sprintf("%s copy %d", n.name, i), len(retryAfter) // the first one is what DOKU repeats
		}
		delay := b.w.between(time.Millisecond, time.Minute)
		if i > 0 && b.w.chance(0.2) {
			delay = b.w.between(time.Hour, 96*time.Hour) // somebody plays it again from a log
		}
		b.w.at(time.Now().Add(delay), twin.name+" is sent", func() { b.deliver(&twin) })
	}
}

// retryAfter is when DOKU repeats a notification that was not acknowledged; then it gives up.
var retryAfter = [...]time.Duration{30 * time.Minute, 6 * time.Hour, 12 * time.Hour}

// deliver is one try.
func (b *bank) deliver(n *notice) {
	w := b.w
	in := w.someInstance()
	if in == nil || w.chance(w.mix.lostRequest) {
		w.reach("a notification was lost")
		b.tryAgain(n)
		return
	}
	stamp := n.signed
	if w.mix.restamp && !n.act.old {
		stamp = time.Now()
	}
	at, secret := stamp.UTC().Format(rfc3339UTC), kredivotest.SecretKey
	if n.act.forged {
		secret = "another-secret"
	}
	h := http.Header{
		"Client-Id": {kredivotest.ClientID}, "Request-Id": {n.requestID}, requestTime: {at},
		"Signature": {sign(secret, kredivotest.ClientID, n.requestID, requestTime, at, "/pay/notifications", n.body)},
	}
	switch {
	case n.genuine():
		n.o.told[n.act.says] = true
	case n.act.says == "SUCCESS" && !n.act.forged && !n.act.old && !n.act.elsewise:
		n.o.toldWrong = true
	}
	w.spawn(fmt.Sprintf("%s receive#%s try %d", in.name, n.name, n.tries), func(ctx context.Context) {
		notify := in.plugin.Routes(kredivo.NotificationRoutes)[0]
		resp := notify.Serve(ctx, &kredivo.Request{Method: http.MethodPost, Host: "shop.example", Path: "/pay/notifications", Header: h, Body: n.body})
		f := w.yield(ctx, in, "answer", "")
		if f == killBefore || f == killAfter {
			in.kill()
		}
		w.note("%s: %s answers %d", n.name, in.name, resp.Status)
		switch {
		case in.dead.Load() || f != goOn:
			w.reach("an answer to DOKU was lost")
			b.tryAgain(n)
		case resp.Status == http.StatusOK:
			n.acked = true
			if n.genuine() {
				n.o.acked[n.act.says] = true
			}
			w.checkAcknowledged(n)
		case resp.Status == http.StatusUnauthorized && n.act.forged:
			w.reach("a forged notification was refused")
		case resp.Status == http.StatusServiceUnavailable:
			w.reach("DOKU was told to come back")
			b.tryAgain(n)
		default:
			w.violation("%s was answered %d", n.name, resp.Status)
		}
	})
}

func (b *bank) tryAgain(n *notice) {
	if n.tries >= len(retryAfter) {
		b.w.reach("DOKU gave up a notification")
		return
	}
	b.w.at(time.Now().Add(retryAfter[n.tries]), n.name+" is repeated", func() { b.deliver(n) })
	n.tries++
}
