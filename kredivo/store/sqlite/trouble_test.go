package sqlite

import (
	"bytes"
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"testing"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/paylater-go/paylater/kredivo"
)

// code is SQLite's code of an error, without the extended part.
func code(err error) int {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Code() & 0xff
	}
	return 0
}

func TestAFullDiskIsAnError(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	s := openAt(t, "file:"+path+"?_pragma=max_page_count(70)")
	big := func(i int) kredivo.Message {
		m := message(fmt.Sprint(i))
		m.Body = bytes.Repeat([]byte{byte(i)}, 20_000)
		return m
	}
	acknowledged := 0
	var err error
	for range 60 {
		if _, err = s.Receive(t.Context(), big(acknowledged)); err != nil {
			break
		}
		acknowledged++
	}
	if code(err) != sqlite3.SQLITE_FULL || acknowledged == 0 {
		t.Fatalf("error = %v after %d messages, want SQLITE_FULL", err, acknowledged)
	}
	a := attempt("A")
	a.Body = bytes.Repeat([]byte("x"), 200_000)
	err = s.Change(t.Context(), kredivo.Scope{OrderID: "A"}, func([]kredivo.Attempt) (kredivo.Decision, error) {
		return kredivo.Decision{Create: &a, Emit: []kredivo.Event{{ID: "e", OrderID: "A"}}}, nil
	})
	if code(err) != sqlite3.SQLITE_FULL {
		t.Fatalf("error = %v, want SQLITE_FULL", err)
	}
	if b, err := s.Backlog(t.Context()); err != nil || b != (kredivo.Backlog{Messages: acknowledged}) {
		t.Errorf("backlog = %+v, %v; want the %d acknowledged messages and no event", b, err, acknowledged)
	}

	// Somebody makes room; the same store goes on.
	db := raw(t, path)
	run(t, db, "DELETE FROM kredivo_inbox WHERE id <= 2")
	receive(t, s, big(acknowledged))
	if all, err := s.ClaimMessages(t.Context(), claim("t", 100)); err != nil || len(all) != acknowledged-1 {
		t.Errorf("claimed %d, %v; want %d", len(all), err, acknowledged-1)
	}
}

func TestALockOfAnotherIsAnError(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	s := openAt(t, "file:"+path+"?_pragma=busy_timeout(20)")
	receive(t, s, message("before"))
	other, err := raw(t, path).BeginTx(t.Context(), nil) // immediate: it holds the write lock
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Receive(t.Context(), message("m")); code(err) != sqlite3.SQLITE_BUSY {
		t.Errorf("Receive: error = %v, want SQLITE_BUSY", err)
	}
	if _, err := s.ClaimMessages(t.Context(), claim("t", 1)); code(err) != sqlite3.SQLITE_BUSY {
		t.Errorf("ClaimMessages: error = %v, want SQLITE_BUSY", err)
	}
	if b, err := s.Backlog(t.Context()); err != nil || b.Messages != 1 {
		t.Errorf("readers wait for a writer: %+v, %v", b, err)
	}
	if err := other.Rollback(); err != nil {
		t.Fatal(err)
	}
	receive(t, s, message("m"))
}

func TestTheContextEndsTheWaitForALock(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	s, r := openRecorded(t, "file:"+path+"?_pragma=busy_timeout(3600000)") // an hour: the test would time out
	other, err := raw(t, path).BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error)
	go func() {
		_, err := s.Receive(ctx, message("m"))
		result <- err
	}()
	<-r.begin
	cancel()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v, want context.Canceled", err)
	}
	if err := other.Rollback(); err != nil {
		t.Fatal(err)
	}
	receive(t, s, message("m")) // the late transaction was given up
}

// Nobody knows whether a commit without an answer was done. It is an error either way, and nothing is run again.
func TestACommitWithoutAnAnswerIsAnError(t *testing.T) {
	t.Parallel()
	errLost := errors.New("no answer")
	for _, tt := range []struct {
		commit func(driver.Tx) error
		lost   bool // what was written
	}{
		{func(tx driver.Tx) error { return errors.Join(tx.Commit(), errLost) }, false},
		{func(tx driver.Tx) error { return errors.Join(tx.Rollback(), errLost) }, true},
	} {
		s, r := openRecorded(t, newPath(t))
		r.commit = tt.commit
		if added, err := s.Receive(t.Context(), message("m")); added || !errors.Is(err, errLost) {
			t.Errorf("received: %v, %v; want the error of the commit", added, err)
		}
		decided, a := 0, attempt("A")
		err := s.Change(t.Context(), kredivo.Scope{OrderID: "A"}, func([]kredivo.Attempt) (kredivo.Decision, error) {
			decided++
			return kredivo.Decision{Create: &a}, nil
		})
		if decided != 1 || !errors.Is(err, errLost) {
			t.Errorf("decided %d times: %v; want once, and the error of the commit", decided, err)
		}
		r.commit = nil
		if added, err := s.Receive(t.Context(), message("m")); added != tt.lost || err != nil {
			t.Errorf("the copy is new: %v, %v; want %v", added, err, tt.lost)
		}
	}
}
