package kredivo

import "context"

// Events returns everything that happened to the payment of a shop's order and what the shop's handler made
// of it, oldest first: the record to look at when the shop and DOKU disagree. There is none for an unknown
// order. ErrUnavailable when the store does not answer.
func (p *Plugin) Events(ctx context.Context, orderID string) ([]EventRecord, error) {
	events, err := p.store.Events(ctx, orderID)
	if err != nil {
		return nil, storeFailed(err)
	}
	return events, nil
}

// Parked returns work that was given up and waits for a person, up to limit messages of DOKU's that could not
// be settled and up to limit events that the shop's handler refused, each oldest first. Nothing parked is
// ever deleted.
func (p *Plugin) Parked(ctx context.Context, limit int) ([]MessageRecord, []EventRecord, error) {
	messages, events, err := p.store.Parked(ctx, limit)
	if err != nil {
		return nil, nil, storeFailed(err)
	}
	return messages, events, nil
}

// Redrive gives a parked message or event another life: it is due at once and has the whole retry ladder before
// it. It reports whether w was parked; what is not is left alone. Empty work is refused: RedriveAll is for
// everything.
func (p *Plugin) Redrive(ctx context.Context, w Work) (bool, error) {
	if w == (Work{}) {
		return false, newError(CodeInvalidRequest, nil, "name a message or an event, or call RedriveAll")
	}
	n, err := p.redrive(ctx, w)
	return n > 0, err
}

// RedriveAll does that for all parked work, and returns how much it was.
func (p *Plugin) RedriveAll(ctx context.Context) (int, error) { return p.redrive(ctx, Work{}) }

func (p *Plugin) redrive(ctx context.Context, w Work) (int, error) {
	n, err := p.store.Redrive(ctx, w, p.now())
	if err != nil {
		return 0, storeFailed(err)
	}
	p.log.InfoContext(ctx, "parked work redriven", "message", w.MessageID, "event", w.EventID, "redriven", n)
	wake(p.settle)
	wake(p.deliver)
	return n, nil
}
