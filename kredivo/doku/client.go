package doku

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/paylater-go/paylater/money"
)

// DOKU's paths. They are part of what is signed.
const (
	generatePath = "/kredivo-peer-to-peer/v2/generate-order"
	statusPath   = "/orders/v1/status/"
)

// Limits of answers, in bytes. Real ones are 1 to 3 KB.
const (
	maxGenerateAnswer = 1 << 20
	maxStatusAnswer   = 256 << 10
)

const (
	opGenerate = "generate order"
	opStatus   = "check status"
)

// A Client talks to DOKU for one account. It is safe for concurrent use and starts nothing in the
// background.
type Client struct {
	environment Environment
	base        string // scheme and host
	ring        *keyring
	http        *http.Client
	timeout     time.Duration
	tryTimeout  time.Duration
	maxTries    int
	policy      SignaturePolicy
	log         *slog.Logger
	now         func() time.Time
	clockOffset atomic.Int64 // nanoseconds to add to now, learnt from DOKU
	newBackOff  func() backoff.BackOff
}

// New returns a Client or an error that lists every problem with cfg. It does not call DOKU.
func New(cfg Config) (*Client, error) {
	cfg = cfg.withDefaults()
	ring, err := newKeyring(cfg.ClientID, append([]Secret{cfg.SecretKey}, cfg.PreviousSecretKeys...))
	if err = errors.Join(append([]error{err}, cfg.check()...)...); err != nil {
		return nil, fmt.Errorf("doku: config: %w", err)
	}
	return &Client{
		environment: cfg.Environment,
		base:        strings.TrimRight(cfg.BaseURL, "/"),
		ring:        ring,
		http: &http.Client{
			Transport: cfg.Transport,
			// A redirect is an answer we cannot use: following it would send a signed request elsewhere.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		timeout:    cfg.Timeout,
		tryTimeout: cfg.TryTimeout,
		maxTries:   cfg.MaxTries,
		policy:     cfg.ResponseSignatures,
		log:        cfg.Logger,
		now:        cfg.Now,
		newBackOff: newBackOff,
	}, nil
}

// Environment returns the environment in use, never empty. Keep it with every order: what the sandbox
// says must not move a production order.
func (c *Client) Environment() Environment { return c.environment }

// Verifier returns a [Verifier] with the client's Client-Id and keys, also previous ones. Target is the
// path of the public notification URL; see [NewVerifier].
func (c *Client) Verifier(target string) (*Verifier, error) {
	if err := checkTarget(target); err != nil {
		return nil, fmt.Errorf("doku: verifier: %w", err)
	}
	return &Verifier{target: target, ring: c.ring}, nil
}

// CloseIdleConnections closes connections kept for later calls.
func (c *Client) CloseIdleConnections() { c.http.CloseIdleConnections() }

// A GenerateOrderResponse is a payment page. Logged through slog it shows only ids and status.
type GenerateOrderResponse struct {
	InvoiceNumber string
	Amount        money.Amount
	Status        string // PENDING
	// PaymentURL is where to send the browser, byte for byte as DOKU wrote it: https, or in the
	// sandbox http on a loopback address.
	PaymentURL              string
	MerchantUniqueReference string
	Identifiers             []Identifier
	// CreatedAt and ExpiresAt are UTC, and zero when DOKU sent none or contradicts itself.
	CreatedAt, ExpiresAt time.Time
	// Replayed says that DOKU had the request already and repeated its first answer (HTTP 409).
	Replayed   bool
	AnsweredAt time.Time // DOKU's time, from the Date header, UTC; zero when it sent none
	Raw        []byte    // the body as it came
}

// LogValue shows what may be logged; the payment URL opens the shopper's payment page.
func (r GenerateOrderResponse) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("invoice_number", r.InvoiceNumber),
		slog.String("status", r.Status),
		slog.Bool("replayed", r.Replayed),
	)
}

// GenerateOrder asks DOKU for a payment page. Body comes from [GenerateOrderRequest.Encode] and is
// signed and sent exactly as it is; requestID, at most 128 characters, is the idempotency key: use a new
// random one for each order, and store both before the call. After an error that is Retryable, or a
// crash, call again with the same two.
//
// It tries up to MaxTries times when the outcome is open, each time with a fresh timestamp and
// signature. A 409 is read as DOKU's first answer to this Request-Id, and accepted only if it is about
// the invoice, reference and amount in body. Every error is an [*Error].
//
// Source: DOKU, "Paylater, Kredivo" and "Idempotency request".
func (c *Client) GenerateOrder(ctx context.Context, requestID string, body []byte) (*GenerateOrderResponse, error) {
	sent, err := readSent(body)
	if err == nil {
		err = checkRequestID(requestID)
	}
	if err != nil {
		return nil, &Error{Op: opGenerate, Err: fmt.Errorf("%w: %w", ErrRequest, err)}
	}
	var resp *GenerateOrderResponse
	err = c.run(ctx, &call{
		op:        opGenerate,
		method:    http.MethodPost,
		target:    generatePath,
		requestID: func() string { return requestID },
		body:      body,
		limit:     maxGenerateAnswer,
		enforce:   c.policy != ReportOnly,
		personal:  sent.personal,
		read: func(ctx context.Context, a *answer) (err error) {
			resp, err = c.readGenerated(ctx, a, sent)
			return err
		},
	})
	if err != nil {
		return nil, err
	}
	return resp, nil
}

