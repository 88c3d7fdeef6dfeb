package syscalls

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/paylater-go/paylater/kredivo/doku"
	"github.com/paylater-go/paylater/kredivo/store/sqlite"
)

// limit bounds every wait: far longer than a slow machine needs.
const limit = 2 * time.Minute

// messages is how many are sent to a receiver.
const messages = 25

func TestTheLogIsFlushedBeforeTheAnswer(t *testing.T) {
	t.Parallel()
	r := watch(t, "plugin")
	ok, _ := r.notify(t, messages)
	if n, problems := unflushed(r.end(t)); n == 0 || n != ok || len(problems) > 0 {
		t.Errorf("%d acknowledged, want %d; %v", n, ok, problems)
	}
}

// TestWhatIsNotFlushedIsSeen is the same with a receiver that does not flush.
func TestWhatIsNotFlushedIsSeen(t *testing.T) {
	t.Parallel()
	r := watch(t, "careless")
	ok, _ := r.notify(t, messages)
	if n, problems := unflushed(r.end(t)); n == 0 || n != ok || len(problems) == 0 {
		t.Errorf("%d acknowledged, want %d; the missing flushes were not seen: %v", n, ok, problems)
	}
}

func TestAFlushThatFailsIsNotAcknowledged(t *testing.T) {
	t.Parallel()
	r := watch(t, "plugin", "--inject=fsync,fdatasync:error=EIO")
	if ok, refused := r.notify(t, messages); ok > 0 || refused != messages {
		t.Errorf("%d times 200, %d times 503 of %d", ok, refused, messages)
	}
	if n, _ := unflushed(r.end(t)); n != 0 {
		t.Errorf("%d acknowledged", n)
	}
}

// TestOnlyFlushedAnswers lets every other flush fail. A sender that repeats itself gets through, on a flush
// that did not fail.
func TestOnlyFlushedAnswers(t *testing.T) {
	t.Parallel()
	r := watch(t, "plugin", "--inject=fsync,fdatasync:error=EIO:when=1+2")
	ok, refused := r.notify(t, messages)
	if ok == 0 || refused == 0 || ok+refused != messages {
		t.Errorf("%d times 200, %d times 503 of %d", ok, refused, messages)
	}
	if n, problems := unflushed(r.end(t)); n != ok || len(problems) > 0 {
		t.Errorf("%d acknowledged, want %d; %v", n, ok, problems)
	}
	s, err := sqlite.Open(t.Context(), r.database)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if b, err := s.Backlog(t.Context()); err != nil || b.Messages < ok {
		t.Errorf("%d messages are stored (%v), %d were acknowledged", b.Messages, err, ok)
	}
}

// A receiver is a process under strace.
type receiver struct {
	url, database, trace string
	end                  func(t *testing.T) []call
}

// watch starts a receiver under strace with more options, on a new database.
func watch(t *testing.T, role string, options ...string) receiver {
	t.Helper()
	needStrace(t)
	dir := t.TempDir()
	r := receiver{database: filepath.Join(dir, "kredivo.db"), trace: filepath.Join(dir, "trace")}
	s, err := sqlite.Open(t.Context(), r.database) // makes the tables, so that the receiver need not
	if err == nil {
		err = s.Close()
	}
	if err != nil {
		t.Fatal(err)
	}

	args := append([]string{"-f", "-yy", "-s", "16", "-o", r.trace, "-e", "trace=write,pwrite64,fsync,fdatasync"}, options...)
	cmd := exec.CommandContext(context.Background(), "strace", append(args, os.Args[0])...)
	cmd.Env = append(os.Environ(), roleVariable+"="+role, databaseVariable+"="+r.database)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop := sync.OnceFunc(func() {
		_ = stdin.Close() // the receiver ends, and strace with it
		_ = cmd.Wait()
	})
	t.Cleanup(stop)
	r.end = func(t *testing.T) []call {
		t.Helper()
		stop()
		return readTrace(t, r.trace)
	}
	lines := bufio.NewScanner(stdout)
	if !lines.Scan() {
		t.Fatalf("the receiver does not serve: %v", lines.Err())
	}
	r.url = lines.Text()
	return r
}

// needStrace skips the test where no process may be watched, unless KREDIVO_REQUIRE is set.
func needStrace(t *testing.T) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "strace", "-f", "-o", os.DevNull, "true").CombinedOutput()
	switch {
	case err == nil:
	case os.Getenv("KREDIVO_REQUIRE") != "":
		t.Fatalf("strace: %v\n%s", err, out)
	default:
		t.Skipf("strace: %v\n%s", err, out)
	}
}

// notify sends new notifications, one after another, and counts the answers: 200 and 503.
func (r receiver) notify(t *testing.T, n int) (ok, refused int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	for range n {
		body := fmt.Appendf(nil, `{"order": {"invoice_number": %q, "amount": 150000}, "transaction": {"status": "SUCCESS"}}`, rand.Text())
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.url, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header = doku.SignNotification(secretKey, clientID, rand.Text(), time.Now(), path, body)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		switch resp.StatusCode {
		case http.StatusOK:
			ok++
		case http.StatusServiceUnavailable:
			refused++
		default:
			t.Errorf("status = %d", resp.StatusCode)
		}
	}
	return ok, refused
}
