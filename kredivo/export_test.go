package kredivo

import (
	"context"
	"net/http"
)

// Single passes of the workers, for tests that decide themselves what happens when.

// SettlePass settles one batch of messages.
func (p *Plugin) SettlePass(ctx context.Context) (more bool, err error) { return p.settlePass(ctx) }

// CheckPass asks DOKU about one batch of attempts.
func (p *Plugin) CheckPass(ctx context.Context) (more bool, err error) { return p.checkPass(ctx) }

// PrunePass drops the contents of one batch of old messages.
func (p *Plugin) PrunePass(ctx context.Context) (int, error) { return p.prunePass(ctx) }

// DeliverPass claims up to limit events and delivers them one after another.
func (p *Plugin) DeliverPass(ctx context.Context, limit int) (int, error) {
	d := p.newDeliverer()
	batch, err := p.store.ClaimEvents(ctx, Claim{Token: newID(), Now: p.now(), Lease: p.eventLease(), Limit: limit})
	for _, e := range batch {
		d.slots <- struct{}{}
		d.deliverEvent(ctx, ctx, e)
	}
	return len(batch), err
}

// ExplainTries is how many signatures explaining the refusal of req computes.
func (p *Plugin) ExplainTries(req *Request) int {
	s, _, _ := p.explainer.search(req)
	return maxTries - s.left
}

// ProbeRequest makes the headers of a self-check's call to target.
func (p *Plugin) ProbeRequest(target string, body []byte) http.Header {
	return p.probeRequest(target, body)
}
