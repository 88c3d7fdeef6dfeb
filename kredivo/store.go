package kredivo

import (
	"context"
	"database/sql"
	"errors"
	"net/http"
	"time"
)

// A Store keeps attempts, received messages and events. It is the second seam of this package, beside
// the one to the frameworks: everything the plugin promises about money rests on these comments, and
// storetest checks each of them on every implementation.
//
// All methods may be called by many goroutines, and on a shared database by many processes. A method
// that returned nil has committed durably: the change survives a crash of process, operating system or
// power on storage that honours fsync. A method that returned an error may have committed or not; the
// caller never concludes either. Byte slices and strings are compared exactly, letter case included.
// Times are kept to the microsecond, in UTC; a zero time.Time stays zero. Methods keep no slice that
// they are given and return none that they keep.
type Store interface {
	// Change locks the attempts of one order, hands copies of them to decide, oldest first, and commits
	// what decide returns, all in one transaction; nothing of it without the rest. An order or invoice
	// that is not known gives decide an empty slice. An error of decide comes back unchanged and nothing
	// is written.
	//
	// Decide must be pure and quick: it may be called more than once, and it holds the lock.
	//
	// When scope.Message is set, the transaction first checks that the message is still unfinished and
	// claimed under its token, else it returns ErrClaimLost and writes nothing.
	//
	// ErrConflict: a created attempt clashes with one that exists (same ID, invoice number, Request-Id,
	// reference or token, or the order has an open attempt already). Nothing is written; the caller
	// reads again. A changed attempt is found by its ID; its OrderID, Number, InvoiceNumber, RequestID
	// and Amount never change. An event whose ID exists already is skipped, so it is emitted once.
	Change(ctx context.Context, scope Scope, decide func(attempts []Attempt) (Decision, error)) error

	// Attempts returns the order's attempts, oldest first; none and no error for an unknown order.
	Attempts(ctx context.Context, orderID string) ([]Attempt, error)

	// AttemptByToken returns the attempt whose Token is h, or ErrNotFound.
	AttemptByToken(ctx context.Context, h Hash) (Attempt, error)

	// Receive stores a verified message and reports whether it is new. One whose Dedupe exists is left
	// alone, whatever became of it: added is false and the error nil, and only once the first copy is
	// committed. ID, Tries and Token of m are ignored.
	Receive(ctx context.Context, m Message) (added bool, err error)

	// ClaimMessages takes up to c.Limit unfinished messages that are due at c.Now and under nobody's
	// live claim, oldest due first, for c.Lease. No two claims hold one message at the same time. Each
	// claim counts as one try.
	ClaimMessages(ctx context.Context, c Claim) ([]Message, error)

	// ClaimEvents is the same for events, with one rule more: an event is given out only when every
	// earlier event of its order is done, and an order's events never hold up another order's. An event
	// without an order is an order of its own.
	ClaimEvents(ctx context.Context, c Claim) ([]Delivery, error)

	// KeepEvent makes the live claim of d last until c.Now plus c.Lease, for a host's handler that takes its
	// time. ErrClaimLost as for FinishEvent; a claim that has run out and that nobody else has taken is
	// still live. Token and Limit of c are ignored.
	KeepEvent(ctx context.Context, d Delivery, c Claim) error

	// FinishEvent ends one delivery: done, again later, or parked. Events in emit, which tell of that end, are
	// queued in the same transaction, as those of a Decision are. ErrClaimLost when the event is finished
	// already or claimed under another token; nothing is written then.
	FinishEvent(ctx context.Context, d Delivery, o Outcome, emit ...Event) error

	// ClaimChecks takes up to c.Limit attempts whose NextCheckAt has come, earliest first, and moves
	// NextCheckAt of each to c.Now plus c.Lease, so that a crash of the caller only delays the check.
	// The attempts are returned as they are after that.
	ClaimChecks(ctx context.Context, c Claim) ([]Attempt, error)

	// Due reports which of the three kinds of claim may find something at now. It is what idle instances ask
	// every few seconds: one cheap statement that locks and writes nothing. It may say yes for work that no
	// claim gives out (an event behind a parked one), never no for work that a claim would.
	Due(ctx context.Context, now time.Time) (Due, error)

	// ListAttempts returns up to q.Limit attempts, by CreatedAt and then ID.
	ListAttempts(ctx context.Context, q AttemptQuery) ([]Attempt, error)

	// Events returns everything that was emitted for an order, oldest first, alarms included; none and no
	// error for an unknown order.
	Events(ctx context.Context, orderID string) ([]EventRecord, error)

	// Parked returns up to limit parked messages and up to limit parked events, each oldest first.
	Parked(ctx context.Context, limit int) ([]MessageRecord, []EventRecord, error)

	// Redrive makes parked work due at now, as if it had never failed, and returns how much it was: the
	// message or event that w names, or all parked work when w is empty. What is not parked is left alone. Tries
	// go on, and the last error can be read until the work ends again.
	Redrive(ctx context.Context, w Work, now time.Time) (int, error)

	// Prune drops header and body of up to limit messages that are done and were received before the given
	// time, and returns how many it was. Their Dedupe stays, so a copy is still known after years.
	Prune(ctx context.Context, before time.Time, limit int) (int, error)

	// Backlog counts unfinished and parked work. It is also the health check of the store.
	Backlog(ctx context.Context) (Backlog, error)

	// Close ends the store's own connections. Calls after it fail.
	Close() error
}

