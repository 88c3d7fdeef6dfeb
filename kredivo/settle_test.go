package kredivo

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/paylater-go/paylater/kredivo/doku"
	"github.com/paylater-go/paylater/money"
)

var noon = time.Date(2026, 3, 1, 5, 0, 0, 0, time.UTC)

func TestTransitionTable(t *testing.T) {
	t.Parallel()
	// Row by row: what each status may become. Everything else is refused.
	allowed := map[Status][]Status{
		Created:  {Pending, Failed, Expired, Review, Paid, Voided, Refunded},
		Pending:  {Failed, Expired, Review, Paid, Voided, Refunded},
		Failed:   {Expired, Review, Paid, Voided, Refunded},
		Expired:  {Review, Paid, Voided, Refunded},
		Review:   {Paid, Voided, Refunded},
		Paid:     {Voided, Refunded},
		Voided:   {Refunded},
		Refunded: {},
	}
	for from, want := range allowed {
		var got []Status
		for to := range allowed {
			if from.CanBecome(to) {
				got = append(got, to)
			}
		}
		slices.SortFunc(got, func(a, b Status) int { return a.Rank() - b.Rank() })
		if diff := cmp.Diff(want, got, cmp.Transformer("nilIsEmpty", func(s []Status) []Status { return append([]Status{}, s...) })); diff != "" {
			t.Errorf("from %s (-want +got):\n%s", from, diff)
		}
		if from.CanBecome("SOMETHING") {
			t.Errorf("%s may become an unknown status", from)
		}
	}
}

func TestPaymentStatus(t *testing.T) {
	t.Parallel()
	tests := []struct {
		attempts []Status
		want     Status
	}{
		{nil, ""},
		{[]Status{Created}, Created},
		{[]Status{Failed, Pending}, Pending},
		{[]Status{Failed, Expired}, Expired},
		{[]Status{Expired, Failed}, Failed},
		{[]Status{Paid, Failed}, Paid},
		{[]Status{Paid, Paid}, Paid},
		{[]Status{Paid, Refunded}, Paid}, // paid twice, one paid back
		{[]Status{Review, Pending}, Review},
		{[]Status{Refunded}, Refunded},
		{[]Status{Failed, Voided}, Voided},
	}
	for _, tt := range tests {
		var attempts []Attempt
		for i, s := range tt.attempts {
			attempts = append(attempts, Attempt{Number: i + 1, Status: s})
		}
		if got := paymentStatus(attempts); got != tt.want {
			t.Errorf("paymentStatus(%v) = %q, want %q", tt.attempts, got, tt.want)
		}
	}
}

