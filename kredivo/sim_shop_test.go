package kredivo_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/kredivotest"
)

// A shopModel is the host: its handler of events, in one of the two modes, and its shoppers. What the handler
// does is called an effect. In one mode effects are rows of a table beside the plugin's, written in the
// transaction that ends the event; in the other they are counted in memory, as if they were mails.
type shopModel struct {
	w       *world
	effects map[string]int  // by Event.ID, without a transaction
	refuse  map[string]int  // how often the handler refuses an event before it gives in
	tries   map[string]int  // calls of the handler that were not broken off by the plugin itself
	final   map[string]bool // refused with Permanent
	broken  map[string]bool // activities and events whose call was broken off
}

// shopTable is where effects go in a transaction. It has no key: doubles are to be seen, not prevented.
const shopTable = `CREATE TABLE shop_effect (event_id TEXT NOT NULL)`

var errShop = errors.New("the shop's stock system is away")

// onEvent is [kredivo.Config].OnEvent of one instance.
func (s *shopModel) onEvent(in *instance) func(context.Context, kredivo.Event) error {
	return func(ctx context.Context, e kredivo.Event) error {
		w := s.w
		s.tries[e.ID]++
		defer s.uncount(ctx, e)
		f := w.yield(ctx, in, "OnEvent", eventName(e))
		if in.dead.Load() || f == killBefore {
			in.kill()
			return errDead
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		w.checkOrder(e)
		if f == hang {
			return s.stall(ctx, e)
		}
		if err := s.mood(e); err != nil {
			return err
		}
		if f == failBefore {
			return errShop
		}
		s.effects[e.ID]++
		if s.effects[e.ID] > 1 {
			w.reach("an event was delivered again")
		}
		switch f {
		case killAfter:
			in.kill()
			return errDead
		case failAfter:
			return errShop
		default:
			return nil
		}
	}
}

// uncount forgets a call that was broken off because its process stops: that is no failure of the shop's.
func (s *shopModel) uncount(ctx context.Context, e kredivo.Event) {
	if errors.Is(ctx.Err(), context.Canceled) {
		s.tries[e.ID]--
		s.broken[activityOf(ctx)+" "+e.ID] = true
		s.w.reach("a delivery was broken off by a stop")
	}
}

// stall is a handler that takes far too long, and may not heed the end of its context.
func (s *shopModel) stall(ctx context.Context, e kredivo.Event) error {
	if s.w.chance(0.5) {
		<-ctx.Done()
		s.w.reach("the shop was too slow")
		return ctx.Err()
	}
	d := s.w.between(time.Minute, 10*time.Minute)
	s.w.note("the shop is stuck for %s over %s", d, eventName(e))
	s.w.active.Add(1) // the plugin gives it up before it returns
	defer s.w.active.Add(-1)
	<-time.After(d)
	s.w.reach("the shop was stuck")
	return errShop
}

// onEventTx is [kredivo.Config].OnEventTx of one instance. It holds the only writer, so nobody else could go
// on meanwhile: it is no yield point, but its process may end in it all the same.
func (s *shopModel) onEventTx(in *instance) func(context.Context, *sql.Tx, kredivo.Event) error {
	return func(ctx context.Context, tx *sql.Tx, e kredivo.Event) error {
		w := s.w
		f := w.fateOf(&waiter{at: pointOf(activityOf(ctx), "OnEventTx"), in: in})
		w.note("%s: OnEventTx %s%s", in.name, eventName(e), suffix(fateNames[f]))
		if in.dead.Load() || f == killBefore {
			in.kill()
			return errDead
		}
		w.checkOrder(e)
		if err := s.mood(e); err != nil {
			return err
		}
		if f == failBefore || f == hang {
			return errShop
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO shop_effect (event_id) VALUES (?)`, e.ID); err != nil {
			return err
		}
		switch f {
		case killAfter:
			w.reach("killed with the effect written and not committed")
			in.kill()
			return nil // the store sees that it is dead
		case failAfter:
			return errShop
		default:
			return nil
		}
	}
}

// mood is how the shop takes an event: some it refuses, for hours or days.
func (s *shopModel) mood(e kredivo.Event) error {
	w := s.w
	left, known := s.refuse[e.ID]
	if !known {
		switch {
		case w.chance(w.mix.stubborn):
			left = 40 // until the operator has set it right
		case w.chance(w.mix.refusal):
			left = 1 + w.rng.IntN(6)
		}
	}
	if w.healed {
		left = 0
	}
	s.refuse[e.ID] = left - 1
	switch {
	case left <= 0:
		return nil
	case left == 40 && w.chance(0.3):
		w.reach("the shop refused an event for good")
		s.final[e.ID] = true
		return kredivo.Permanent(errShop)
	case w.chance(0.2):
		return kredivo.RetryAfter(errShop, w.between(time.Second, 2*time.Hour))
	case w.chance(0.2):
		panic("the shop's handler has a bug")
	default:
		return errShop
	}
}

// click is a shopper pressing the button.
func (s *shopModel) click(orderID string) {
	w, in := s.w, s.w.someInstance()
	if in == nil {
		return
	}
	w.clicks++
	w.spawnRequest(fmt.Sprintf("%s click#%d", in.name, w.clicks), func(ctx context.Context) {
		c, err := in.plugin.Checkout(ctx, kredivotest.Order(orderID, "buyer-of-"+orderID))
		if f := w.yield(ctx, in, "redirect", orderID); in.dead.Load() || f != goOn {
			if f == killBefore || f == killAfter {
				in.kill()
			}
			return // the browser shows an error
		}
		w.note("%s: click on %s: %s %v", in.name, orderID, c.Attempt.Status, codeOf(err))
		if err != nil {
			if errors.Is(err, kredivo.ErrUnavailable) {
				w.reach("a click failed and was repeated")
				w.at(time.Now().Add(w.between(time.Second, 5*time.Minute)), "click on "+orderID, func() { s.click(orderID) })
			}
			return
		}
		if o := w.bank.byInvoice[c.Attempt.InvoiceNumber]; o == nil || o.url != c.PaymentURL {
			w.violation("the shopper of %s was sent to %q, which is no page of that attempt", orderID, c.PaymentURL)
		}
		w.bank.visit(c.PaymentURL)
		w.at(time.Now().Add(w.between(10*time.Second, time.Hour)), "the shopper of "+orderID+" comes back", func() {
			s.comeBack(c.StatusURL[strings.LastIndexByte(c.StatusURL, '/')+1:])
		})
	})
}

// comeBack is a shopper whom DOKU has sent back to the shop. The visit proves nothing and moves nothing.
func (s *shopModel) comeBack(token string) {
	w, in := s.w, s.w.someInstance()
	if in == nil {
		return
	}
	w.clicks++
	w.spawnRequest(fmt.Sprintf("%s return#%d", in.name, w.clicks), func(ctx context.Context) {
		for _, route := range in.plugin.Routes(kredivo.CheckoutRoutes) {
			if route.Method == http.MethodGet && route.Path == "/return/{token}" {
				resp := route.Serve(ctx, &kredivo.Request{Method: http.MethodGet, Token: token, Header: http.Header{}})
				w.note("%s: the return page answers %d", in.name, resp.Status)
			}
		}
	})
}

func codeOf(err error) kredivo.Code {
	if e, ok := errors.AsType[*kredivo.Error](err); ok {
		return e.Code
	}
	return ""
}

func activityOf(ctx context.Context) string {
	name, _ := ctx.Value(activityKey{}).(string)
	return name
}