// A TxStore is a Store that can share a transaction with the host: what Config.OnEventTx needs.
type TxStore interface {
	Store

	// DeliverTx runs handle inside the transaction that ends d as done: what handle writes through tx and the
	// end of the event commit together, or nothing of either. An error or a panic of handle rolls back and
	// comes back unchanged; so does the end of ctx, which also bounds the transaction, and the event stays
	// claimed. ErrClaimLost, before handle is called, as for FinishEvent. Handle is called at most once. It must
	// not commit or roll back tx: when it does, the event is done if and only if its writes are, and the
	// error is sql.ErrTxDone.
	DeliverTx(ctx context.Context, d Delivery, handle func(ctx context.Context, tx *sql.Tx) error) error
}

// Errors of a Store, tested with errors.Is.
var (
	ErrNotFound  = errors.New("kredivo: not found")
	ErrConflict  = errors.New("kredivo: conflicts with an existing attempt")
	ErrClaimLost = errors.New("kredivo: the claim is held by someone else")
)

// A Scope names the attempts that a Change locks: those of OrderID, or those of the order that
// InvoiceNumber belongs to. With both empty decide sees no attempts (a message that cannot be read).
type Scope struct {
	OrderID       string
	InvoiceNumber string
	Message       *Message // the claimed message that this change finishes; nil for none
	Now           time.Time
}

// A Decision is what a Change writes. Its zero value writes nothing.
type Decision struct {
	Create  *Attempt
	Update  []Attempt
	Emit    []Event // in the order in which the host is to see them
	Message Outcome // of Scope.Message; ignored without one
}

// A Message is what DOKU told us: a verified notification, or the answer to a status check of ours.
type Message struct {
	ID         int64 // given by the store
	Source     Source
	Dedupe     Hash        // the same for copies of one message
	ClientID   string      // under whose credentials it was verified
	Header     http.Header // the four signature headers, as received
	Body       []byte      // exactly as received
	ReceivedAt time.Time

	Tries    int    // claims so far, this one included
	Failures int    // how often it ended in WorkRetry with an error, since it was received or redriven
	Token    string // of the claim
}

// A Source says how a message reached us.
type Source string

// The sources.
const (
	FromNotification Source = "notification" // DOKU called us, signed
	FromStatus       Source = "status"       // we asked DOKU over TLS
)

// A Claim asks for work. Token must be new for every claim: it, not the time, is the fence.
type Claim struct {
	Token string
	Now   time.Time
	Lease time.Duration
	Limit int
}

// A Delivery is an event under a claim.
type Delivery struct {
	Event     Event
	EmittedAt time.Time
	Tries     int // claims so far, this one included
	Failures  int // how often it ended in WorkRetry with an error, since it was emitted or redriven
	Token     string
}

// An Outcome ends a claim.
type Outcome struct {
	State WorkState
	RunAt time.Time // for WorkRetry: when to try again
	Error string    // for WorkParked, and for a WorkRetry after a failure: a short reason without personal data
}

// A WorkState is what became of a message or event.
type WorkState string

// The states of work. Parked work is never deleted and never retried by itself.
const (
	WorkDone   WorkState = "done"
	WorkRetry  WorkState = "new" // due again at RunAt
	WorkParked WorkState = "dead"
)

// Due says which claims may find work.
type Due struct{ Messages, Events, Checks bool }

// An AttemptQuery selects attempts.
type AttemptQuery struct {
	CreatedSince time.Time // not before this; zero for all
	Watched      bool      // only those with a NextCheckAt
	AfterID      string    // continue behind the attempt with this ID, created at CreatedSince; empty to begin
	Limit        int
}

// Work names one message or one event; its zero value names all.
type Work struct {
	MessageID int64
	EventID   string
}

// A MessageRecord is a received message and what became of it.
type MessageRecord struct {
	Message   Message // without header, body and token
	State     WorkState
	RunAt     time.Time // when it is or was due
	LastError string
}

// An EventRecord is an emitted event and what became of it.
type EventRecord struct {
	Event     Event
	State     WorkState
	EmittedAt time.Time
	RunAt     time.Time // when it is or was due
	Tries     int
	Failures  int
	LastError string
}

// A Backlog counts work that is not done.
type Backlog struct {
	Messages       int // received, not settled
	Events         int // emitted, not delivered
	ParkedMessages int
	ParkedEvents   int
}
