package dokusim

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// event is the body of notifications and of check-status answers. DOKU: "HTTP Notification", peer-to-peer sample, and check-status,
// "similar to the HTTP notification".
type event struct {
	Service  ref `json:"service"`
	Acquirer ref `json:"acquirer"`
	Channel  ref `json:"channel"`
	Order    struct {
		InvoiceNumber string      `json:"invoice_number"`
		Amount        json.Number `json:"amount"` // integer in answers, with .00 in notifications
	} `json:"order"`
	Transaction struct {
		Status            string `json:"status"`
		Date              string `json:"date,omitempty"`
		OriginalRequestID string `json:"original_request_id"`
	} `json:"transaction"`
	PeerToPeer struct {
		CreatedDate string `json:"created_date"`
		ExpiredDate string `json:"expired_date"`
		Status      string `json:"status"`
		Reference   string `json:"merchant_unique_reference"`
		Identifier  []pair `json:"identifier"`
	} `json:"peer_to_peer_info"`
	Customer       *person         `json:"customer,omitempty"`
	AdditionalInfo *additionalInfo `json:"additional_info,omitempty"`
}

type ref struct {
	ID   string `json:"id"`
	Name string `json:"name,omitempty"`
}

type person struct {
	Name  string `json:"name"`
	Email string `json:"email"`
	Phone string `json:"phone"`
}

type additionalInfo struct {
	Origin struct {
		Product   string `json:"product"`
		APIFormat string `json:"api_format"`
	} `json:"origin"`
	LineItems []noticeLine `json:"line_items,omitempty"`
}

// noticeLine has a quantity with decimals and a price as text, as observed.
type noticeLine struct {
	Name     string      `json:"name"`
	Quantity json.Number `json:"quantity"`
	Price    string      `json:"price"`
}

// status answers check-status by invoice number or by the Request-Id of generate-order.
func (s *Simulator) status(r *http.Request, _ []byte) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := r.PathValue("id")
	o, ok := s.byInvoice[id]
	if !ok {
		o, ok = s.byRequest[id]
	}
	if !ok {
		return gatewayError(http.StatusNotFound, "transaction_not_found", "Transaction not found")
	}
	s.expireIfDue(o)
	status := o.Status
	if s.now().Before(o.ChangedAt.Add(s.cfg.StatusLag)) {
		status = o.before
	}
	e := o.event(status, json.Number(o.Amount.String()))
	if status != Pending {
		e.Transaction.Date = o.ChangedAt.UTC().Format(timeLayout)
	}
	e.AdditionalInfo = origin()
	return answer{status: http.StatusOK, body: encode(e)}
}

func (o *order) event(status string, amount json.Number) (e event) {
	e.Service.ID, e.Acquirer.ID, e.Channel.ID = "PEER_TO_PEER", "KREDIVO", "PEER_TO_PEER_KREDIVO"
	e.Order.InvoiceNumber, e.Order.Amount = o.Invoice, amount
	e.Transaction.Status, e.Transaction.OriginalRequestID = status, o.RequestID
	p := &e.PeerToPeer
	p.CreatedDate, p.ExpiredDate = compact(o.CreatedAt), compact(o.ExpiresAt)
	p.Status, p.Reference, p.Identifier = status, o.Reference, o.identifier
	return e
}

// notification is the event as DOKU pushes it: pretty-printed with two spaces, LF, no newline at the end, amounts with .00.
func (o *order) notification(status, amount string, at time.Time) event {
	e := o.event(status, json.Number(amount+".00"))
	e.Transaction.Date = at.UTC().Format(timeLayout)
	return e
}

// decorated adds what real notifications carry besides: names, somebody's personal data (here nobody's), line items.
func (e event) decorated(o *order) event {
	e.Service.Name, e.Acquirer.Name, e.Channel.Name = "Peer to Peer", "Kredivo", "Kredivo"
	e.Customer = &person{"Pembeli Simulasi", "pembeli@simulator.invalid", "6280000000000"}
	e.AdditionalInfo = origin()
	for _, l := range o.Lines {
		quantity := json.Number(strconv.Itoa(l.Quantity) + ".0")
		e.AdditionalInfo.LineItems = append(e.AdditionalInfo.LineItems, noticeLine{l.Name, quantity, l.Price.String()})
	}
	return e
}

func origin() *additionalInfo {
	var a additionalInfo
	a.Origin.Product, a.Origin.APIFormat = "DIRECT_API", "JOKUL"
	return &a
}
