package dokusim

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"
)

// compactLayout is how DOKU writes dates that do not end in _utc: WIB, UTC+7, which has no daylight saving.
const compactLayout = "20060102150405"

func compact(t time.Time) string { return t.In(wib()).Format(compactLayout) }

func wib() *time.Location { return time.FixedZone("WIB", 7*60*60) }

// generatedOrder is the answer to generate-order. DOKU: Kredivo, "API Response".
type generatedOrder struct {
	Order struct {
		InvoiceNumber string      `json:"invoice_number"`
		Amount        json.Number `json:"amount"`
	} `json:"order"`
	Payment struct {
		Status string `json:"status"`
		URL    string `json:"url,omitempty"`
	} `json:"payment"`
	PeerToPeer struct {
		Identifier     []pair `json:"identifier"`
		CreatedDate    string `json:"created_date"`
		ExpiredDate    string `json:"expired_date"`
		CreatedDateUTC string `json:"created_date_utc"`
		ExpiredDateUTC string `json:"expired_date_utc"`
		Reference      string `json:"merchant_unique_reference"`
	} `json:"peer_to_peer_info"`
	AdditionalInfo *struct {
		OverrideNotificationURL string `json:"override_notification_url"`
	} `json:"additional_info,omitempty"`
}

func (s *Simulator) generate(r *http.Request, body []byte) answer { return s.place(r, body, Pending) }

// decline answers FAILED: the order exists, but never gets a URL. DOKU asks for new references then.
func (s *Simulator) decline(r *http.Request, body []byte) answer { return s.place(r, body, Failed) }

// place makes the order of a request whose headers are right, or replays what the same Request-Id was told before.
func (s *Simulator) place(r *http.Request, body []byte, status string) answer {
	requestID := r.Header.Get("Request-Id")
	s.mu.Lock()
	defer s.mu.Unlock()
	if first, ok := s.answers[requestID]; ok {
		if o, ok := s.byRequest[requestID]; ok {
			o.Calls++
			o.RequestIDs = append(o.RequestIDs, requestID)
		}
		return answer{status: http.StatusConflict, body: first.body}
	}
	a := s.placeNew(r, requestID, body, status)
	s.answers[requestID] = a
	s.log.Info("generate-order", "request_id", requestID, "status", a.status)
	return a
}

func (s *Simulator) placeNew(r *http.Request, requestID string, body []byte, status string) answer {
	o, problems := readOrder(body)
	if earlier, ok := s.byInvoice[o.Invoice]; ok {
		earlier.Calls++
		earlier.RequestIDs = append(earlier.RequestIDs, requestID)
	}
	problems = append(problems, s.conflicts(o)...)
	if len(problems) > 0 {
		return gatewayError(http.StatusBadRequest, "invalid_parameter", strings.Join(problems, "; "))
	}

	o.RequestID, o.RequestIDs, o.Calls = requestID, []string{requestID}, 1
	o.Status, o.before = status, status
	o.CreatedAt = s.now().Truncate(time.Second)
	o.ChangedAt, o.ExpiresAt = o.CreatedAt, o.CreatedAt.Add(o.lifetime)
	o.identifier = []pair{{"KREDIVO_TRANSACTION_ID", s.newID()}}
	if status == Pending {
		o.token = s.newToken()
		o.PaymentURL = s.base(r) + payPath + "?tk=" + url.QueryEscape(o.token) + "&ch=KREDIVO"
		s.byToken[o.token] = o
	}
	if s.cfg.NotifyExpired {
		s.push(&message{due: o.ExpiresAt, expiry: o})
	}
	s.orders = append(s.orders, o)
	s.byInvoice[o.Invoice], s.byRequest[requestID], s.byReference[o.Reference] = o, o, o
	return answer{status: http.StatusOK, body: encode(o.generated())}
}

// conflicts checks an order against what the simulator has.
func (s *Simulator) conflicts(o *order) (problems []string) {
	if _, ok := s.byInvoice[o.Invoice]; ok {
		problems = append(problems, "Invalid Field Format order.invoice_number: has been used by another request")
	}
	if _, ok := s.byReference[o.Reference]; ok {
		problems = append(problems, "Invalid Field Format peer_to_peer_info.merchant_unique_reference: has been used by another request")
	}
	if o.NotificationURL != "" {
		u, err := url.Parse(o.NotificationURL)
		if err != nil || s.notifyURL == nil || u.EscapedPath() != s.notifyURL.EscapedPath() {
			problems = append(problems, "Invalid Field Format additional_info.override_notification_url: path must be that of the configured URL")
		}
	}
	return problems
}

func (o *order) generated() (g generatedOrder) {
	g.Order.InvoiceNumber, g.Order.Amount = o.Invoice, json.Number(o.Amount.String())
	g.Payment.Status, g.Payment.URL = o.Status, o.PaymentURL
	p := &g.PeerToPeer
	p.Identifier, p.Reference = o.identifier, o.Reference
	p.CreatedDate, p.ExpiredDate = compact(o.CreatedAt), compact(o.ExpiresAt)
	p.CreatedDateUTC, p.ExpiredDateUTC = o.CreatedAt.Format(timeLayout), o.ExpiresAt.Format(timeLayout)
	if o.NotificationURL != "" {
		g.AdditionalInfo = &struct {
			OverrideNotificationURL string `json:"override_notification_url"`
		}{o.NotificationURL}
	}
	return g
}

// base is where browsers reach the simulator.
func (s *Simulator) base(r *http.Request) string {
	if s.publicURL != "" {
		return s.publicURL
	}
	scheme := cmp.Or(r.URL.Scheme, "http") // set when the request came in process
	if r.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + r.Host
}

// newID returns a UUID from the simulator's own source of chance. The caller holds mu.
func (s *Simulator) newID() string { return uuid.Must(uuid.NewRandomFromReader(s.random)).String() }

// newToken returns an unguessable token that holds a plus, a slash and an equals sign, so that a merchant who decodes or re-encodes
// payment URLs is found out. The caller holds mu.
func (s *Simulator) newToken() string {
	b := make([]byte, 19)
	_, _ = s.random.Read(b)
	return "k+/" + base64.StdEncoding.EncodeToString(b)
}

func trimSlash(text string) string { return strings.TrimRight(text, "/") }