// judgePlugin is the part of a Plugin that judge looks at.
func judgePlugin(t interface{ Fatal(...any) }) *Plugin {
	client, err := doku.New(doku.Config{ClientID: "MCH-1", SecretKey: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	return &Plugin{client: client}
}

func attempt(number int, status Status) Attempt {
	return Attempt{
		ID: fmt.Sprintf("a%d", number), OrderID: "1001", Number: number,
		InvoiceNumber: fmt.Sprintf("1001-%d", number), RequestID: fmt.Sprintf("r%d", number),
		ClientID: "MCH-1", Environment: doku.Sandbox, Amount: money.Rupiah(150000), Status: status,
		CreatedAt: noon, ExpiresAt: noon.Add(24 * time.Hour), NextCheckAt: noon.Add(time.Hour),
	}
}

func notice(a Attempt, s doku.Status) *doku.Notification {
	return &doku.Notification{
		InvoiceNumber: a.InvoiceNumber, Amount: a.Amount, Status: s, OriginalRequestID: a.RequestID, Date: noon.Add(time.Minute),
	}
}

func freshMessage() Message {
	return Message{
		Source: FromNotification, ClientID: "MCH-1", ReceivedAt: noon.Add(2 * time.Minute), Tries: 1,
		Header: http.Header{"Request-Timestamp": {noon.Add(time.Minute).Format(time.RFC3339)}},
	}
}

func kinds(events []Event) []EventKind {
	var k []EventKind
	for _, e := range events {
		k = append(k, e.Kind)
	}
	return k
}

func TestJudge(t *testing.T) {
	t.Parallel()
	now := noon.Add(2 * time.Minute)
	tests := []struct {
		name     string
		attempts []Attempt // the message is about the last one
		change   func(m *Message, n *doku.Notification)
		status   doku.Status
		want     Status
		events   []EventKind
		outcome  WorkState
	}{
		{"paid", []Attempt{attempt(1, Pending)}, nil, doku.Success, Paid, []EventKind{PaymentSucceeded}, WorkDone},
		{"paid before our own answer", []Attempt{attempt(1, Created)}, nil, doku.Success, Paid, []EventKind{PaymentSucceeded}, WorkDone},
		{"paid again", []Attempt{attempt(1, Paid)}, nil, doku.Success, Paid, nil, WorkDone},
		{"paid after failed", []Attempt{attempt(1, Failed)}, nil, doku.Success, Paid, []EventKind{PaymentSucceeded}, WorkDone},
		{"paid after expired", []Attempt{attempt(1, Expired)}, nil, doku.Success, Paid, []EventKind{PaymentSucceeded, PaidAfterExpiry}, WorkDone},
		{"paid twice", []Attempt{attempt(1, Paid), attempt(2, Pending)}, nil, doku.Success, Paid, []EventKind{PaidTwice}, WorkDone},
		{"paid after another was refunded", []Attempt{attempt(1, Refunded), attempt(2, Pending)}, nil, doku.Success, Paid, []EventKind{PaidTwice}, WorkDone},
		{"failed", []Attempt{attempt(1, Pending)}, nil, doku.Failed, Failed, []EventKind{PaymentFailed}, WorkDone},
		{"failed after paid", []Attempt{attempt(1, Paid)}, nil, doku.Failed, Paid, nil, WorkDone},
		{"failed while another attempt paid", []Attempt{attempt(1, Paid), attempt(2, Pending)}, nil, doku.Failed, Failed, nil, WorkDone},
		{"expired", []Attempt{attempt(1, Pending)}, nil, doku.Expired, Expired, []EventKind{PaymentExpired}, WorkDone},
		{"refunded", []Attempt{attempt(1, Paid)}, nil, doku.Refunded, Refunded, []EventKind{PaymentRefunded}, WorkDone},
		{"refund under the refund's request id", []Attempt{attempt(1, Paid)}, func(_ *Message, n *doku.Notification) { n.OriginalRequestID = "refund-1" }, doku.Refunded, Refunded, []EventKind{PaymentRefunded}, WorkDone},
		{"voided", []Attempt{attempt(1, Paid)}, nil, doku.Voided, Voided, []EventKind{PaymentVoided}, WorkDone},
		{"pending is no news", []Attempt{attempt(1, Pending)}, nil, doku.Pending, Pending, nil, WorkDone},
		{"unknown status is no news", []Attempt{attempt(1, Pending)}, nil, "HALF_PAID", Pending, nil, WorkDone},
		{"wrong amount", []Attempt{attempt(1, Pending)}, func(_ *Message, n *doku.Notification) { n.Amount = money.Rupiah(1) }, doku.Success, Review, []EventKind{AmountMismatch}, WorkDone},
		{"wrong amount after paid", []Attempt{attempt(1, Paid)}, func(_ *Message, n *doku.Notification) { n.Amount = money.Rupiah(1) }, doku.Success, Paid, []EventKind{AmountMismatch}, WorkDone},
		{"right amount after review", []Attempt{attempt(1, Review)}, nil, doku.Success, Paid, []EventKind{PaymentSucceeded}, WorkDone},
		{"another request id", []Attempt{attempt(1, Pending)}, func(_ *Message, n *doku.Notification) { n.OriginalRequestID = "x" }, doku.Success, Review, []EventKind{ReferenceMismatch}, WorkDone},
		{"no request id", []Attempt{attempt(1, Pending)}, func(_ *Message, n *doku.Notification) { n.OriginalRequestID = "" }, doku.Success, Paid, []EventKind{PaymentSucceeded}, WorkDone},
		{"failure of another request id", []Attempt{attempt(1, Pending)}, func(_ *Message, n *doku.Notification) { n.OriginalRequestID = "x" }, doku.Failed, Pending, nil, WorkParked},
		{"other credentials", []Attempt{attempt(1, Pending)}, func(m *Message, _ *doku.Notification) { m.ClientID = "MCH-2" }, doku.Success, Pending, nil, WorkParked},
		{"other environment", []Attempt{{ID: "a1", InvoiceNumber: "1001-1", ClientID: "MCH-1", Environment: doku.Production, Status: Pending}}, nil, doku.Success, Pending, nil, WorkParked},
		{"unknown invoice, young", []Attempt{attempt(1, Pending)}, func(_ *Message, n *doku.Notification) { n.InvoiceNumber = "1001-9" }, doku.Success, Pending, nil, WorkRetry},
		{"unknown invoice, old", []Attempt{attempt(1, Pending)}, func(m *Message, n *doku.Notification) {
			n.InvoiceNumber, m.ReceivedAt, m.Failures = "1001-9", noon.Add(-25*time.Hour), 9
		}, doku.Success, Pending, []EventKind{UnknownInvoice}, WorkParked},
		{"signed two days ago", []Attempt{attempt(1, Pending)}, func(m *Message, _ *doku.Notification) {
			m.Header.Set("Request-Timestamp", noon.Add(-48*time.Hour).Format(time.RFC3339))
		}, doku.Success, Pending, nil, WorkRetry},
		{"status answers have no age", []Attempt{attempt(1, Pending)}, func(m *Message, _ *doku.Notification) {
			m.Source = FromStatus
			m.Header.Set("Request-Timestamp", noon.Add(-48*time.Hour).Format(time.RFC3339))
		}, doku.Success, Paid, []EventKind{PaymentSucceeded}, WorkDone},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := freshMessage()
			last := tt.attempts[len(tt.attempts)-1]
			n := notice(last, tt.status)
			if tt.change != nil {
				tt.change(&m, n)
			}
			j := judgePlugin(t).judge(m, n, tt.attempts, now)
			got := last.Status
			for _, a := range j.Update {
				got = a.Status
			}
			if got != tt.want || j.Message.State != tt.outcome {
				t.Errorf("status %s, message %s; want %s, %s", got, j.Message.State, tt.want, tt.outcome)
			}
			if diff := cmp.Diff(tt.events, kinds(j.Emit)); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
		})
	}
}

