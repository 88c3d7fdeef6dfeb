package dokusim

import (
	"bytes"
	"cmp"
	"io"
	"math"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/paylater-go/paylater/money"
)

const (
	maxHang     = time.Minute // a hanging answer is cut after this, should the client never give up
	defaultSlow = 2 * time.Second
	endlessSize = 4 << 20 // bytes of an endless answer
)

// Always as Times makes a fault last until [Simulator.Heal].
const Always = math.MaxInt

// A FaultKind says what goes wrong with an API call.
type FaultKind string

// The faults. Unless [Fault].AfterCommit is set, DOKU does not process the call (BusinessFailure, Slow and WrongResponseSignature do).
const (
	ServerError            FaultKind = "server_error"             // 500, or Fault.Status
	TooManyRequests        FaultKind = "too_many_requests"        // 429
	AnswerStatus           FaultKind = "answer_status"            // Fault.Status with Fault.Body
	BusinessFailure        FaultKind = "business_failure"         // generate-order: 200 with payment.status FAILED and no URL
	Timeout                FaultKind = "timeout"                  // no answer until the client gives up, or Fault.Wait (default 1 minute)
	Slow                   FaultKind = "slow"                     // the right answer after Fault.Wait (default 2 seconds)
	HTML                   FaultKind = "html"                     // a proxy's error page with 502, or Fault.Status
	Garbage                FaultKind = "garbage"                  // 200, rightly signed bytes that are not JSON
	Truncated              FaultKind = "truncated"                // the connection breaks in the middle of the body
	Endless                FaultKind = "endless"                  // 200 and 4 MiB of a JSON string that does not end
	WrongResponseSignature FaultKind = "wrong_response_signature" // the right answer, signed with another key
	DropAnswerAfterCommit  FaultKind = "drop_answer_after_commit" // the order exists, the connection breaks before the answer
)

// FaultKinds returns all kinds.
func FaultKinds() []FaultKind {
	return []FaultKind{
		ServerError, TooManyRequests, AnswerStatus, BusinessFailure, Timeout, Slow, HTML, Garbage, Truncated, Endless,
		WrongResponseSignature, DropAnswerAfterCommit,
	}
}

// A Fault goes wrong with the next API calls. See [Simulator.Fail].
type Fault struct {
	Kind        FaultKind
	Endpoint    Endpoint      // default: both
	Times       int           // how many calls; default 1; see Always
	Status      int           // for the kinds that say so
	Body        string        // for AnswerStatus; default: an error envelope
	Wait        time.Duration // for Timeout and Slow; runs on the real clock
	AfterCommit bool          // process the call first: the order exists, whatever the client sees
}

// A NotifyFault goes wrong with the next notifications that the simulator sends by itself. See [Simulator.NotifyFaults].
type NotifyFault struct {
	Times        int           // how many notifications; default 1; see Always
	Never        bool          // nothing is sent at all, now or later
	Drop         int           // so many tries are lost on the way; 4 outlasts DOKU's retries
	Delay        time.Duration // on top of Config.NotifyAfter
	Duplicates   int           // copies with the same Request-Id and bytes
	Reorder      bool          // held back until the next notification, of any order, has gone first
	BadSignature bool          // signed with another key
	Amount       money.Amount  // another amount in the body; zero: the right one
	Status       string        // another status in the body; "": the right one
}

// Fail makes the next calls that f matches go wrong. Several faults apply one after the other, in the order they were given.
func (s *Simulator) Fail(f Fault) {
	f.Times = max(f.Times, 1)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, f)
}

// NotifyFaults makes the next notifications go wrong. It leaves those already due, and those made by [Simulator.Send], alone.
func (s *Simulator) NotifyFaults(f NotifyFault) {
	f.Times = max(f.Times, 1)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notifyFaults = append(s.notifyFaults, f)
}

// Heal takes all faults back.
func (s *Simulator) Heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults, s.notifyFaults = nil, nil
}

func (s *Simulator) takeFault(e Endpoint) Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.faults, func(f Fault) bool { return f.matches(e) })
	if i < 0 {
		return Fault{}
	}
	f := s.faults[i]
	if s.faults[i].Times--; f.Times == 1 {
		s.faults = slices.Delete(s.faults, i, i+1)
	}
	return f
}

