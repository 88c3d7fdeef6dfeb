package sqlite

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/paylater-go/paylater/kredivo"
)

func BenchmarkReceive(b *testing.B) {
	s := openAt(b, newPath(b))
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		receive(b, s, message(strconv.Itoa(n)))
	}
}

func BenchmarkReceiveParallel(b *testing.B) {
	s := openAt(b, newPath(b))
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for n := 0; pb.Next(); n++ {
			if _, err := s.Receive(b.Context(), message(fmt.Sprintf("%p-%d", pb, n))); err != nil {
				b.Error(err)
			}
		}
	})
}

func BenchmarkChange(b *testing.B) {
	s := openAt(b, newPath(b))
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		a := attempt(strconv.Itoa(n))
		err := s.Change(b.Context(), kredivo.Scope{OrderID: a.OrderID, Now: start}, func([]kredivo.Attempt) (kredivo.Decision, error) {
			return kredivo.Decision{Create: &a, Emit: []kredivo.Event{{ID: a.ID, OrderID: a.OrderID}}}, nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAttemptByToken(b *testing.B) {
	s := openAt(b, newPath(b))
	a := attempt("A")
	err := s.Change(b.Context(), kredivo.Scope{OrderID: "A", Now: start}, func([]kredivo.Attempt) (kredivo.Decision, error) {
		return kredivo.Decision{Create: &a}, nil
	})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.AttemptByToken(b.Context(), a.Token); err != nil {
			b.Fatal(err)
		}
	}
}

// fillWork queues messages or events, many to a commit where it can.
func fillWork(b *testing.B, s kredivo.Store, n int) {
	b.Helper()
	for i := range n {
		receive(b, s, message(strconv.Itoa(i)))
	}
	var d kredivo.Decision
	for i := range n {
		d.Emit = append(d.Emit, kredivo.Event{ID: strconv.Itoa(i), OrderID: strconv.Itoa(i)})
	}
	err := s.Change(b.Context(), kredivo.Scope{Now: start}, func([]kredivo.Attempt) (kredivo.Decision, error) { return d, nil })
	if err != nil {
		b.Fatal(err)
	}
}

func BenchmarkClaimMessages(b *testing.B) {
	s := openAt(b, newPath(b))
	fillWork(b, s, 500)
	c := claim("t", 32)
	c.Lease = 0 // the next claim finds them again
	b.ReportAllocs()
	for b.Loop() {
		if all, err := s.ClaimMessages(b.Context(), c); err != nil || len(all) != c.Limit {
			b.Fatal(len(all), err)
		}
	}
}

func BenchmarkClaimEvents(b *testing.B) {
	s := openAt(b, newPath(b))
	fillWork(b, s, 500)
	c := claim("t", 8)
	c.Lease = 0
	b.ReportAllocs()
	for b.Loop() {
		if all, err := s.ClaimEvents(b.Context(), c); err != nil || len(all) != c.Limit {
			b.Fatal(len(all), err)
		}
	}
}

func BenchmarkClaimNothing(b *testing.B) {
	s := openAt(b, newPath(b))
	b.ReportAllocs()
	for b.Loop() {
		if all, err := s.ClaimMessages(b.Context(), claim("t", 32)); err != nil || len(all) != 0 {
			b.Fatal(len(all), err)
		}
	}
}
