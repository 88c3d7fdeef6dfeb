package doku

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/paylater-go/paylater/money"
)

// MaxNotification is the longest notification body [ParseNotification] reads, in bytes. DOKU's are
// about 2 KB; the rest is room for growth, not for abuse.
const MaxNotification = 64 << 10

// A Status is the status of a payment at DOKU, in upper case. Values we do not know are kept.
type Status string

// The statuses DOKU documents for check status and notifications. SUCCESS, EXPIRED and REFUNDED are
// final. FAILED is not: a later SUCCESS is possible.
//
// Source: DOKU, "Check status API, non-SNAP", status mapping. VOIDED, TIMEOUT and REDIRECT belong to
// other channels and are not expected for Kredivo.
const (
	Pending  Status = "PENDING"
	Success  Status = "SUCCESS"
	Failed   Status = "FAILED"
	Expired  Status = "EXPIRED"
	Refunded Status = "REFUNDED"
	Voided   Status = "VOIDED"
	Timeout  Status = "TIMEOUT"
	Redirect Status = "REDIRECT"
)

// An Identifier is a reference of the acquirer (Kredivo) to a payment. Keep them for finance; DOKU
// does not document their names.
type Identifier struct{ Name, Value string }

// A Notification says what happened to a payment, as told by DOKU by push or as the answer to check
// status. It shares no memory with the message. Logged through slog it shows only ids and status.
type Notification struct {
	InvoiceNumber string       // never empty
	Amount        money.Amount // 1 to 999,999,999,999
	// Status is transaction.status, the only status to act on. Never empty in a notification; empty
	// in a check-status answer for an order without a transaction.
	Status Status
	// Date is when the transaction happened, UTC; zero when it is missing or unreadable.
	Date time.Time
	// OriginalRequestID is the Request-Id of generate-order. For REFUNDED and VOIDED it may be the
	// refund's. Empty when missing.
	OriginalRequestID string
	// ServiceID, AcquirerID and ChannelID are expected to be PEER_TO_PEER, KREDIVO and
	// PEER_TO_PEER_KREDIVO. Informational.
	ServiceID, AcquirerID, ChannelID string
	// MerchantUniqueReferences are the distinct references in peer_to_peer_info and payment. DOKU's
	// sample has two that differ: ours may be either.
	MerchantUniqueReferences []string
	Identifiers              []Identifier
	// Unknown holds the top-level members that are not read, which may hold personal data. Nil when
	// there are none.
	Unknown map[string]json.RawMessage
}

// LogValue shows what may be logged: ids, status and amount.
func (n Notification) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("invoice_number", n.InvoiceNumber),
		slog.String("status", string(n.Status)),
		slog.String("amount", n.Amount.String()),
		slog.String("original_request_id", n.OriginalRequestID),
	)
}

// ParseNotification reads the body of a notification, after [Verifier.Verify] accepted it.
//
// It is strict where money is concerned: one JSON object of at most 64 KiB and 16 levels in valid
// UTF-8; names in DOKU's exact case; no name twice, in any case, in any object it reads; and an
// invoice number, a status, and an amount of whole rupiah written as number or text (150000,
// 150000.00, "150000", 1.5E5). It is lenient with everything else: a missing or odd optional
// member is empty, members it does not know are kept. Every error is [ErrMalformed]; errors about
// the amount are also those of package money.
//
// Source: DOKU, "HTTP notification sample, P2P" and "Notification" ("parse it in non strict format").
func ParseNotification(body []byte) (*Notification, error) {
	n, err := parseNotification(body, MaxNotification)
	if err != nil {
		return nil, err
	}
	if n.Status == "" {
		return nil, malformed("no transaction.status")
	}
	return n, nil
}

// ParseStatus reads the body of a check-status answer, which is like a notification but may lack
// parts of transaction. It reads up to 256 KiB; otherwise the rules are those of
// [ParseNotification].
//
// Source: DOKU, "Check status API, non-SNAP".
func ParseStatus(body []byte) (*Notification, error) {
	return parseNotification(body, maxStatusAnswer)
}

func parseNotification(body []byte, limit int) (*Notification, error) {
	top, err := parseObject(body, limit)
	if err != nil {
		return nil, err
	}
	return readNotification(top)
}

// readNotification reads what a notification and a check-status answer have in common.
func readNotification(top object) (*Notification, error) {
	levels := []string{"order", "transaction", "peer_to_peer_info", "payment", "service", "acquirer", "channel"}
	at := make(map[string]object, len(levels))
	var err error
	for _, name := range levels {
		if at[name], err = top.object(name); err != nil {
			return nil, err
		}
	}
	order, transaction, info := at["order"], at["transaction"], at["peer_to_peer_info"]
	n := &Notification{
		InvoiceNumber:     order.text("invoice_number"),
		Status:            Status(strings.ToUpper(transaction.text("status"))),
		Date:              parseDate(transaction.text("date")),
		OriginalRequestID: transaction.text("original_request_id"),
		ServiceID:         at["service"].text("id"),
		AcquirerID:        at["acquirer"].text("id"),
		ChannelID:         at["channel"].text("id"),
	}
	if n.InvoiceNumber == "" {
		return nil, malformed("no order.invoice_number")
	}
	if n.Amount, err = amount(order); err != nil {
		return nil, err
	}
	n.MerchantUniqueReferences = references(info, at["payment"])
	if n.Identifiers, err = identifiers(info); err != nil {
		return nil, err
	}
	for _, m := range top {
		if !slices.Contains(levels, m.name) {
			if n.Unknown == nil {
				n.Unknown = make(map[string]json.RawMessage)
			}
			n.Unknown[m.name] = bytes.Clone(m.raw)
		}
	}
	return n, nil
}

// amount reads order.amount, which must be there and above zero.
func amount(order object) (money.Amount, error) {
	raw := order.get("amount")
	if raw == nil {
		return money.Amount{}, malformed("no order.amount")
	}
	a, err := money.ParseJSON(raw)
	if err != nil {
		return money.Amount{}, fmt.Errorf("%w: order.amount: %w", ErrMalformed, err)
	}
	if a.IsZero() {
		return money.Amount{}, malformed("order.amount is zero")
	}
	return a, nil
}

// references returns the distinct merchant_unique_reference of the given objects.
func references(from ...object) []string {
	var all []string
	for _, o := range from {
		if ref := o.text("merchant_unique_reference"); ref != "" && !slices.Contains(all, ref) {
			all = append(all, ref)
		}
	}
	return all
}

// identifiers reads peer_to_peer_info.identifier: documented as an object, in samples an array of
// {name, value}, often null or empty, on some pages spelt "identifer".
func identifiers(info object) ([]Identifier, error) {
	raw := info.get("identifier")
	if raw == nil {
		raw = info.get("identifer")
	}
	if raw == nil {
		return nil, nil
	}
	list := [][]byte{raw}
	if raw[0] == '[' {
		list = elements(raw)
	}
	var all []Identifier
	for _, e := range list {
		if e[0] != '{' {
			continue
		}
		o, err := members(e)
		if err != nil {
			return nil, fmt.Errorf("%w (in identifier)", err)
		}
		if name := o.text("name"); name != "" {
			all = append(all, Identifier{Name: name, Value: o.text("value")})
			continue
		}
		for _, m := range o {
			if value := text(m.raw); value != "" {
				all = append(all, Identifier{Name: m.name, Value: value})
			}
		}
	}
	return all, nil
}
