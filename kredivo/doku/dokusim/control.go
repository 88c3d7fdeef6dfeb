package dokusim

import (
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/paylater-go/paylater/money"
)

const (
	controlPath = "/_sim/"
	shownTries  = 50 // deliveries on the control page; /_sim/state has all
)

//go:embed control.html
var controlSource string

var controlTemplate = template.Must(template.New("control").Parse(controlSource))

// State is the JSON at /_sim/state.
type State struct {
	Now             time.Time  `json:"now"`
	NotificationURL string     `json:"notification_url"`
	Orders          []Order    `json:"orders"`
	Deliveries      []Delivery `json:"deliveries"`
	Calls           []Call     `json:"calls"`
	Waiting         int        `json:"waiting"` // notifications that wait for their time
}

// State returns everything the simulator shows about itself at /_sim/state.
func (s *Simulator) State() State {
	s.mu.Lock()
	notifyURL := ""
	if s.notifyURL != nil {
		notifyURL = s.notifyURL.String()
	}
	s.mu.Unlock()
	return State{
		Now: s.now(), NotificationURL: notifyURL,
		Orders: s.Orders(), Deliveries: s.Deliveries(), Calls: s.Calls(), Waiting: s.Waiting(),
	}
}

// controlRoutes adds the control page. The POSTs take form values, so that a page and a program use the same: a browser is sent back
// to the page, everybody else gets the state as JSON.
//
//	GET  /_sim/               the page
//	GET  /_sim/state          everything, as JSON
//	POST /_sim/order          invoice, action: pay, pay-late, refuse, expire, leave, refund, resend
//	POST /_sim/send           invoice, and the fields of Notice in snake_case
//	POST /_sim/fail           the fields of Fault
//	POST /_sim/notify-fault   the fields of NotifyFault
//	POST /_sim/heal
//	POST /_sim/notification-url   url
//	POST /_sim/advance        by, with a ManualClock only
func (s *Simulator) controlRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET "+controlPath+"{$}", s.showControl)
	mux.HandleFunc("GET "+controlPath+"state", func(w http.ResponseWriter, _ *http.Request) {
		write(w, answer{status: http.StatusOK, body: encode(s.State())})
	})
	for name, action := range map[string]func(*form) error{
		"order": s.controlOrder, "send": s.controlSend, "fail": s.controlFail, "notify-fault": s.controlNotifyFault,
		"heal": s.controlHeal, "notification-url": s.controlURL, "advance": s.controlAdvance,
	} {
		mux.HandleFunc("POST "+controlPath+name, func(w http.ResponseWriter, r *http.Request) { s.control(w, r, action) })
	}
}

func (s *Simulator) control(w http.ResponseWriter, r *http.Request, action func(*form) error) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	f := &form{r: r}
	if err := action(f); err != nil {
		status := http.StatusBadRequest
		switch {
		case errors.Is(err, ErrUnknownInvoice):
			status = http.StatusNotFound
		case errors.Is(err, ErrWrongStatus):
			status = http.StatusConflict
		}
		write(w, gatewayError(status, "control", err.Error()))
		return
	}
	if strings.Contains(r.Header.Get("Accept"), "text/html") {
		http.Redirect(w, r, controlPath, http.StatusSeeOther)
		return
	}
	write(w, answer{status: http.StatusOK, body: encode(s.State())})
}

func (s *Simulator) controlOrder(f *form) error {
	actions := map[string]func(string) error{
		"pay": s.Pay, "pay-late": s.PayLate, "refuse": s.Refuse, "expire": s.Expire, "leave": s.Leave, "refund": s.Refund,
		"resend": func(invoice string) error { return s.Send(invoice, Notice{}) },
	}
	action, ok := actions[f.text("action")]
	if !ok {
		return errors.New("dokusim: unknown action")
	}
	return action(f.text("invoice"))
}

func (s *Simulator) controlSend(f *form) error {
	n := Notice{
		Status: f.text("status"), Amount: f.rupiah("amount"), InvoiceNumber: f.text("invoice_number"),
		OriginalRequestID: f.text("original_request_id"), RequestID: f.text("request_id"), BadSignature: f.yes("bad_signature"),
		Target: f.text("target"), Age: f.duration("age"), Delay: f.duration("delay"), Duplicates: f.number("duplicates"), Once: f.yes("once"),
	}
	if body := f.text("body"); body != "" {
		n.Body = []byte(body)
	}
	if f.err != nil {
		return f.err
	}
	return s.Send(f.text("invoice"), n)
}

func (s *Simulator) controlFail(f *form) error {
	fault := Fault{
		Kind: FaultKind(f.text("kind")), Endpoint: Endpoint(f.text("endpoint")), Times: f.number("times"), Status: f.number("status"),
		Body: f.text("body"), Wait: f.duration("wait"), AfterCommit: f.yes("after_commit"),
	}
	if f.err != nil {
		return f.err
	}
	if !slices.Contains(FaultKinds(), fault.Kind) {
		return errors.New("dokusim: unknown kind of fault")
	}
	if fault.Status != 0 && (fault.Status < 200 || fault.Status > 599) {
		return errors.New("dokusim: status must be 200 to 599")
	}
	s.Fail(fault)
	return nil
}

func (s *Simulator) controlNotifyFault(f *form) error {
	fault := NotifyFault{
		Times: f.number("times"), Never: f.yes("never"), Drop: f.number("drop"), Delay: f.duration("delay"),
		Duplicates: f.number("duplicates"), Reorder: f.yes("reorder"), BadSignature: f.yes("bad_signature"),
		Amount: f.rupiah("amount"), Status: f.text("status"),
	}
	if f.err == nil {
		s.NotifyFaults(fault)
	}
	return f.err
}

func (s *Simulator) controlHeal(*form) error {
	s.Heal()
	return nil
}

func (s *Simulator) controlURL(f *form) error {
	if _, err := parseURL("url", f.text("url")); err != nil {
		return fmt.Errorf("dokusim: %w", err)
	}
	s.SetNotificationURL(f.text("url"))
	return nil
}

func (s *Simulator) controlAdvance(f *form) error {
	clock, ok := s.cfg.Clock.(*ManualClock)
	if !ok {
		return errors.New("dokusim: the clock is not a manual one")
	}
	by := f.duration("by")
	if f.err == nil {
		clock.Advance(by)
	}
	return f.err
}

func (s *Simulator) showControl(w http.ResponseWriter, _ *http.Request) {
	state := s.State()
	slices.Reverse(state.Orders)
	slices.Reverse(state.Deliveries)
	state.Deliveries = state.Deliveries[:min(len(state.Deliveries), shownTries)]
	s.page(w, controlTemplate, http.StatusOK, struct {
		State
		Kinds []FaultKind
	}{state, FaultKinds()})
}

// A form reads values and remembers the first one that is wrong.
type form struct {
	r   *http.Request
	err error
}

func (f *form) text(name string) string { return f.r.FormValue(name) }
func (f *form) yes(name string) bool    { return f.text(name) != "" && f.text(name) != "false" }

func (f *form) number(name string) int { return parse(f, name, strconv.Atoi) }

func (f *form) duration(name string) time.Duration { return parse(f, name, time.ParseDuration) }

func (f *form) rupiah(name string) money.Amount { return parse(f, name, money.Parse) }

func parse[T any](f *form, name string, read func(string) (T, error)) (v T) {
	text := f.text(name)
	if text == "" {
		return v
	}
	v, err := read(text)
	if err != nil && f.err == nil {
		f.err = fmt.Errorf("dokusim: %s cannot be read", name)
	}
	return v
}
