package kredivo_test

import (
	"context"
	"fmt"
	"time"
)

// The operator's part: what a person does about work that was given up, orders in review and goods that wait.

// redrive is the operator giving parked work another chance.
func (w *world) redrive() {
	in := w.someInstance()
	if in == nil {
		return
	}
	w.passes++
	w.spawnRequest(fmt.Sprintf("%s operator#%d", in.name, w.passes), func(ctx context.Context) {
		n, err := in.plugin.RedriveAll(ctx)
		w.yield(ctx, in, "end", "")
		if n > 0 && err == nil {
			w.reach("parked work was redriven")
		}
	})
}

// review is the operator asking DOKU about the orders that a person must look at.
func (w *world) review() {
	in := w.someInstance()
	var all []string
	w.database.each(`SELECT DISTINCT order_id FROM kredivo_attempt WHERE status = 'REVIEW' ORDER BY order_id`, nil, func(scan func(...any)) {
		var id string
		scan(&id)
		all = append(all, id)
	})
	if in == nil || len(all) == 0 || w.off != nothing {
		return
	}
	w.passes++
	w.spawnRequest(fmt.Sprintf("%s operator#%d", in.name, w.passes), func(ctx context.Context) {
		for _, id := range all {
			_, _ = in.plugin.ReconcileOrder(ctx, id)
		}
		w.yield(ctx, in, "end", "")
	})
}

// askRelease is the operator asking whether an order's goods may be sold to somebody else. Yes would be wrong
// while somebody can pay, and after somebody has paid. DOKU may change its mind about a refusal; nobody can
// know that before.
func (w *world) askRelease(orderID string) {
	in, asked := w.someInstance(), time.Now()
	if in == nil {
		return
	}
	w.passes++
	w.spawnRequest(fmt.Sprintf("%s operator#%d", in.name, w.passes), func(ctx context.Context) {
		yes, err := in.plugin.CanRelease(ctx, orderID)
		w.yield(ctx, in, "end", "")
		w.note("%s: the goods of %s may be released: %t %s", in.name, orderID, yes, codeOf(err))
		if !yes || err != nil || w.off == guard { // without the guard PAID may have been overwritten
			return
		}
		w.reach("goods were released")
		for _, o := range w.bank.orders {
			if o.orderID != orderID || o.created.After(asked) || o.since.After(asked) {
				continue
			}
			if o.status == "SUCCESS" || o.status == "PENDING" && o.visited && time.Now().Before(o.expires) {
				w.violation("the goods of %s are released, but at DOKU it is %s", o.name, o.status)
			}
		}
	})
}
