package tinyshop

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/money"
)

// A Reply is what to answer, for any framework.
type Reply struct {
	Status int
	Type   string // Content-Type
	Body   []byte
}

// Write sends the reply through net/http.
func (r Reply) Write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", r.Type)
	w.WriteHeader(r.Status)
	_, _ = w.Write(r.Body) // the client may be gone
}

// Payments is what the shop asks the plugin.
type Payments interface {
	Payment(ctx context.Context, orderID string) (kredivo.Payment, error)
	Events(ctx context.Context, orderID string) ([]kredivo.EventRecord, error)
}

// orderView is an order as programs see it: nothing personal, because whoever has the number may look.
type orderView struct {
	ID       string       `json:"id"`
	Amount   money.Amount `json:"amount"`
	Status   string       `json:"status"`
	Attempts *int         `json:"attempts,omitempty"` // payments that were started; not in the answer to POST
}

// Welcome answers GET / of the examples without pages.
func (s *Shop) Welcome() Reply {
	return Reply{http.StatusOK, "text/plain; charset=utf-8", []byte(`A shop that takes Kredivo. Order, pay, look:

  curl ` + s.Origin + `/orders -d '{"items": [{"sku": "KAOS-1", "quantity": 2}],
    "customer": {"first_name": "Siti", "phone": "0812-3456-7890", "email": "siti@example.com"},
    "shipping_address": {"address": "Jl. Melati 1", "city": "Bandung", "postal_code": "40111"}}'
  curl -H 'Accept: application/json' ` + s.Origin + `/pay/checkout -d order=ID
  curl ` + s.Origin + `/orders/ID
  curl ` + s.Origin + `/orders/ID/events
`)}
}

// PostOrder answers POST /orders: it writes an order of buyer and returns its number. Accept-Language
// decides what language people read their mistakes in.
func (s *Shop) PostOrder(ctx context.Context, buyer, acceptLanguage string, body io.Reader) Reply {
	f, err := readForm(body)
	if err != nil {
		return problem(err)
	}
	r, err := s.Place(ctx, buyer, Language(acceptLanguage, "en"), f)
	if err != nil {
		return problem(err)
	}
	return reply(http.StatusCreated, "application/json", orderView{ID: r.ID, Amount: r.Amount, Status: r.Status})
}

// GetOrder answers GET /orders/{id}.
func (s *Shop) GetOrder(ctx context.Context, p Payments, id string) Reply {
	r, err := s.Record(ctx, id)
	if err != nil {
		return problem(err)
	}
	payment, err := p.Payment(ctx, id)
	if err != nil && !errors.Is(err, kredivo.ErrOrderNotFound) { // not found: nobody has tried to pay yet
		return problem(err)
	}
	attempts := len(payment.Attempts)
	return reply(http.StatusOK, "application/json", orderView{r.ID, r.Amount, r.Status, &attempts})
}

// account is both sides of an order: what the shop did, by its own tables, and what the plugin told it.
type account struct {
	Parcels int               `json:"parcels"` // one is right, two is one too many
	Applied []json.RawMessage `json:"applied"` // what Apply has taken, oldest first
	Emitted []emitted         `json:"emitted"` // what the plugin has for Apply, oldest first
}

type emitted struct {
	ID        string            `json:"id"`
	Kind      kredivo.EventKind `json:"kind"`
	State     kredivo.WorkState `json:"state"`
	Tries     int               `json:"tries"`
	LastError string            `json:"last_error,omitempty"`
}

// GetEvents answers GET /orders/{id}/events: what became of the order, in the shop's books and in the plugin's.
func (s *Shop) GetEvents(ctx context.Context, p Payments, id string) Reply {
	if _, err := s.Record(ctx, id); err != nil {
		return problem(err)
	}
	a := account{Emitted: []emitted{}}
	records, err := p.Events(ctx, id)
	if err != nil {
		return problem(err)
	}
	for _, r := range records {
		a.Emitted = append(a.Emitted, emitted{r.Event.ID, r.Event.Kind, r.State, r.Tries, r.LastError})
	}
	if a.Applied, a.Parcels, err = s.Events(ctx, id); err != nil {
		return problem(err)
	}
	return reply(http.StatusOK, "application/json", a)
}

// Events returns the order's events as JSON objects, oldest first, and how many parcels they were worth.
func (s *Shop) Events(ctx context.Context, id string) (events []json.RawMessage, parcels int, err error) {
	rows, err := s.db.QueryContext(ctx, `SELECT body, (SELECT count(*) FROM parcel WHERE order_id = event.order_id)
		FROM event WHERE order_id = ? ORDER BY seq`, id)
	if err != nil {
		return nil, 0, fmt.Errorf("tinyshop: read events: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	events = []json.RawMessage{}
	for rows.Next() {
		var body string
		if err := rows.Scan(&body, &parcels); err != nil {
			return nil, 0, fmt.Errorf("tinyshop: read events: %w", err)
		}
		events = append(events, json.RawMessage(body))
	}
	return events, parcels, rows.Err()
}

// Place checks a form and writes the order down for buyer. What is wrong with the form comes back as an
// error that FieldErrors reads, in lang.
func (s *Shop) Place(ctx context.Context, buyer, lang string, f Form) (Record, error) {
	basket, who, err := f.check(lang)
	if err != nil {
		return Record{}, err
	}
	return s.place(ctx, buyer, basket, who)
}

// FieldErrors returns what err says is wrong with a form; none for any other error.
func FieldErrors(err error) []FieldError {
	if r, ok := errors.AsType[*refusal](err); ok {
		return r.fields
	}
	return nil
}

// Language picks "id" or "en" by an Accept-Language header, or fallback when it names neither.
func Language(accept, fallback string) string {
	for part := range strings.SplitSeq(accept, ",") {
		tag, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(part)), ";")
		switch base, _, _ := strings.Cut(tag, "-"); base {
		case "id", "en":
			return base
		}
	}
	return fallback
}

// problem answers with an RFC 9457 problem document. Only a refusal says more than its status.
func problem(err error) Reply {
	doc := struct {
		Type   string       `json:"type"`
		Title  string       `json:"title"`
		Status int          `json:"status"`
		Detail string       `json:"detail,omitempty"`
		Errors []FieldError `json:"errors,omitempty"`
	}{Type: "about:blank", Status: http.StatusInternalServerError}
	if r, ok := errors.AsType[*refusal](err); ok {
		doc.Status, doc.Detail, doc.Errors = r.status, r.detail, r.fields
	} else if errors.Is(err, kredivo.ErrOrderNotFound) {
		doc.Status = http.StatusNotFound
	}
	doc.Title = http.StatusText(doc.Status)
	return reply(doc.Status, "application/problem+json", doc)
}

func reply(status int, mediaType string, v any) Reply {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err) // only structs and JSON of our own come here
	}
	return Reply{Status: status, Type: mediaType, Body: append(body, '\n')}
}
