package kredivo

import (
	"context"
	"net/http"
)

// serveHealth says whether the store answers and whether anything waits for a person, or for a Run that
// is not there.
func (p *Plugin) serveHealth(ctx context.Context, _ *Request) (*Response, error) {
	b, err := p.store.Backlog(ctx)
	if err != nil {
		return nil, storeFailed(err)
	}
	status := "ok"
	running := p.running.Load() > 0
	if b.ParkedMessages+b.ParkedEvents > 0 || !running && b.Messages+b.Events > 0 {
		status = "attention"
	}
	return jsonResponse(http.StatusOK, map[string]any{
		"status":          status,
		"running":         running,
		"messages":        b.Messages,
		"events":          b.Events,
		"parked_messages": b.ParkedMessages,
		"parked_events":   b.ParkedEvents,
	}), nil
}
