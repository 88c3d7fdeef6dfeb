package kredivo

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/sony/gobreaker/v2"
	"golang.org/x/time/rate"

	"github.com/paylater-go/paylater/kredivo/doku"
)

const (
	// breakAfter failures in a row DOKU is left alone for breakFor; then one question tries whether it is back.
	breakAfter = 5
	breakFor   = 60 * time.Second
)

// An asker holds back questions about the status of payments: so many a second, and none while DOKU is
// known not to answer.
type asker struct {
	client  *doku.Client
	bucket  *rate.Limiter
	breaker *gobreaker.CircuitBreaker[*doku.StatusResponse]
}

func newAsker(p *Plugin) *asker {
	return &asker{
		client: p.client,
		bucket: rate.NewLimiter(rate.Limit(p.cfg.ChecksPerSecond), checkBatch),
		breaker: gobreaker.NewCircuitBreaker[*doku.StatusResponse](gobreaker.Settings{
			Timeout:     breakFor,
			ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= breakAfter },
			// An order that DOKU does not know is an answer, and a caller who went away says nothing about DOKU.
			IsSuccessful: func(err error) bool { return err == nil || errors.Is(err, doku.ErrUnknownOrder) },
			IsExcluded:   func(err error) bool { return errors.Is(err, context.Canceled) },
			OnStateChange: func(_ string, from, to gobreaker.State) {
				p.log.Warn("DOKU's status service", "breaker", to.String(), "before", from.String())
			},
		}),
	}
}

// room is how many of n questions make sense now.
func (k *asker) room(n int) int {
	switch k.breaker.State() {
	case gobreaker.StateOpen:
		return 0
	case gobreaker.StateHalfOpen:
		return 1
	default:
		return n
	}
}

// turn waits for the next place in the bucket, or for the end of ctx.
func (k *asker) turn(ctx context.Context) error { return k.bucket.Wait(ctx) }

func (k *asker) ask(ctx context.Context, invoice string) (*doku.StatusResponse, error) {
	return k.breaker.Execute(func() (*doku.StatusResponse, error) { return k.client.CheckStatus(ctx, invoice) })
}

// asked is what came of a question.
type asked struct {
	news    bool      // the answer changes the attempt: it is stored and settled, or about to be
	to      Status    // what the news is
	unknown bool      // DOKU knows of no such order
	at      time.Time // DOKU's time when it answered; zero when it did not say
}

// askStatus asks DOKU for the status of one attempt and, if that is news, stores the answer and
// settles it, or leaves it to whoever is settling the same answer already. Only an answer about our
// invoice counts; an unknown invoice, an error page or silence tell nothing and are never read as failure.
func (p *Plugin) askStatus(ctx context.Context, a Attempt) (asked, error) {
	answer, err := p.asking.ask(ctx, a.InvoiceNumber)
	if errors.Is(err, doku.ErrUnknownOrder) {
		unknown := asked{unknown: true}
		if e, ok := errors.AsType[*doku.Error](err); ok {
			unknown.at = e.AnsweredAt
		}
		return unknown, nil
	}
	if err != nil {
		return asked{}, newError(CodeUnavailable, err, "DOKU did not say how this payment stands")
	}
	if answer.InvoiceNumber != a.InvoiceNumber {
		return asked{}, newError(CodeUnavailable, nil, "DOKU answered about another invoice")
	}
	told := asked{at: answer.AnsweredAt}
	to, known := statusOf(answer.Status)
	if !known || !a.Status.CanBecome(to) {
		return told, nil
	}
	sctx, cancel := detached(ctx)
	defer cancel()
	_, err = p.store.Receive(sctx, Message{
		Source:     FromStatus,
		Dedupe:     hashOf(strings.Join([]string{"status", p.cfg.DOKU.ClientID, a.ID, string(a.Status), strconv.Itoa(a.Checks), string(answer.Raw)}, "\n")),
		ClientID:   p.cfg.DOKU.ClientID,
		Header:     http.Header{},
		Body:       answer.Raw,
		ReceivedAt: p.now(),
	})
	if err != nil {
		return asked{}, storeFailed(err)
	}
	if _, err := p.settlePass(ctx); err != nil {
		wake(p.settle)
	}
	told.news, told.to = true, to
	return told, nil
}