func TestJudgeAsksDOKUAboutOldNews(t *testing.T) {
	t.Parallel()
	a := attempt(1, Pending)
	m := freshMessage()
	m.Header.Set("Request-Timestamp", noon.Add(-48*time.Hour).Format(time.RFC3339))
	now := noon.Add(2 * time.Minute)
	j := judgePlugin(t).judge(m, notice(a, doku.Success), []Attempt{a}, now)
	if len(j.Update) != 1 || !j.Update[0].NextCheckAt.Equal(now) || !j.askDOKU {
		t.Errorf("an old notification must schedule a status check at once: %+v", j.Decision)
	}
}

func TestPaidTwiceNamesBothReferences(t *testing.T) {
	t.Parallel()
	attempts := []Attempt{attempt(1, Paid), attempt(2, Pending)}
	j := judgePlugin(t).judge(freshMessage(), notice(attempts[1], doku.Success), attempts, noon.Add(2*time.Minute))
	if len(j.Emit) != 1 || j.Emit[0].InvoiceNumber != "1001-2" || j.Emit[0].OtherInvoiceNumber != "1001-1" {
		t.Errorf("events = %+v, want one that names 1001-2 and 1001-1", j.Emit)
	}
}

// Whatever the order and repetition of a set of messages, every attempt ends in the same status, no
// status ever falls on the way, and no event is emitted twice.
func TestSettlingConverges(t *testing.T) {
	t.Parallel()
	type message struct {
		Attempt int
		Status  doku.Status
		Amount  int64
	}
	statuses := []doku.Status{doku.Success, doku.Failed, doku.Expired, doku.Pending, doku.Refunded, doku.Voided, "NEW_STATUS"}
	rapid.Check(t, func(t *rapid.T) {
		p := judgePlugin(t)
		set := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) message {
			return message{
				Attempt: rapid.IntRange(0, 1).Draw(t, "attempt"),
				Status:  rapid.SampledFrom(statuses).Draw(t, "status"),
				Amount:  rapid.SampledFrom([]int64{150000, 150000, 1}).Draw(t, "amount"),
			}
		}), 1, 8).Draw(t, "messages")

		play := func(order []message) [2]Status {
			attempts := []Attempt{attempt(1, Pending), attempt(2, Pending)}
			seen := map[string]bool{}
			for _, msg := range order {
				n := notice(attempts[msg.Attempt], msg.Status)
				n.Amount = money.Rupiah(msg.Amount)
				j := p.judge(freshMessage(), n, attempts, noon.Add(2*time.Minute))
				for _, a := range j.Update {
					if a.Status.Rank() < attempts[a.Number-1].Status.Rank() {
						t.Fatalf("%s fell from %s to %s", a.ID, attempts[a.Number-1].Status, a.Status)
					}
					if a.Status == Paid && msg.Amount != 150000 {
						t.Fatalf("paid by evidence of another amount")
					}
					attempts[a.Number-1] = a
				}
				for _, e := range j.Emit {
					if seen[e.ID] && !e.Kind.Alarm() {
						t.Fatalf("event %s emitted twice", e.ID)
					}
					seen[e.ID] = true
				}
			}
			return [2]Status{attempts[0].Status, attempts[1].Status}
		}

		want := play(set)
		shuffled := rapid.Permutation(append(slices.Clone(set), set...)).Draw(t, "shuffled")
		if got := play(shuffled); got != want {
			t.Fatalf("%v ended %v, but %v ended %v", set, want, shuffled, got)
		}
	})
}

