package doku

import (
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// The outcomes of a call that did not succeed. Every [*Error] wraps exactly one of them.
var (
	// ErrRequest: an argument was wrong; nothing was sent.
	ErrRequest = errors.New("invalid request")
	// ErrUnavailable: no answer, or none from DOKU itself: connection trouble, a deadline, a
	// cancelled context, HTTP 5xx, 408, 429, a redirect. DOKU may have received the request.
	ErrUnavailable = errors.New("doku is unavailable")
	// ErrUnreadable: an answer that is not what DOKU documents: HTML, cut off, too large, a missing
	// field, a payment page that is not https. DOKU may have accepted the request.
	ErrUnreadable = errors.New("unreadable answer")
	// ErrResponseSignature: the answer's signature is missing or wrong. DOKU may have accepted the
	// request.
	ErrResponseSignature = errors.New("answer is not signed by doku")
	// ErrUnauthorized: DOKU did not accept our Client-Id, signature or headers, or the account may
	// not use the service. The configuration has to be put right; the request can then be sent again.
	ErrUnauthorized = errors.New("credentials or headers refused")
	// ErrClock: DOKU finds our clock more than an hour off, also after one correction.
	ErrClock = errors.New("clock is off")
	// ErrConflict: HTTP 409 with an error instead of the first answer. What DOKU holds under this
	// Request-Id is not known: ask [Client.CheckStatus].
	ErrConflict = errors.New("request id is taken")
	// ErrForeignReplay: the answer is about another order, as when a 409 replays the answer to
	// somebody else's request with the same Request-Id.
	ErrForeignReplay = errors.New("answer belongs to another order")
	// ErrUnknownOrder: check status has no information. It never means that a payment failed, and
	// does not prove that DOKU holds no order.
	ErrUnknownOrder = errors.New("order is unknown")
	// ErrRejected: DOKU answered 4xx and refused the request for good.
	ErrRejected = errors.New("request refused")
	// ErrFailed: DOKU answered 200 with payment.status FAILED and no payment page. A new request needs
	// a new Request-Id, invoice number and merchant unique reference.
	ErrFailed = errors.New("payment request failed")
)

// An Error is the failure of one call, after its retries. Get at it with errors.As, and at the cause
// with errors.Is and the errors above.
type Error struct {
	Op         string    // "generate order" or "check status"
	Code       string    // DOKU's error code, such as invalid_signature; often empty
	HTTPStatus int       // of the last answer; 0 when there was none
	RequestID  string    // the Request-Id sent
	AnsweredAt time.Time // DOKU's time, from the Date header of the last answer, UTC; zero when there was none
	// Message is DOKU's explanation in at most 200 characters, without control characters, e-mail
	// addresses and long numbers, and "[hidden]" when it repeats customer data of the request. It is meant for developers, not for
	// shoppers: Kredivo does not want them told reasons.
	Message string
	Err     error // the cause; never nil
}

// Error names the operation, cause, HTTP status, code, message and Request-Id.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("doku: " + e.Op + ": ")
	if e.Err != nil {
		b.WriteString(e.Err.Error())
	}
	if e.HTTPStatus != 0 {
		b.WriteString(", HTTP " + strconv.Itoa(e.HTTPStatus))
	}
	if e.Code != "" {
		b.WriteString(", code " + e.Code)
	}
	if e.Message != "" {
		b.WriteString(", DOKU says " + `"` + e.Message + `"`)
	}
	if e.RequestID != "" {
		b.WriteString(" (request " + e.RequestID + ")")
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Retryable reports whether the outcome is open and the same Request-Id and bytes may be sent again:
// DOKU answers a repeat with what it answered first.
func (e *Error) Retryable() bool {
	return errors.Is(e.Err, ErrUnavailable) || errors.Is(e.Err, ErrUnreadable) || errors.Is(e.Err, ErrResponseSignature)
}

// Rejected reports whether DOKU refused the request for good, so that nothing that can be paid
// exists under it. An error that is neither Rejected nor Retryable needs somebody's attention or a
// look at check status; the order must not be given up because of it.
func (e *Error) Rejected() bool {
	return errors.Is(e.Err, ErrRejected) || errors.Is(e.Err, ErrFailed)
}

// LogValue shows everything but DOKU's message.
func (e *Error) LogValue() slog.Value {
	quiet := *e
	quiet.Message = ""
	return slog.StringValue(quiet.Error())
}

const maxMessage = 200 // characters: DOKU's are one sentence; a page of HTML is no message

// sanitize makes DOKU's text fit for a developer's log. Text with one of the personal values is hidden
// altogether; words with an @ or more than six digits are hidden one by one.
func sanitize(message string, personal []string) string {
	folded := strings.ToLower(message)
	for _, p := range personal {
		if len(p) > 2 && strings.Contains(folded, strings.ToLower(p)) {
			return "[hidden]"
		}
	}
	words := strings.FieldsFunc(message, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) })
	length := 0
	for i, w := range words {
		if strings.Contains(w, "@") || countDigits(w) > 6 {
			words[i] = "[hidden]"
		}
		if length += utf8.RuneCountInString(words[i]) + 1; length > maxMessage {
			return string([]rune(strings.Join(words[:i+1], " "))[:maxMessage])
		}
	}
	return strings.Join(words, " ")
}

func countDigits(s string) int {
	n := 0
	for _, r := range s {
		if unicode.IsDigit(r) {
			n++
		}
	}
	return n
}
