package sqlite

import (
	"bufio"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paylater-go/paylater/kredivo"
)

// The test binary is also the processes of the tests below.
const (
	roleVariable = "KREDIVO_SQLITE_TEST_ROLE"
	pathVariable = "KREDIVO_SQLITE_TEST_PATH"
)

func TestMain(m *testing.M) {
	roles := map[string]func(ctx context.Context, s kredivo.Store) error{
		"receive": receiveForEver, "receive one": receiveOne, "work": workOff,
	}
	role, ok := roles[os.Getenv(roleVariable)]
	if !ok {
		os.Exit(m.Run())
	}
	go func() { // the parent holds the other end: when it dies, so do we
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(1)
	}()
	ctx := context.Background()
	s, err := Open(ctx, patient(os.Getenv(pathVariable)))
	if err == nil {
		err = role(ctx, s)
	}
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
}

// process starts this binary in a role and gives its lines.
func process(t *testing.T, role, path string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), roleVariable+"="+role, pathVariable+"="+path)
	cmd.Stderr = os.Stderr
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, bufio.NewScanner(out)
}

// receiveForEver prints the name of each message once it is acknowledged.
func receiveForEver(ctx context.Context, s kredivo.Store) error {
	for {
		if err := receiveOne(ctx, s); err != nil {
			return err
		}
	}
}

func receiveOne(ctx context.Context, s kredivo.Store) error {
	name := rand.Text()
	added, err := s.Receive(ctx, message(name))
	if err != nil || !added {
		return fmt.Errorf("%s: added %v, %w", name, added, err)
	}
	fmt.Println(name)
	return nil
}

func TestNothingAcknowledgedIsLostToKill(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	var acknowledged []string
	for life := range 6 {
		cmd, lines := process(t, "receive", path)
		for n := 0; lines.Scan(); n++ {
			if strings.HasPrefix(lines.Text(), "error") {
				t.Error(lines.Text())
			}
			acknowledged = append(acknowledged, lines.Text())
			if n == 20*life+3 {
				_ = cmd.Process.Kill() // SIGKILL; lines that were written before still come
			}
		}
		_ = cmd.Wait()
	}
	s := openAt(t, path)
	all, err := s.ClaimMessages(t.Context(), claim("t", 1000))
	if err != nil {
		t.Fatal(err)
	}
	stored := map[string]bool{}
	for _, m := range all {
		stored[string(m.Body)] = true
	}
	for _, name := range acknowledged {
		if !stored[name] {
			t.Errorf("%s was acknowledged and is lost", name)
		}
	}
	if len(acknowledged) < 100 {
		t.Errorf("only %d messages were acknowledged: the test shows nothing", len(acknowledged))
	}
	var check string
	if err := raw(t, path).QueryRow("PRAGMA integrity_check").Scan(&check); err != nil || check != "ok" {
		t.Errorf("integrity check: %s, %v", check, err)
	}
}

// workOff settles messages and delivers events until there are none, and prints what it did.
func workOff(ctx context.Context, s kredivo.Store) error {
	for round := 0; ; round++ {
		c := kredivo.Claim{Token: fmt.Sprintf("%d-%d", os.Getpid(), round), Now: start.Add(time.Hour), Lease: time.Hour, Limit: 3}
		messages, err := s.ClaimMessages(ctx, c)
		if err != nil {
			return err
		}
		for _, m := range messages {
			order, _, _ := strings.Cut(string(m.Body), ":")
			err := s.Change(ctx, kredivo.Scope{Message: &m, Now: start}, func([]kredivo.Attempt) (kredivo.Decision, error) {
				return kredivo.Decision{
					Emit:    []kredivo.Event{{ID: string(m.Body), OrderID: order}},
					Message: kredivo.Outcome{State: kredivo.WorkDone},
				}, nil
			})
			if err != nil {
				return err
			}
			fmt.Println("message", string(m.Body))
		}
		events, err := s.ClaimEvents(ctx, c)
		if err != nil {
			return err
		}
		for _, d := range events {
			fmt.Println("event", d.Event.ID)
			if err := s.FinishEvent(ctx, d, kredivo.Outcome{State: kredivo.WorkDone}); err != nil {
				return err
			}
		}
		if b, err := s.Backlog(ctx); err != nil || b == (kredivo.Backlog{}) {
			return err
		}
	}
}

func TestProcessesShareOneFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "shared.db")
	s := openAt(t, path)
	const orders, each = 10, 6
	var want []string
	for n := range each {
		for o := range orders {
			name := fmt.Sprintf("order%d:%d", o, n)
			receive(t, s, message(name))
			want = append(want, "event "+name, "message "+name)
		}
	}
	results := make(chan []string)
	const processes = 3
	for range processes {
		cmd, lines := process(t, "work", path)
		go func() {
			var all []string
			for lines.Scan() {
				all = append(all, lines.Text())
			}
			if err := cmd.Wait(); err != nil {
				all = append(all, "error "+err.Error())
			}
			results <- all
		}()
	}
	var got []string
	for range processes {
		got = append(got, <-results...)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("work was lost, done twice or failed:\n got %q\nwant %q", got, want)
	}
}

func TestProcessesOpenOneNewFile(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	type child struct {
		*exec.Cmd
		lines *bufio.Scanner
	}
	var children []child
	for range 6 {
		cmd, lines := process(t, "receive one", path)
		children = append(children, child{cmd, lines})
	}
	for _, c := range children {
		c.lines.Scan()
		if err := c.Wait(); err != nil {
			t.Errorf("a process could not begin: %q, %v", c.lines.Text(), err)
		}
	}
	if b, err := openAt(t, path).Backlog(t.Context()); err != nil || b.Messages != len(children) {
		t.Errorf("backlog = %+v, %v; want %d messages", b, err, len(children))
	}
}