func TestExpiryBelievesDOKUWithinReason(t *testing.T) {
	t.Parallel()
	p := &Plugin{cfg: Config{Expiry: time.Hour}}
	a := attempt(1, Created)
	a.ExpiresAt = a.CreatedAt.Add(time.Hour)
	now := noon.Add(3 * time.Hour) // DOKU was away for so long
	tests := []struct {
		name     string
		dated    time.Time
		replayed bool
		want     time.Time
	}{
		{"none", time.Time{}, false, now.Add(time.Hour)},
		{"as asked", now.Add(time.Hour), false, now.Add(time.Hour)},
		{"a little less", now.Add(50 * time.Minute), false, now.Add(50 * time.Minute)},
		{"seven hours ahead: a misread zone", now.Add(8 * time.Hour), false, now.Add(time.Hour)},
		{"before the attempt: a misread zone", noon.Add(-6 * time.Hour), false, now.Add(time.Hour)},
		{"replayed, from an earlier call", noon.Add(90 * time.Minute), true, noon.Add(90 * time.Minute)},
		{"replayed, none", time.Time{}, true, a.ExpiresAt},
	}
	for _, tt := range tests {
		got := p.expiry(&doku.GenerateOrderResponse{ExpiresAt: tt.dated, Replayed: tt.replayed}, a, now)
		if !got.Equal(tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// Play money counts for nothing in production, and the other way round.
func TestJudgeKeepsEnvironmentsApart(t *testing.T) {
	t.Parallel()
	played := attempt(1, Paid)
	played.Environment = doku.Production // the other one, seen from the sandbox of judgePlugin
	real := attempt(2, Pending)
	for reported, want := range map[doku.Status]EventKind{
		doku.Success: PaymentSucceeded, doku.Failed: PaymentFailed, doku.Expired: PaymentExpired,
	} {
		j := judgePlugin(t).judge(freshMessage(), notice(real, reported), []Attempt{played, real}, noon.Add(2*time.Minute))
		if got := kinds(j.Emit); len(got) != 1 || got[0] != want || j.Emit[0].OrderStatus != j.to {
			t.Errorf("%s beside an attempt paid in the other environment: %v with order status %v, want %s", reported, got, j.Emit, want)
		}
	}
}
