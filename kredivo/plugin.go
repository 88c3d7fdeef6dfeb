package kredivo

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"golang.org/x/text/language"
	"golang.org/x/time/rate"

	"github.com/paylater-go/paylater/kredivo/doku"
)

// A Plugin takes Kredivo payments through DOKU for one shop: one set of DOKU credentials, one public
// URL, one store. Several plugins live in one process without knowing of each other. All methods are
// safe for concurrent use.
type Plugin struct {
	cfg      Config
	log      *slog.Logger
	client   *doku.Client
	verifier *doku.Verifier
	store    Store
	txStore  TxStore // the same, for Config.OnEventTx; nil without one
	asking   *asker
	guard    *http.CrossOriginProtection
	pages    *pages

	languages language.Matcher
	receiving chan struct{} // one slot per notification being stored
	refusals  refusalLog
	explainer explainer
	probes    *rate.Limiter // of self-checks

	running atomic.Int32 // calls of Run
	idleLog sync.Once    // one line about a process that only receives

	settle  chan struct{} // a message was received here
	deliver chan struct{} // an event was emitted here
	check   chan struct{} // a status check was scheduled here
}

// maxReceiving is how many notifications may wait for the store at once; more are told to come back.
const maxReceiving = 64

// New checks cfg and makes a Plugin. Its error lists every problem of cfg, not only the first. New
// opens nothing and starts nothing: mount the routes with an adapter, and call Run.
func New(cfg Config) (*Plugin, error) {
	cfg, problems := cfg.withDefaults()
	if cfg.DOKU.Now == nil {
		cfg.DOKU.Now = cfg.Now
	}
	if cfg.DOKU.Logger == nil {
		cfg.DOKU.Logger = cfg.Logger
	}
	setDefault(&cfg.DOKU.Timeout, callTimeout)
	client, err := doku.New(cfg.DOKU)
	if err != nil {
		err = fmt.Errorf("kredivo: Config.DOKU: %w", err)
	}
	if err := errors.Join(problems, err); err != nil {
		return nil, err
	}
	public, err := url.Parse(cfg.PublicURL)
	if err != nil {
		return nil, err
	}
	target := public.Path + notificationPath
	verifier, err := client.Verifier(target)
	if err != nil {
		return nil, err
	}
	guard, err := crossOrigin(cfg.PublicURL)
	if err != nil {
		return nil, err
	}
	p := &Plugin{
		cfg:      cfg,
		log:      cfg.Logger,
		client:   client,
		verifier: verifier,
		explainer: explainer{
			secrets:     append([]doku.Secret{cfg.DOKU.SecretKey}, cfg.DOKU.PreviousSecretKeys...),
			target:      target,
			environment: client.Environment(),
		},
		probes:    newProbeLimit(),
		store:     cfg.Store,
		guard:     guard,
		pages:     newPages(),
		languages: newMatcher(cfg.Language),
		receiving: make(chan struct{}, maxReceiving),
		settle:    make(chan struct{}, 1),
		deliver:   make(chan struct{}, 1),
		check:     make(chan struct{}, 1),
	}
	p.asking = newAsker(p)
	if cfg.OnEventTx != nil {
		p.txStore, _ = cfg.Store.(TxStore)
	}
	return p, nil
}

// Payment returns what is known about paying the shop's order in this plugin's environment, or
// ErrOrderNotFound when no payment of it was ever started there. It reads the store and asks nobody else.
func (p *Plugin) Payment(ctx context.Context, orderID string) (Payment, error) {
	attempts, err := p.store.Attempts(ctx, orderID)
	if err != nil {
		return Payment{}, storeFailed(err)
	}
	if attempts = p.sameEnvironment(attempts); len(attempts) == 0 {
		return Payment{}, newError(CodeOrderNotFound, nil, "no payment was started for this order")
	}
	events, err := p.store.Events(ctx, orderID)
	if err != nil {
		return Payment{}, storeFailed(err)
	}
	payment := newPayment(orderID, attempts)
	payment.HostRefused = slices.ContainsFunc(events, func(e EventRecord) bool { return e.State == WorkParked && e.Event.Kind != HostRefused })
	return payment, nil
}

// CheckPaid returns nil when the shop's order is paid in this plugin's environment with exactly its amount, and ErrNotPaid in every
// other case: unknown, running, failed, in review, refunded. Any other error means that the store did
// not answer, and nothing is known.
func (p *Plugin) CheckPaid(ctx context.Context, orderID string) error {
	attempts, err := p.store.Attempts(ctx, orderID)
	if err != nil {
		return storeFailed(err)
	}
	if paymentStatus(p.sameEnvironment(attempts)) != Paid {
		return newError(CodeNotPaid, nil, "this order has no successful payment")
	}
	return nil
}

// VerifyNotification reports whether req is a notification that DOKU signed for this plugin: nil, or
// an error that is ErrBadSignature and wraps the cause from package doku. It is for hosts with a
// notification endpoint of their own. The log gets the likely cause, at most once a second.
func (p *Plugin) VerifyNotification(req *Request) error {
	err := p.verifySignature(req)
	if err != nil {
		p.refusals.log(context.Background(), p, req, err)
	}
	return err
}

func (p *Plugin) verifySignature(req *Request) error {
	return refusedSignature(p.verifier.Verify(req.Header, req.Body))
}

// refusedSignature is what a request with an error of a Verifier is answered with; nil without one.
func refusedSignature(err error) error {
	if err == nil {
		return nil
	}
	return newError(CodeBadSignature, err, "the notification is not signed by DOKU for this shop")
}

// Logger is Config.Logger, for what an adapter has to say.
func (p *Plugin) Logger() *slog.Logger { return p.log }

// Mounted is called by adapters with the path prefix at which the application serves the routes. It
// warns when PublicURL does not end with that prefix: then DOKU's notifications and returning shoppers go
// astray, unless a proxy in front renames the path, which is why it is no error.
func (p *Plugin) Mounted(prefix string) {
	public, err := url.Parse(p.cfg.PublicURL)
	if err != nil || prefix == "" || strings.HasSuffix(public.Path, prefix) {
		return
	}
	p.log.Warn("the routes are not mounted where Config.PublicURL says: right only if a proxy renames the path",
		"mounted_at", prefix, "public_path", public.Path)
}

func shortHash(h Hash) string { return hex.EncodeToString(h[:8]) }

func storeFailed(err error) error {
	return newError(CodeUnavailable, err, "the payment store did not answer")
}

// now is the injected clock, in UTC and to the microsecond, which is what stores keep.
func (p *Plugin) now() time.Time { return p.cfg.Now().UTC().Truncate(time.Microsecond) }

// newID makes a random id: Request-Ids, attempt ids and claim tokens.
func newID() string { return uuid.NewString() }

// token derives the unguessable token of an attempt's return, cancel and status paths. It is not
// stored, only its hash is, and it can be made again for a resumed attempt.
func token(secret doku.Secret, attemptID string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte("paylater/kredivo path token\n" + attemptID))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:16])
}

// tokenOf finds the token of a stored attempt, also one made under a previous secret; empty when that
// secret is configured no more.
func (p *Plugin) tokenOf(a Attempt) string {
	for _, secret := range append([]doku.Secret{p.cfg.DOKU.SecretKey}, p.cfg.DOKU.PreviousSecretKeys...) {
		if t := token(secret, a.ID); hashOf(t) == a.Token {
			return t
		}
	}
	return ""
}

// wake makes one pass of a worker due now; it never blocks.
func wake(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}
