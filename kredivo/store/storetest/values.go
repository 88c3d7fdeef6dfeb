package storetest

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/doku"
	"github.com/paylater-go/paylater/money"
)

// full is attempt(orderID, number) with every field that may change changed.
func full(orderID string, number int) kredivo.Attempt {
	a := attempt(orderID, number)
	a.MerchantUniqueReference += "'"
	a.ClientID = "BRN-0002"
	a.Environment = doku.Production
	a.Status = kredivo.Paid
	a.Late = true
	a.Buyer = hash("another buyer")
	a.Token = hash("another token")
	a.Body = nil
	a.PaymentURL = "https://pay.example/?a=1&b=ü"
	a.Identifiers = []doku.Identifier{{Name: "issuer", Value: "KREDIVO"}, {Name: `quo"te`, Value: "<&>é"}}
	a.FailureCode = "declined"
	a.CreatedAt = after(1 * time.Microsecond)
	a.UpdatedAt = after(2 * time.Microsecond)
	a.ExpiresAt = after(3 * time.Microsecond)
	a.PaidAt = after(4 * time.Microsecond)
	a.NextCheckAt = after(5 * time.Microsecond)
	a.Checks = 7
	a.CallToken = "another call"
	a.CallUntil = after(6 * time.Microsecond)
	return a
}

// allBytes has every value of a byte.
func allBytes() []byte {
	b := make([]byte, 256)
	for i := range b {
		b[i] = byte(i)
	}
	return b
}

