package doku

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

const maxPaymentURL = 4096 // bytes; beyond it browsers and proxies give up

// readGenerated turns the answer to generate-order into a payment page or an error.
func (c *Client) readGenerated(ctx context.Context, a *answer, want *sent) (*GenerateOrderResponse, error) {
	replayed := a.status == http.StatusConflict
	if !replayed && a.status/100 != 2 {
		return nil, a.failure()
	}
	top, err := parseObject(a.body, maxGenerateAnswer)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	if e := a.envelope(top); e != nil && (top.get("error") != nil || top.get("payment") == nil) {
		e.Err = ErrUnreadable // an error under HTTP 200 is not documented: nothing is certain
		if replayed {
			e.Err = ErrConflict
		}
		return nil, e
	}
	if err := c.verify(ctx, a); err != nil {
		return nil, err
	}
	resp, err := parseGenerated(top, want)
	if err != nil {
		return nil, err
	}
	if err := c.checkPaymentURL(resp.PaymentURL); err != nil {
		return nil, fmt.Errorf("%w: payment.url %w", ErrUnreadable, err)
	}
	resp.Replayed, resp.AnsweredAt, resp.Raw = replayed, a.date(), a.body
	return resp, nil
}

// parseGenerated reads a good answer to generate-order and compares it with what was sent.
func parseGenerated(top object, want *sent) (*GenerateOrderResponse, error) {
	order, err1 := top.object("order")
	payment, err2 := top.object("payment")
	info, err3 := top.object("peer_to_peer_info")
	ids, err4 := identifiers(info)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	if err := want.check(order, info, payment); err != nil {
		return nil, err
	}
	status := strings.ToUpper(payment.text("status"))
	switch Status(status) {
	case Pending:
	case Failed:
		return nil, ErrFailed
	default:
		return nil, fmt.Errorf("%w: payment.status is neither PENDING nor FAILED", ErrUnreadable)
	}
	return &GenerateOrderResponse{
		InvoiceNumber:           want.invoice,
		Amount:                  want.amount,
		Status:                  status,
		PaymentURL:              payment.text("url"),
		MerchantUniqueReference: want.reference,
		Identifiers:             ids,
		CreatedAt:               parseTwins(info.text("created_date"), info.text("created_date_utc")),
		ExpiresAt:               parseTwins(info.text("expired_date"), info.text("expired_date_utc")),
	}, nil
}

// check makes sure that an answer is about what was sent. The invoice number must be in it; the amount,
// and the reference in one of its two places, are compared when they are there.
func (s *sent) check(order, info, payment object) error {
	switch order.text("invoice_number") {
	case s.invoice:
	case "":
		return fmt.Errorf("%w: no order.invoice_number", ErrUnreadable)
	default:
		return fmt.Errorf("%w: another invoice number", ErrForeignReplay)
	}
	if all := references(info, payment); len(all) > 0 && !slices.Contains(all, s.reference) {
		return fmt.Errorf("%w: another merchant unique reference", ErrForeignReplay)
	}
	if order.get("amount") == nil {
		return nil
	}
	got, err := amount(order)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	if !got.Equal(s.amount) {
		return fmt.Errorf("%w: another amount", ErrForeignReplay)
	}
	return nil
}