// A StatusResponse is what DOKU knows about an order.
type StatusResponse struct {
	Notification
	AnsweredAt time.Time // DOKU's time, from the Date header, UTC; zero when it sent none
	Raw        []byte    // the body as it came
}

// CheckStatus asks DOKU about an order by its invoice number or by the Request-Id of its generate-order.
// The id may hold A-Z a-z 0-9 . _ - only. Do not ask earlier than 60 seconds after the shopper paid.
//
// The answer is always about id; its amount is for the caller to compare. An error is an [*Error] and
// never means that the payment failed. After a refund only the invoice number finds the order.
//
// Source: DOKU, "Check status API, non-SNAP".
func (c *Client) CheckStatus(ctx context.Context, id string) (*StatusResponse, error) {
	if err := checkStatusID(id); err != nil {
		return nil, &Error{Op: opStatus, Err: fmt.Errorf("%w: %w", ErrRequest, err)}
	}
	var resp *StatusResponse
	err := c.run(ctx, &call{
		op:        opStatus,
		method:    http.MethodGet,
		target:    statusPath + id,
		requestID: rand.Text, // a GET has nothing to repeat: each try is a request of its own
		limit:     maxStatusAnswer,
		enforce:   c.policy == EnforceAll,
		read: func(ctx context.Context, a *answer) (err error) {
			resp, err = c.readStatus(ctx, a, id)
			return err
		},
	})
	if err != nil {
		return nil, err
	}
	return resp, nil
}

// sent is what an answer is compared with, and what must not come back in an error.
type sent struct {
	invoice   string
	reference string
	amount    money.Amount
	personal  []string
}

// readSent reads what GenerateOrder needs out of its body.
func readSent(body []byte) (*sent, error) {
	type address struct {
		FirstName  string `json:"first_name"`
		LastName   string `json:"last_name"`
		Address    string `json:"address"`
		PostalCode string `json:"postal_code"`
		Phone      string `json:"phone"`
		Email      string `json:"email"`
		LegalID    string `json:"legal_id"`
	}
	var r struct {
		Order struct {
			InvoiceNumber string       `json:"invoice_number"`
			Amount        money.Amount `json:"amount"`
		} `json:"order"`
		PeerToPeerInfo struct {
			MerchantUniqueReference string `json:"merchant_unique_reference"`
		} `json:"peer_to_peer_info"`
		Customer address `json:"customer"`
		Billing  address `json:"billing_address"`
		Shipping address `json:"shipping_address"`
	}
	if json.Unmarshal(body, &r) != nil { // its error might repeat a value
		return nil, errors.New("body is not a generate-order request")
	}
	s := &sent{
		invoice:   r.Order.InvoiceNumber,
		reference: r.PeerToPeerInfo.MerchantUniqueReference,
		amount:    r.Order.Amount,
	}
	if s.invoice == "" || s.reference == "" || s.amount.IsZero() {
		return nil, errors.New("body lacks invoice number, amount or merchant unique reference")
	}
	for _, a := range []address{r.Customer, r.Billing, r.Shipping} {
		s.personal = append(s.personal, a.FirstName, a.LastName, a.Address, a.PostalCode, a.Phone, a.Email, a.LegalID)
	}
	slices.Sort(s.personal)
	s.personal = slices.Compact(s.personal)
	return s, nil
}

func checkRequestID(id string) error {
	if id == "" || len(id) > maxHeader || !printable(id) || strings.Contains(id, " ") {
		return errors.New("request id must be 1 to 128 printable ASCII characters without spaces")
	}
	return nil
}

// checkStatusID keeps to characters that no part of the way would escape: DOKU does not say whether an
// escaped path is signed as it is.
func checkStatusID(id string) error {
	ok := id != "" && len(id) <= maxHeader && strings.Trim(id, ".") != ""
	for _, r := range id {
		ok = ok && (r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-", r))
	}
	if !ok {
		return errors.New("id must be 1 to 128 characters of A-Z a-z 0-9 . _ -")
	}
	return nil
}
