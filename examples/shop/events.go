package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/paylater-go/paylater/kredivo"
)

// An event is what the order page shows of a kredivo.Event.
type event struct {
	ID   string
	Kind kredivo.EventKind
	At   string
}

func (pg *pages) events(ctx context.Context, orderID string) ([]event, error) {
	raw, err := pg.shop.Events(ctx, orderID)
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
