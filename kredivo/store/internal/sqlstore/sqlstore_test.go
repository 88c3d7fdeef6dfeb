package sqlstore

import (
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/paylater-go/paylater/kredivo"
)

// numbered is a dialect that spells everything another way than SQLite does.
var numbered = Dialect{
	Placeholder: func(n int) string { return fmt.Sprintf("$%d", n) },
	InsertNew:   func(insert, key string) string { return "NEW " + insert + " BY " + key },
	Lock:        " LOCK",
	ClaimLock:   " CLAIMLOCK",
	Watched:     "WATCHED",
	Clock:       "CLOCK",
}

func TestStatementsUseTheDialect(t *testing.T) {
	t.Parallel()
	s := newStatements(numbered, "shop_")
	for name, text := range map[string]string{
		"lockOrder": s.lockOrder, "lockInvoice": s.lockInvoice, "checkClaim": s.checkClaim,
	} {
		if !strings.HasSuffix(text, " LOCK") {
			t.Errorf("%s does not lock: %s", name, text)
		}
	}
	for name, text := range map[string]string{
		"checks": s.dueChecks, "messages": s.messages.due, "events": s.events.due, "pruning": s.prunable,
	} {
		if !strings.HasSuffix(text, " CLAIMLOCK") {
			t.Errorf("%s do not lock: %s", name, text)
		}
	}
	if !strings.HasPrefix(s.insertMessage, "NEW ") || !strings.HasSuffix(s.insertMessage, "BY dedupe") ||
		!strings.HasPrefix(s.insertEvent, "NEW ") || !strings.HasSuffix(s.insertEvent, "BY event_id") {
		t.Errorf("rows that exist would not be left alone: %s; %s", s.insertMessage, s.insertEvent)
	}
	all := []string{
		s.lockOrder, s.lockInvoice, s.attempts, s.attemptByToken, s.insertAttempt, s.updateAttempt, s.dueChecks,
		s.in(s.moveChecks, 3), s.insertMessage, s.checkClaim, s.insertEvent, s.keepEvent, s.messages.due, s.in(s.messages.claim, 3),
		s.messages.finish, s.events.due, s.in(s.events.claim, 3), s.events.finish, s.backlog,
		s.listAttempts, s.listWatched, s.orderEvents, s.prunable, s.in(s.prune, 3), s.due,
		s.messages.parked, s.messages.redrive, s.messages.redriveAll, s.events.parked, s.events.redrive, s.events.redriveAll,
	}
	for _, text := range all {
		if strings.ContainsAny(text, "?{}") || strings.Contains(text, DefaultPrefix) || !strings.Contains(text, "shop_") {
			t.Errorf("not spelled for this dialect and prefix: %s", text)
		}
	}
	if want := "IN ($3, $4, $5)"; !strings.HasSuffix(s.in(s.messages.claim, 3), want) {
		t.Errorf("%s, want it to end in %s", s.in(s.messages.claim, 3), want)
	}
	if !strings.Contains(s.listWatched, "WATCHED") || strings.Contains(s.listAttempts, "WATCHED") {
		t.Errorf("watched attempts would be looked for by %s, all by %s", s.listWatched, s.listAttempts)
	}
	if n := strings.Count(s.due, "<= CLOCK"); n != 5 || strings.Contains(s.due, "$") {
		t.Errorf("due work is not looked for by the database's clock: %s", s.due)
	}
	if n := strings.Count(s.insertAttempt, "$"); n != columns(attemptColumns)+1 {
		t.Errorf("%d parameters: %s", n, s.insertAttempt)
	}
}

func TestHeadersComeBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		bytes := rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) })
		want := http.Header(rapid.MapOf(bytes, rapid.SliceOf(bytes)).Draw(t, "header"))
		text, err := encodeHeader(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := decodeHeader(text)
		if d := cmp.Diff(want, got); err != nil || d != "" {
			t.Fatalf("error %v, (-want +got):\n%s", err, d)
		}
	})
	if text, _ := encodeHeader(http.Header{"Client-Id": {"BRN-1"}}); text != `{"Client-Id":["BRN-1"]}` {
		t.Errorf("a plain header is stored as %s", text)
	}
	if _, err := decodeHeader("{"); err == nil {
		t.Error("a torn header was read")
	}
}

func TestTimesComeBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := time.Unix(rapid.Int64Range(-1e11, 1e11).Draw(t, "seconds"), rapid.Int64Range(0, 999_999_999).Draw(t, "nanoseconds"))
		var got timeColumn
		if err := got.Scan(timeArg(want)); err != nil {
			t.Fatal(err)
		}
		if time.Time(got) != want.UTC().Truncate(time.Microsecond) || time.Time(got) != stored(want) {
			t.Fatalf("%v came back as %v, foreseen %v", want, time.Time(got), stored(want))
		}
	})
	var got timeColumn
	if err := got.Scan("2026-01-01"); err == nil {
		t.Error("a text was read as a time")
	}
	for _, wrong := range []any{nil, "text", make([]byte, 31), make([]byte, 33)} {
		if err := new(hashColumn).Scan(wrong); err == nil {
			t.Errorf("%v was read as a hash", wrong)
		}
	}
}

func TestStreamsAreApart(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) kredivo.Event {
			return kredivo.Event{ID: rapid.String().Draw(t, name), OrderID: rapid.StringOf(rapid.RuneFrom([]rune("eovntrd:"))).Draw(t, name+" order")}
		}
		a, b := draw("a"), draw("b")
		same := a.OrderID == b.OrderID && (a.OrderID != "" || a.ID == b.ID)
		if (stream(a) == stream(b)) != same {
			t.Fatalf("%+v and %+v: streams %q and %q", a, b, stream(a), stream(b))
		}
	})
}

// TestTheAlarmAboutAnOrderDoesNotWaitForIt, whatever it is called.
func TestTheAlarmAboutAnOrderDoesNotWaitForIt(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		alarm := kredivo.Event{ID: rapid.String().Draw(t, "id"), Kind: kredivo.HostRefused, OrderID: rapid.String().Draw(t, "order")}
		other := kredivo.Event{ID: rapid.String().Draw(t, "other"), Kind: kredivo.PaidTwice, OrderID: alarm.OrderID}
		if stream(alarm) == stream(other) && (alarm.OrderID != "" || alarm.ID != other.ID) {
			t.Fatalf("%+v and %+v share stream %q", alarm, other, stream(alarm))
		}
	})
}

func TestPrefixedFiles(t *testing.T) {
	t.Parallel()
	files := prefixed{fstest.MapFS{"1.sql": {Data: []byte("CREATE TABLE kredivo_a; CREATE INDEX kredivo_a_b ON kredivo_a;")}}, "shop_"}
	names, err := fs.Glob(files, "*.sql")
	if err != nil || len(names) != 1 {
		t.Fatalf("found %v, %v", names, err)
	}
	f, err := files.Open("1.sql")
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(f)
	if want := "CREATE TABLE shop_a; CREATE INDEX shop_a_b ON shop_a;"; string(text) != want || err != nil {
		t.Errorf("read %q, %v; want %q", text, err, want)
	}
	if _, err := files.Open("2.sql"); err == nil {
		t.Error("a missing file was opened")
	}
}

func FuzzPrefix(f *testing.F) {
	for _, seed := range []string{"kredivo_", "", "a; DROP TABLE b", "A", "a1", "a\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, prefix string) {
		ok := len(prefix) >= 1 && len(prefix) <= 30 && strings.Trim(prefix, "abcdefghijklmnopqrstuvwxyz_") == ""
		if err := CheckPrefix(prefix); (err == nil) != ok {
			t.Errorf("%q: %v", prefix, err)
		}
	})
}
