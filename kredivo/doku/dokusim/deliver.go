package dokusim

import (
	"bytes"
	"container/heap"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"
)

const (
	maxInFlight = 32              // notifications on their way at once
	maxAnswer   = 64 << 10        // bytes read of a merchant's answer, which is documented as empty
	maxIdle     = 1 * time.Second // between looks at a clock that is not the real one
)

// A Delivery is one try to bring one notification to the merchant.
type Delivery struct {
	Invoice      string      `json:"invoice"`
	Status       string      `json:"status"`
	RequestID    string      `json:"request_id"`
	URL          string      `json:"url"`
	At           time.Time   `json:"at"`
	Try          int         `json:"try"`           // 1 for the first
	AnswerStatus int         `json:"answer_status"` // 0: no answer
	Error        string      `json:"error"`         // why there was no answer
	Body         []byte      `json:"-"`
	Header       http.Header `json:"-"` // as sent
}

// Deliveries returns every try so far in the order they ended, at most the last 100,000.
func (s *Simulator) Deliveries() []Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.deliveries)
}

// Waiting returns how many notifications, retries included, wait for their time. Those held back for reordering count too.
func (s *Simulator) Waiting() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.held)
	for _, m := range s.queue {
		if m.expiry == nil {
			n += 1 + len(m.followers)
		}
	}
	return n
}

// Run delivers notifications when they are due, several at once, until ctx ends; then it waits for those on their way, which end with
// ctx too, and returns nil. With a [ManualClock] it is not needed.
func (s *Simulator) Run(ctx context.Context) error {
	var group sync.WaitGroup
	defer group.Wait()
	slots := make(chan struct{}, maxInFlight)
	for {
		m := s.pop()
		if m == nil {
			if !s.rest(ctx) {
				return nil
			}
			continue
		}
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			s.putBack(m)
			return nil
		}
		group.Go(func() {
			s.deliver(ctx, m)
			<-slots
		})
	}
}

// DeliverDue delivers what is due by the simulator's clock, one after the other, and returns how many tries that were. Tests that
// use neither Run nor a [ManualClock] call it.
func (s *Simulator) DeliverDue(ctx context.Context) (tries int) {
	for m := s.pop(); m != nil; m = s.pop() {
		s.deliver(ctx, m)
		tries++
	}
	return tries
}

// deliver makes one try, records it and queues the next one if there is to be one.
func (s *Simulator) deliver(ctx context.Context, m *message) {
	at := s.now()
	destination, req := s.request(ctx, m, at)
	d := Delivery{
		Invoice: m.invoice, Status: m.status, RequestID: m.requestID, URL: destination, At: at, Try: m.try + 1, Body: m.body,
	}
	if req != nil {
		d.Header = req.Header.Clone()
	}
	if m.try < m.drop {
		d.Error = "lost on the way by a fault"
	} else if status, err := s.post(req); err != nil {
		d.Error = err.Error()
	} else {
		d.AnswerStatus = status
	}
	s.log.InfoContext(ctx, "notification", "invoice", m.invoice, "status", m.status, "request_id", m.requestID, "try", d.Try,
		"answer", d.AnswerStatus, "failed", d.Error != "")

	s.mu.Lock()
	defer s.mu.Unlock()
	s.deliveries = appendBounded(s.deliveries, d)
	for _, follower := range m.followers {
		follower.due = s.now()
		s.push(follower)
	}
	delivered := d.AnswerStatus/100 == 2 || s.cfg.StopOnAnswer && d.AnswerStatus != 0
	if delivered || m.once || m.try >= len(s.cfg.RetryDelays) {
		return
	}
	next := *m
	next.followers = nil
	next.due, next.try = s.now().Add(s.cfg.RetryDelays[m.try]), m.try+1
	s.push(&next)
}

