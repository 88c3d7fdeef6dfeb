package kredivo

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/paylater-go/paylater/validation"
)

// A Code names one kind of refusal. Codes are stable: programs may compare them, and they are the
// "code" member of the problem documents that the routes answer with.
type Code string

// The codes, with the HTTP status each is answered with in the table below.
const (
	CodeInvalidOrder    Code = "invalid_order"      // the order breaks a rule of DOKU's; Fields says which
	CodeInvalidRequest  Code = "invalid_request"    // the HTTP request itself cannot be read
	CodeOrderNotFound   Code = "order_not_found"    // unknown to the shop, or another buyer's
	CodeOrderChanged    Code = "order_changed"      // the amount differs from the one a running payment was started with
	CodeAlreadyPaid     Code = "already_paid"       // a payment of this order has succeeded
	CodeInReview        Code = "in_review"          // money arrived that does not match; a person must look
	CodeNotPayable      Code = "not_payable"        // refunded or voided: this order is over
	CodeNotPaid         Code = "not_paid"           // CheckPaid found no successful payment
	CodePaymentRefused  Code = "payment_refused"    // Kredivo or DOKU said no; another try makes a new attempt
	CodeUnavailable     Code = "unavailable"        // DOKU or the store cannot be reached now; the same click works later
	CodeMisconfigured   Code = "misconfigured"      // DOKU refuses our credentials or clock
	CodeCrossOrigin     Code = "cross_origin"       // a form on another site tried to start a payment
	CodeNotAuthorized   Code = "not_authorized"     // the Buyer hook returned an error or an empty key
	CodeBadSignature    Code = "bad_signature"      // a notification that DOKU did not sign for us
	CodeNotFound        Code = "not_found"          // an unknown token
	CodeBodyTooLarge    Code = "body_too_large"     // over Route.MaxBody
	CodeUnsupportedBody Code = "unsupported_body"   // a Content-Encoding, or a media type we do not read
	CodeBodyTimeout     Code = "body_timeout"       // the body did not arrive in time
	CodeWrongMethod     Code = "method_not_allowed" // the path exists under another method
	CodeInternal        Code = "internal_error"     // anything else; the cause is only logged
)

var httpStatus = map[Code]int{
	CodeInvalidOrder:    http.StatusUnprocessableEntity,
	CodeInvalidRequest:  http.StatusBadRequest,
	CodeOrderNotFound:   http.StatusNotFound,
	CodeOrderChanged:    http.StatusConflict,
	CodeAlreadyPaid:     http.StatusConflict,
	CodeInReview:        http.StatusConflict,
	CodeNotPayable:      http.StatusConflict,
	CodeNotPaid:         http.StatusPaymentRequired,
	CodePaymentRefused:  http.StatusConflict,
	CodeUnavailable:     http.StatusServiceUnavailable,
	CodeMisconfigured:   http.StatusServiceUnavailable,
	CodeCrossOrigin:     http.StatusForbidden,
	CodeNotAuthorized:   http.StatusUnauthorized,
	CodeBadSignature:    http.StatusUnauthorized,
	CodeNotFound:        http.StatusNotFound,
	CodeBodyTooLarge:    http.StatusRequestEntityTooLarge,
	CodeUnsupportedBody: http.StatusUnsupportedMediaType,
	CodeBodyTimeout:     http.StatusRequestTimeout,
	CodeWrongMethod:     http.StatusMethodNotAllowed,
	CodeInternal:        http.StatusInternalServerError,
}

// An Error is a refusal that may be shown: a stable Code, and a Detail that tells the developer what
// to change and holds nothing personal. The cause in Err is for logs only and never reaches an answer.
// Two Errors with the same Code match under [errors.Is], so the sentinels below work.
type Error struct {
	Code   Code
	Detail string            // one English sentence for the developer; may be empty
	Fields validation.Errors // every field that is wrong, for CodeInvalidOrder
	Err    error             // the cause, for logs

	logged bool // with more than whoever answers the request knows
}

// Sentinels for [errors.Is]. A hook may return ErrOrderNotFound, also wrapped.
var (
	ErrOrderNotFound  = &Error{Code: CodeOrderNotFound}
	ErrOrderChanged   = &Error{Code: CodeOrderChanged}
	ErrAlreadyPaid    = &Error{Code: CodeAlreadyPaid}
	ErrInReview       = &Error{Code: CodeInReview}
	ErrNotPayable     = &Error{Code: CodeNotPayable}
	ErrNotPaid        = &Error{Code: CodeNotPaid}
	ErrPaymentRefused = &Error{Code: CodePaymentRefused}
	ErrUnavailable    = &Error{Code: CodeUnavailable}
	ErrInvalidOrder   = &Error{Code: CodeInvalidOrder}
	ErrBadSignature   = &Error{Code: CodeBadSignature}
	ErrBodyTooLarge   = &Error{Code: CodeBodyTooLarge, Detail: "the request body is over the limit of this route"}
)

// Error gives the code, the detail and the fields, never the value of a field.
func (e *Error) Error() string {
	s := "kredivo: " + string(e.Code)
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	if len(e.Fields) > 0 {
		s += ": " + e.Fields.Error()
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// LogValue is Error with the cause as the cause wants to be logged: DOKU's own sentence, which may hold
// anything, stays out.
func (e *Error) LogValue() slog.Value {
	quiet := *e
	quiet.Err = nil
	s := quiet.Error()
	if e.Err != nil {
		s += ": " + slog.AnyValue(e.Err).Resolve().String()
	}
	return slog.StringValue(s)
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether target is an *Error with the same Code.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// HTTPStatus is the status that the routes answer this error with.
func (e *Error) HTTPStatus() int {
	if s, ok := httpStatus[e.Code]; ok {
		return s
	}
	return http.StatusInternalServerError
}

// newError makes an Error with a formatted detail.
func newError(code Code, cause error, format string, args ...any) *Error {
	return &Error{Code: code, Detail: fmt.Sprintf(format, args...), Err: cause}
}

// asError turns any error into one that is safe to answer with: an *Error stays, all else becomes
// CodeInternal with the cause kept for the log.
func asError(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{Code: CodeInternal, Err: err}
}
