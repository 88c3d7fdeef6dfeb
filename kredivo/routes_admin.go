package kredivo

import (
	"context"
	"net/http"
)

// serveHealth says whether the store answers and whether anything waits for a person.
func (p *Plugin) serveHealth(ctx context.Context, _ *Request) (*Response, error) {
	b, err := p.store.Backlog(ctx)
	if err != nil {
		return nil, storeFailed(err)
	}
	status := "ok"
	if b.ParkedMessages+b.ParkedEvents > 0 {
		status = "attention"
	}
	return jsonResponse(http.StatusOK, map[string]any{
		"status":          status,
		"messages":        b.Messages,
		"events":          b.Events,
		"parked_messages": b.ParkedMessages,
		"parked_events":   b.ParkedEvents,
	}), nil
}