func (s *Simulator) takeNotifyFault() NotifyFault {
	if len(s.notifyFaults) == 0 {
		return NotifyFault{}
	}
	f := s.notifyFaults[0]
	if s.notifyFaults[0].Times--; f.Times == 1 {
		s.notifyFaults = s.notifyFaults[1:]
	}
	return f
}

func (f Fault) matches(e Endpoint) bool {
	if f.Kind == BusinessFailure && e != GenerateOrder {
		return false
	}
	return f.Endpoint == AnyEndpoint || f.Endpoint == e
}

// before reports whether the fault strikes before DOKU has processed the call.
func (f Fault) before() bool {
	switch f.Kind {
	case "", BusinessFailure, Slow, WrongResponseSignature, DropAnswerAfterCommit:
		return false
	default:
		return !f.AfterCommit
	}
}

// reply sends a, or what the fault makes of it, and returns the status sent. It panics with [http.ErrAbortHandler] to cut the
// connection. a is empty if the fault struck before the call was processed.
func (s *Simulator) reply(w http.ResponseWriter, r *http.Request, a answer, f Fault) int {
	secret := s.cfg.SecretKey
	switch f.Kind {
	case ServerError:
		a = gatewayError(cmp.Or(f.Status, http.StatusInternalServerError), "internal_server_error", "INTERNAL SERVER ERROR")
	case TooManyRequests:
		w.Header().Set("Retry-After", "1")
		a = gatewayError(http.StatusTooManyRequests, "too_many_requests", "Too many requests")
	case AnswerStatus:
		status := cmp.Or(f.Status, http.StatusInternalServerError)
		if a = gatewayError(status, "status_"+strconv.Itoa(status), http.StatusText(status)); f.Body != "" {
			a.body = []byte(f.Body)
		}
		a.signed = true
	case HTML:
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(cmp.Or(f.Status, http.StatusBadGateway))
		_, _ = io.WriteString(w, "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body><center><h1>502 Bad Gateway</h1></center></body>\r\n</html>\r\n")
		return cmp.Or(f.Status, http.StatusBadGateway)
	case Garbage:
		a = answer{status: http.StatusOK, body: s.garbage(512), signed: true}
	case Endless:
		s.setHeaders(w.Header(), r, answer{signed: true}, "another key")
		w.WriteHeader(http.StatusOK)
		sendEndless(w)
		return http.StatusOK
	case Truncated:
		if a.body == nil {
			a = answer{status: http.StatusOK, body: []byte(`{"order":{"invoice_number":"cut","amount":1},"payment":{"status":"PENDING"}}`), signed: true}
		}
		s.setHeaders(w.Header(), r, a, secret)
		w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
		w.WriteHeader(a.status)
		_, _ = w.Write(a.body[:len(a.body)/2])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	case Timeout:
		wait(r, cmp.Or(f.Wait, maxHang))
		panic(http.ErrAbortHandler)
	case DropAnswerAfterCommit:
		panic(http.ErrAbortHandler)
	case Slow:
		wait(r, cmp.Or(f.Wait, defaultSlow))
	case WrongResponseSignature:
		secret = "another key"
	default: // BusinessFailure has been seen to
	}
	s.setHeaders(w.Header(), r, a, secret)
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body)
	return a.status
}

// wait returns after d, or when the client has gone.
func wait(r *http.Request, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-r.Context().Done():
	}
}

func sendEndless(w io.Writer) {
	_, err := io.WriteString(w, `{"order":{"invoice_number":"`)
	chunk := bytes.Repeat([]byte("A"), 64<<10)
	for sent := 0; err == nil && sent < endlessSize; sent += len(chunk) {
		_, err = w.Write(chunk)
	}
}

// garbage returns n random bytes that are not JSON.
func (s *Simulator) garbage(n int) []byte {
	b := make([]byte, n)
	s.mu.Lock()
	defer s.mu.Unlock()
	_, _ = s.random.Read(b)
	b[0] = '#'
	return b
}
