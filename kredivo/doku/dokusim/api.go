package dokusim

import (
	"crypto/hmac"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"
)

const (
	generatePath = "/kredivo-peer-to-peer/v2/generate-order"
	statusPath   = "/orders/v1/status/"

	maxRequest   = 1 << 20            // bytes of a request body; a real order has a few thousand
	maxRequestID = 128                // DOKU: Request-Id "max 128 char"
	clockWindow  = 3600 * time.Second // observed: "not in +- 3600 second of now"
	timeLayout   = "2006-01-02T15:04:05Z"
	maxLog       = 100_000 // calls and deliveries remembered, so that a long-running simulator stays bounded
)

// An Endpoint is one of DOKU's two calls.
type Endpoint string

// The endpoints.
const (
	AnyEndpoint   Endpoint = ""
	GenerateOrder Endpoint = "generate-order"
	CheckStatus   Endpoint = "check-status"
)

// A Call is one request to DOKU's API, as it came in.
type Call struct {
	At        time.Time   `json:"at"`
	Endpoint  Endpoint    `json:"endpoint"`
	RequestID string      `json:"request_id"`
	Header    http.Header `json:"-"`
	Body      []byte      `json:"-"`
	Status    int         `json:"status"`          // of the answer; 0 while there is none, or if it was cut
	Fault     FaultKind   `json:"fault,omitempty"` // what was done to it
}

// Calls returns the requests to DOKU's API so far, oldest first, at most the last 100,000.
func (s *Simulator) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]Call, len(s.calls))
	for i, c := range s.calls {
		list[i] = *c
	}
	return list
}

// An answer is what DOKU says to one call.
type answer struct {
	status int
	body   []byte
	signed bool // false for refusals before the signature was found right
}

func (s *Simulator) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+generatePath, s.endpoint(GenerateOrder, s.generate))
	mux.HandleFunc("GET "+statusPath+"{id}", s.endpoint(CheckStatus, s.status))
	mux.HandleFunc("GET "+payPath, s.showPayPage)
	mux.HandleFunc("POST "+payPath, s.submitPayPage)
	s.controlRoutes(mux)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		write(w, gatewayError(http.StatusNotFound, "not_found", "No such resource"))
	})
	var guard http.CrossOriginProtection // the pay and control pages run in browsers; DOKU's callers send none of the headers it checks
	return guard.Handler(mux)
}

// endpoint wraps one of DOKU's calls: faults, the header checks, the signed answer.
func (s *Simulator) endpoint(name Endpoint, process func(r *http.Request, body []byte) answer) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", s.now().Format(http.TimeFormat)) // by its own clock, as servers do
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
		if err != nil {
			write(w, gatewayError(http.StatusRequestEntityTooLarge, "invalid_request", "Request body cannot be read or is too large"))
			return
		}
		fault := s.takeFault(name)
		call := s.record(Call{
			At: s.now(), Endpoint: name, RequestID: r.Header.Get("Request-Id"), Header: r.Header.Clone(), Body: body, Fault: fault.Kind,
		})
		var a answer
		switch {
		case fault.before():
		case fault.Kind == BusinessFailure:
			a = s.answer(r, body, s.decline)
		default:
			a = s.answer(r, body, process)
		}
		status := s.reply(w, r, a, fault) // may panic to cut the connection; then no whole answer was sent
		s.mu.Lock()
		call.Status = status
		s.mu.Unlock()
	}
}

func (s *Simulator) answer(r *http.Request, body []byte, process func(*http.Request, []byte) answer) answer {
	if refusal, bad := s.checkHeaders(r, body); bad {
		return refusal
	}
	a := process(r, body)
	a.signed = true
	return a
}

// checkHeaders makes the gateway's checks in the order observed: the four headers, the time, the client, the signature.
func (s *Simulator) checkHeaders(r *http.Request, body []byte) (refusal answer, bad bool) {
	for _, name := range []string{"Client-Id", "Request-Id", requestTime, "Signature"} {
		if r.Header.Get(name) == "" {
			return gatewayError(http.StatusBadRequest, "invalid_header_request", "Header "+name+" is required"), true
		}
	}
	requestID, stamp := r.Header.Get("Request-Id"), r.Header.Get(requestTime)
	if len(requestID) > maxRequestID {
		return gatewayError(http.StatusBadRequest, "invalid_header_request", "Invalid format Header Request-Id"), true
	}
	at, err := time.Parse(timeLayout, stamp)
	if err != nil || len(stamp) != len(timeLayout) {
		return gatewayError(http.StatusBadRequest, "invalid_header_request", "Invalid format Header Request-Timestamp"), true
	}
	if s.now().Truncate(time.Second).Sub(at).Abs() > clockWindow {
		return gatewayError(http.StatusBadRequest, "request_time_out_of_range",
			"Header Request-Timestamp is not in +- 3600 second of now"), true
	}
	if r.Header.Get("Client-Id") != s.cfg.ClientID {
		return gatewayError(http.StatusUnauthorized, "invalid_client_id", "Invalid Client-Id"), true
	}
	want := signedText{
		clientID: s.cfg.ClientID, requestID: requestID, timeLabel: requestTime, time: stamp,
		target: r.URL.EscapedPath(), digest: r.Method != http.MethodGet, body: body,
	}.sign(s.cfg.SecretKey)
	if !hmac.Equal([]byte(r.Header.Get("Signature")), []byte(want)) {
		return gatewayError(http.StatusUnauthorized, "invalid_signature", "Invalid Header Signature"), true
	}
	return answer{}, false
}

// setHeaders sets the headers of an answer. DOKU: "Response header", signed with the label Response-Timestamp.
func (s *Simulator) setHeaders(h http.Header, r *http.Request, a answer, secret string) {
	h.Set("Content-Type", "application/json")
	if !a.signed {
		return
	}
	text := signedText{
		clientID: s.cfg.ClientID, requestID: r.Header.Get("Request-Id"), timeLabel: responseTime, time: s.now().Format(timeLayout),
		target: r.URL.EscapedPath(), digest: r.Method != http.MethodGet, body: a.body,
	}
	h.Set("Client-Id", text.clientID)
	h.Set("Request-Id", text.requestID)
	h.Set(responseTime, text.time)
	h.Set("Signature", text.sign(secret))
}

// gatewayError is the envelope of errors on all paths: {"error":{"code","message","type"}}.
func gatewayError(status int, code, message string) answer {
	type object struct {
		Code    string `json:"code"`
		Message string `json:"message"`
		Type    string `json:"type"`
	}
	return answer{status: status, body: encode(map[string]object{"error": {code, message, "invalid_request_error"}})}
}

func write(w http.ResponseWriter, a answer) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body)
}

// encode gives JSON as DOKU writes it: no HTML escapes, no newline at the end.
func encode(v any) []byte { return encodeIndent(v, "") }

func encodeIndent(v any, indent string) []byte {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	if err := e.Encode(v); err != nil {
		panic(err) // our own types always encode
	}
	return []byte(strings.TrimSuffix(b.String(), "\n"))
}

func (s *Simulator) record(c Call) *Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = appendBounded(s.calls, &c)
	return &c
}

// appendBounded appends and, now and then, forgets the oldest half.
func appendBounded[T any](list []T, v T) []T {
	if len(list) >= maxLog {
		list = append(list[:0:0], list[maxLog/2:]...)
	}
	return append(list, v)
}

func (s *Simulator) now() time.Time { return s.cfg.Clock.Now().UTC() }
