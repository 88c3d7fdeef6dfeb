package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path"

	"github.com/paylater-go/paylater/examples/internal/tinyshop"
	"github.com/paylater-go/paylater/kredivo"
)

// An orderPage is one order as whoever knows its number sees it: without name and address.
type orderPage struct {
	tinyshop.Record
	State    string // key of the heading's text
	Button   string // key of the pay button's text; empty for none
	Attempts int
	Events   []event
}

func (pg *pages) showOrder(v *visit) error {
	ctx := v.r.Context()
	record, err := pg.shop.Record(ctx, path.Base(v.r.URL.Path))
	if err != nil {
		return err
	}
	payment, err := pg.plugin.Payment(ctx, record.ID)
	if err != nil && !errors.Is(err, kredivo.ErrOrderNotFound) { // not found: nobody has pressed pay yet
		return err
	}
	events, err := pg.events(ctx, record.ID)
	if err != nil {
		return err
	}
	o := orderPage{Record: record, Attempts: len(payment.Attempts), Events: events}
	o.State, o.Button, v.Refresh = stateOf(record.Status, payment.Status)
	if record.Buyer != v.buyer && record.Buyer != tinyshop.Guest {
		o.Button = "" // somebody else's order: the plugin would refuse to start a payment
	}
	return v.render(http.StatusOK, "order", "order", o)
}

// stateOf says what the page shows and how soon it looks again. The shop's own books decide whether the
// order is paid; the plugin's word only explains why not yet.
func stateOf(status string, payment kredivo.Status) (state, button string, refresh int) {
	const soon, later = 3, 20 // seconds
	if status != tinyshop.Unpaid {
		return status, "", 0
	}
	switch payment {
	case "":
		return "unpaid", "pay", 0
	case kredivo.Failed:
		return "failed", "again", later
	case kredivo.Expired:
		return "expired", "again", later
	case kredivo.Created, kredivo.Pending:
		return "started", "continue", soon
	default: // decided, and the shop's handler is about to hear of it
		return "started", "", soon
	}
}

// An event is what the order page shows of a kredivo.Event.
type event struct {
	ID   string
	Kind kredivo.EventKind
	At   string
}

func (pg *pages) events(ctx context.Context, orderID string) ([]event, error) {
	raw, _, err := pg.shop.Events(ctx, orderID)
	if err != nil {
		return nil, err
	}
	list := make([]event, len(raw))
	for i, body := range raw {
		var e kredivo.Event
		if err := json.Unmarshal(body, &e); err != nil {
			return nil, fmt.Errorf("shop: read an event: %w", err)
		}
		list[i] = event{e.ID, e.Kind, e.At.UTC().Format("2006-01-02 15:04:05 UTC")}
	}
	return list, nil
}
