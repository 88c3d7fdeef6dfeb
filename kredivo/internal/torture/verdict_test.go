package main

import (
	"database/sql"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/doku"
	"github.com/paylater-go/paylater/kredivo/store"
	"github.com/paylater-go/paylater/money"
)

// judge sees every kind of broken promise, and nothing where all is well.
func TestJudge(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change string
		want   verdict
	}{
		"all is well":           {`SELECT 1`, verdict{}},
		"notification gone":     {`DELETE FROM kredivo_inbox`, verdict{Lost: 1}},
		"body changed":          {`UPDATE kredivo_inbox SET body = CAST(body || ' ' AS BLOB)`, verdict{Lost: 1, Stray: 1}},
		"header changed":        {`UPDATE kredivo_inbox SET header = replace(header, 'HMACSHA256=', 'HMACSHA256=A')`, verdict{Lost: 1, Stray: 1}},
		"shipped twice":         {`INSERT INTO shop_effect SELECT * FROM shop_effect`, verdict{Double: 1}},
		"not shipped":           {`DELETE FROM shop_effect`, verdict{Missing: 1}},
		"no event":              {`DELETE FROM shop_effect; DELETE FROM kredivo_event`, verdict{Missing: 1}},
		"shipped for no reason": {`INSERT INTO shop_effect VALUES ('B-1:payment.succeeded')`, verdict{Stray: 1}},
		"attempt gone":          {`DELETE FROM kredivo_attempt`, verdict{Stray: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, _, err := onSQLite(t.Context(), t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			l, invoice := onePayment(t, p, tt.change)
			got, err := p.judge(t.Context(), l, []string{invoice}, true)
			if err != nil {
				t.Fatal(err)
			}
			got.Examples = nil
			tt.want.Acknowledged, tt.want.Integrity = 1, "ok"
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("verdict (-want +got):\n%s", diff)
			}
		})
	}
}

// onePayment makes a payment that went well, and then changes the database.
func onePayment(t *testing.T, p place, change string) (l *ledger, invoice string) {
	t.Helper()
	ctx := t.Context()
	if err := p.prepare(ctx); err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(ctx, p.Store)
	if err != nil {
		t.Fatal(err)
	}
	a := kredivo.Attempt{ID: "a", OrderID: "A", Number: 1, InvoiceNumber: "A-1", RequestID: "r", Amount: money.Rupiah(1), Status: kredivo.Pending}
	n := (&world{}).notice(started{Invoice: a.InvoiceNumber, Amount: a.Amount}, doku.Success, secretKey)
	l = newLedger()
	l.sending(n)
	l.answered(n)
	claim := kredivo.Claim{Token: "t", Now: time.Now(), Lease: time.Minute, Limit: 1}
	e := kredivo.Event{ID: a.InvoiceNumber + ":" + string(kredivo.PaymentSucceeded), Kind: kredivo.PaymentSucceeded, OrderID: a.OrderID}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err = st.Receive(ctx, kredivo.Message{Source: kredivo.FromNotification, Header: n.header, Body: n.body})
	must(err)
	must(st.Change(ctx, kredivo.Scope{OrderID: a.OrderID}, func([]kredivo.Attempt) (kredivo.Decision, error) {
		return kredivo.Decision{Create: &a, Emit: []kredivo.Event{e}}, nil
	}))
	deliveries, err := st.ClaimEvents(ctx, claim)
	must(err)
	for _, d := range deliveries {
		must(st.FinishEvent(ctx, d, kredivo.Outcome{State: kredivo.WorkDone}))
	}
	must(st.Close())
	db, err := sql.Open(p.Driver, p.Tables)
	must(err)
	must(p.ship(ctx, db, e))
	_, err = db.ExecContext(ctx, change)
	must(err)
	must(db.Close())
	return l, a.InvoiceNumber
}