// checkPaymentURL makes sure that a shopper can be sent to raw. DOKU does not document the host. The
// error does not repeat raw: who has it has the payment page.
func (c *Client) checkPaymentURL(raw string) error {
	u, err := url.Parse(raw)
	switch {
	case raw == "":
		return errors.New("is missing")
	case err != nil || len(raw) > maxPaymentURL || !printable(raw) || strings.ContainsAny(raw, ` \`) || u.Hostname() == "":
		return errors.New("is not a usable URL")
	case u.User != nil:
		return errors.New("holds a user name")
	case u.Scheme == "https":
		return nil
	case u.Scheme == "http" && c.environment == Sandbox && isLoopback(u.Hostname()):
		return nil // a simulator on this machine
	}
	return errors.New("is not https")
}

// readStatus turns the answer to check status into a status or an error. Whatever is not a clear answer
// about id means that nothing is known, never that the payment failed.
func (c *Client) readStatus(ctx context.Context, a *answer, id string) (*StatusResponse, error) {
	if a.status/100 != 2 {
		e := a.failure()
		if errors.Is(e.Err, ErrRejected) || errors.Is(e.Err, ErrUnreadable) && a.status == http.StatusNotFound {
			e.Err = ErrUnknownOrder
		}
		return nil, e
	}
	top, err := parseObject(a.body, maxStatusAnswer)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	if e := a.envelope(top); e != nil && (top.get("error") != nil || top.get("order") == nil) {
		e.Err = ErrUnknownOrder
		return nil, e
	}
	if err := c.verify(ctx, a); err != nil {
		return nil, err
	}
	n, err := readNotification(top)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	if n.InvoiceNumber != id && n.OriginalRequestID != id {
		return nil, ErrForeignReplay
	}
	return &StatusResponse{Notification: *n, AnsweredAt: a.date(), Raw: a.body}, nil
}

// failure reads an answer that is not 2xx. The code counts more than the HTTP status, which DOKU does not
// document for most errors.
//
// Source: DOKU, "HTTP status and case code", and error bodies seen from its gateway.
func (a *answer) failure() *Error {
	var e *Error
	if top, err := parseObject(a.body, int(a.call.limit)); err == nil {
		e = a.envelope(top)
	}
	found := e != nil
	if !found {
		e = &Error{}
	}
	switch e.Code {
	case "request_time_out_of_range":
		e.Err = ErrClock
		return e
	case "invalid_client_id", "invalid_signature", "invalid_header_request":
		e.Err = ErrUnauthorized
		return e
	case "TOO_MANY_REQUESTS", "MAINTENANCE_MODE":
		e.Err = ErrUnavailable
		return e
	}
	switch {
	case a.status == http.StatusUnauthorized || a.status == http.StatusForbidden:
		e.Err = ErrUnauthorized
	case a.status == http.StatusRequestTimeout || a.status == http.StatusTooManyRequests || a.status/100 != 4:
		e.Err = ErrUnavailable
	case !found:
		e.Err = ErrUnreadable // not DOKU's answer, but a proxy's
	default:
		e.Err = ErrRejected
	}
	return e
}

// envelope reads the forms in which DOKU's systems wrap errors, and returns nil when top has none:
//
//	{"error": {"code", "message", "type"}}, also with an order beside it
//	{"message": ["..."]} or {"message": "..."}
//	{"error_messages": ["..."]}
//	{"errors": {...}}
//	{"responseCode", "responseMessage"}
//	{"status", "response_code"}
func (a *answer) envelope(top object) *Error {
	inner, err1 := top.object("error")
	outer, err2 := top.object("errors")
	if err1 != nil || err2 != nil {
		return nil
	}
	code := cmp.Or(inner.text("code"), outer.text("code"), top.text("response_code"), top.text("responseCode"))
	message := cmp.Or(inner.text("message"), top.text("error"), joined(top.get("error_messages")), joined(top.get("message")),
		outer.text("message"), top.text("responseMessage"), top.text("response_message"))
	if code == "" && message == "" && top.get("error") == nil && top.get("errors") == nil {
		return nil
	}
	if len(code) > maxCode || strings.Trim(code, codeChars) != "" {
		code = ""
	}
	return &Error{Code: code, Message: sanitize(message, a.call.personal)}
}

const (
	maxCode   = 64
	codeChars = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"
)

// joined reads a string or an array of strings.
func joined(raw []byte) string {
	if len(raw) == 0 || raw[0] != '[' {
		return text(raw)
	}
	var all []string
	for _, e := range elements(raw) {
		if s := text(e); s != "" {
			all = append(all, s)
		}
	}
	return strings.Join(all, "; ")
}