// request builds one try. The time and so the signature are fresh in each; the rest stays.
func (s *Simulator) request(ctx context.Context, m *message, at time.Time) (destination string, req *http.Request) {
	s.mu.Lock()
	base := s.notifyURL
	s.mu.Unlock()
	if base == nil { // taken away since the message fell due
		return m.url, nil
	}
	target := base.EscapedPath() // of the configured URL; an override has the same path
	destination = base.String()
	if m.url != "" {
		destination = m.url
	}
	if m.target != "" {
		target = m.target
	}
	secret := s.cfg.SecretKey
	if m.badSignature {
		secret += " but another one"
	}
	text := signedText{
		clientID: s.cfg.ClientID, requestID: m.requestID, timeLabel: requestTime, time: at.Add(-m.age).UTC().Format(timeLayout),
		target: target, digest: true, body: m.body,
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, destination, bytes.NewReader(m.body))
	if err != nil {
		return destination, nil
	}
	h := req.Header
	h.Set("Content-Type", "application/json")
	h.Set("User-Agent", "Apache-HttpClient/5.2.3 (Java)")
	h.Set("Accept-Encoding", "gzip, x-gzip, deflate")
	h.Set("Client-Id", text.clientID)
	h.Set("Request-Id", text.requestID)
	h.Set(requestTime, text.time)
	h.Set("Signature", text.sign(secret))
	for name, values := range m.header {
		h[http.CanonicalHeaderKey(name)] = values
	}
	return destination, req
}

func (s *Simulator) post(req *http.Request) (status int, err error) {
	if req == nil {
		return 0, errors.New("no usable notification URL")
	}
	resp, err := s.client.Do(req)
	if err != nil {
		if e, ok := errors.AsType[*url.Error](err); ok {
			err = e.Err // without the URL, which the delivery has already
		}
		return 0, err
	}
	defer func() { _ = resp.Body.Close() }()
	_, err = io.Copy(io.Discard, io.LimitReader(resp.Body, maxAnswer))
	return resp.StatusCode, err
}

// push queues a message. The caller holds mu.
func (s *Simulator) push(m *message) {
	s.sequence++
	m.sequence = s.sequence
	heap.Push(&s.queue, m)
	s.poke()
}

func (s *Simulator) putBack(m *message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.push(m)
}

// pop returns the next message that is due, or nil. It sees to expired orders on the way.
func (s *Simulator) pop() *message {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.notifyURL != nil && len(s.queue) > 0 && !s.queue[0].due.After(s.now()) {
		m := heap.Pop(&s.queue).(*message)
		if m.expiry == nil {
			return m
		}
		s.expireIfDue(m.expiry)
	}
	return nil
}

// nextDue returns when the next message is due, if any can be delivered at all.
func (s *Simulator) nextDue() (time.Time, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.notifyURL == nil || len(s.queue) == 0 {
		return time.Time{}, false
	}
	return s.queue[0].due, true
}

// rest waits until there may be something due. It returns false when ctx has ended.
func (s *Simulator) rest(ctx context.Context) bool {
	var alarm <-chan time.Time
	if due, ok := s.nextDue(); ok {
		pause := due.Sub(s.now())
		if _, ok := s.cfg.Clock.(realClock); !ok {
			pause = min(pause, maxIdle)
		}
		timer := time.NewTimer(pause)
		defer timer.Stop()
		alarm = timer.C
	}
	select {
	case <-s.wake:
	case <-alarm:
	case <-ctx.Done():
	}
	return ctx.Err() == nil
}

// poke makes Run look again.
func (s *Simulator) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// queue is a heap by time, then by order of arrival.
type queue []*message

func (q queue) Len() int      { return len(q) }
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)   { *q = append(*q, x.(*message)) }
func (q queue) Less(i, j int) bool {
	if q[i].due.Equal(q[j].due) {
		return q[i].sequence < q[j].sequence
	}
	return q[i].due.Before(q[j].due)
}

func (q *queue) Pop() any {
	last := len(*q) - 1
	m := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	return m
}