var valueTests = []test{
	{"attempts come back as they went in", func(p *place) {
		s := p.store()
		empty := kredivo.Attempt{ID: "empty", OrderID: "E", InvoiceNumber: "E", RequestID: "E", Status: kredivo.Created}
		big := full("B", 1)
		big.Body = bytes.Repeat(allBytes(), 32)
		big.Amount = money.Rupiah(999_999_999_999)
		for _, a := range []kredivo.Attempt{full("A", 1), empty, big} {
			p.create(s, a)
			p.same(p.attempts(s, a.OrderID), []kredivo.Attempt{a})
			got, err := s.AttemptByToken(p.Context(), a.Token)
			p.ok(err)
			p.same(got, a)
			p.update(s, with(a, kredivo.Failed)) // frees the token below
			p.update(s, func() kredivo.Attempt { b := with(a, kredivo.Failed); b.Token = hash(a.OrderID); return b }())
		}
	}},

	{"whatever DOKU says of a refusal can be written", func(p *place) {
		s := p.store()
		long := strings.Repeat("x", 1000)
		for id, texts := range map[string][2]string{ // what is given, what is kept
			"nul": {"a\x00b", "a\uFFFDb"}, "bytes": {"\xff\xfe.", "\uFFFD."}, "long": {long + long[:1] + long, long}, "plain": {"déclined", "déclined"},
		} {
			p.create(s, attempt(id, 1))
			a := with(attempt(id, 1), kredivo.Failed)
			a.FailureCode = texts[0]
			a.Identifiers = []doku.Identifier{{Name: texts[0], Value: texts[0]}}
			p.update(s, a)
			got := p.attempts(s, id)[0]
			p.same(got.FailureCode, texts[1])
			p.same(len(got.Identifiers), 1)
		}
	}},

	{"an unknown token is not found", func(p *place) {
		s := p.store()
		a := attempt("A", 1)
		p.create(s, a)
		a.Token[31] ^= 1
		_, err := s.AttemptByToken(p.Context(), a.Token)
		p.is(err, kredivo.ErrNotFound)
		_, err = s.AttemptByToken(p.Context(), kredivo.Hash{})
		p.is(err, kredivo.ErrNotFound)
	}},

	{"messages come back as they went in", func(p *place) {
		s := p.store()
		m := kredivo.Message{
			Source:   kredivo.FromStatus,
			Dedupe:   hash("m"),
			ClientID: "BRN-0001",
			Header: http.Header{
				"Several":   {"one", "", "three, four"},
				"Signature": {"HMACSHA256=" + string(allBytes())},
				"none":      {},
			},
			Body:       allBytes(),
			ReceivedAt: after(time.Microsecond),
		}
		p.receive(s, m)
		got := p.message(s, claim("t", after(time.Second), 1))
		if got.ID == 0 {
			p.Error("no ID was given")
		}
		m.ID, m.Tries, m.Token = got.ID, 1, "t"
		p.same(got, m)
	}},

	{"bodies of any length are kept", func(p *place) {
		s := p.store()
		for i, body := range [][]byte{nil, {}, {0}, bytes.Repeat([]byte{0}, 100), bytes.Repeat(allBytes(), 1024)} {
			m := message(fmt.Sprint(i))
			m.Body = body
			p.receive(s, m)
			if got := p.message(s, claim(fmt.Sprint(i), start, 10)); !bytes.Equal(got.Body, body) {
				p.Errorf("a body of %d bytes came back with %d", len(body), len(got.Body))
			}
		}
	}},

	{"events come back as they went in", func(p *place) {
		s := p.store()
		reported := money.Rupiah(1)
		want := kredivo.Event{
			ID:                      "invoice:alarm",
			Kind:                    kredivo.AmountMismatch,
			OrderID:                 "<&> é \u2028",
			Attempt:                 3,
			InvoiceNumber:           "invoice",
			RequestID:               "request",
			MerchantUniqueReference: "reference",
			Amount:                  money.Rupiah(999_999_999_999),
			Status:                  kredivo.Review,
			OrderStatus:             kredivo.Paid,
			Late:                    true,
			ReportedAmount:          &reported,
			OtherInvoiceNumber:      "other",
			RefusedEventID:          "refused",
			At:                      after(time.Microsecond),
		}
		bare := kredivo.Event{ID: "bare"}
		p.emit(s, want)
		p.emit(s, bare)
		all := p.events(s, claim("t", start, 2))
		p.same(all, []kredivo.Delivery{
			{Event: want, EmittedAt: start, Tries: 1, Token: "t"},
			{Event: bare, EmittedAt: start, Tries: 1, Token: "t"},
		})
	}},

	{"times are kept to the microsecond, in UTC, and zero stays zero", func(p *place) {
		s := p.store()
		jakarta := time.FixedZone("WIB", 7*60*60)
		local := time.Date(2026, 3, 1, 15, 0, 0, 123456789, jakarta)
		want := time.Date(2026, 3, 1, 8, 0, 0, 123456000, time.UTC)

		a := attempt("A", 1)
		a.CreatedAt, a.UpdatedAt, a.ExpiresAt, a.PaidAt, a.NextCheckAt, a.CallUntil = local, local, local, local, local, local
		p.create(s, a)
		a.CreatedAt, a.UpdatedAt, a.ExpiresAt, a.PaidAt, a.NextCheckAt, a.CallUntil = want, want, want, want, want, want
		p.same(p.attempts(s, "A"), []kredivo.Attempt{a})

		var zero time.Time
		a.CreatedAt, a.UpdatedAt, a.ExpiresAt, a.PaidAt, a.NextCheckAt, a.CallUntil = zero, zero, zero, zero, zero, zero
		p.update(s, a)
		p.same(p.attempts(s, "A"), []kredivo.Attempt{a})

		for name, t := range map[string]time.Time{"local": local, "zero": zero, "epoch": time.Unix(0, 0), "old": time.Unix(-1, 999)} {
			m, e := message(name), event(name, name)
			m.ReceivedAt, e.At = t, t
			p.receive(s, m)
			p.emit(s, e)
			kept := t.UTC().Truncate(time.Microsecond)
			p.same(p.message(s, claim(name, local, 1)).ReceivedAt, kept)
			p.same(p.event(s, claim(name, local, 1)).Event.At, kept)
		}

		p.create(s, checkAt("B", 0))
		odd := claim("t", local, 1)
		odd.Lease = time.Minute + 999*time.Nanosecond
		due, err := s.ClaimChecks(p.Context(), odd)
		p.ok(err)
		p.same(due, p.attempts(s, "B"))
	}},

	{"texts are compared exactly", func(p *place) {
		s := p.store()
		// Letter case, trailing space, accents as one character and as two, width, and what LIKE would match.
		names := []string{"order", "Order", "ORDER", "order ", " order", "örder", "o\u0308rder", "ｏrder", "ord_r", "ord%", "'; DROP TABLE kredivo_attempt; --"}
		for _, name := range names {
			p.create(s, attempt(name, 1))
		}
		for _, name := range names {
			p.same(p.attempts(s, name), []kredivo.Attempt{attempt(name, 1)})
			invoice := kredivo.Scope{InvoiceNumber: attempt(name, 1).InvoiceNumber, Now: start}
			p.ok(s.Change(p.Context(), invoice, func(all []kredivo.Attempt) (kredivo.Decision, error) {
				p.same(all, []kredivo.Attempt{attempt(name, 1)})
				return kredivo.Decision{Emit: []kredivo.Event{event(name, name)}}, nil
			}))
		}
		p.same(ids(p.events(s, claim("t", start, 100))), names)
	}},
}
