// Package server runs database servers of a test's own, which the test may take everything away from. They
// listen on a socket file, so they need no port, and end with the test.
package server

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// limit bounds every wait: far longer than a slow machine needs.
const limit = 2 * time.Minute

// A Server is a running database server.
type Server struct {
	DSN    string // for the store
	Driver string // for database/sql
	Log    string // the file that it logs to

	process *os.Process
	end     os.Signal // what makes it end at once, its children included
	ended   chan struct{}
}

// find returns the path of a program of the servers', of the newest version. Where there is none the
// test is skipped, unless KREDIVO_REQUIRE is set.
func find(t testing.TB, name string) string {
	t.Helper()
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	for _, pattern := range []string{"/usr/sbin/" + name, "/usr/lib/postgresql/*/bin/" + name} {
		if found, _ := filepath.Glob(pattern); len(found) > 0 {
			return slices.Max(found)
		}
	}
	if os.Getenv("KREDIVO_REQUIRE") != "" {
		t.Fatalf("%s is not installed, and KREDIVO_REQUIRE lets no test be skipped", name)
	}
	t.Skipf("%s is not installed", name)
	return ""
}

// command makes a command of an account, when we are root: database servers refuse to be root. It ends when
// we die.
func command(t testing.TB, account, program string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(context.Background(), find(t, program), args...) // ended by Stop
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if uid, gid, ok := owner(t, account); ok {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	return cmd
}

// owner looks up an account; not ok when we are not root and cannot be anybody else.
func owner(t testing.TB, account string) (uid, gid int, ok bool) {
	t.Helper()
	if os.Geteuid() != 0 {
		return 0, 0, false
	}
	u, err := user.Lookup(account)
	if err != nil {
		t.Fatal(err)
	}
	uid, uidErr := strconv.Atoi(u.Uid)
	gid, gidErr := strconv.Atoi(u.Gid)
	if uidErr != nil || gidErr != nil {
		t.Fatalf("account %s has ids %s and %s", account, u.Uid, u.Gid)
	}
	return uid, gid, true
}

// Dir makes a directory with a short path, as sockets need it, that other accounts may pass through. The end
// of the test removes it.
func Dir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "kredivo-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	return dir
}

// give makes a directory for an account.
func give(t testing.TB, account, dir string) {
	t.Helper()
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if uid, gid, ok := owner(t, account); ok {
		if err := os.Chown(dir, uid, gid); err != nil {
			t.Fatal(err)
		}
	}
}

// run runs a command to its end.
func run(t testing.TB, cmd *exec.Cmd) {
	t.Helper()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, out)
	}
}

// start starts a server and waits until it answers.
func start(t testing.TB, s *Server, cmd *exec.Cmd) (*Server, error) {
	t.Helper()
	log, err := os.Create(s.Log)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.process, s.ended = cmd.Process, make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(s.ended)
	}()
	t.Cleanup(s.Stop)
	if err := s.answers(); err != nil {
		lines, _ := os.ReadFile(s.Log)
		return nil, fmt.Errorf("%s does not answer: %w\n%s", cmd.Path, err, lines)
	}
	return s, nil
}

func (s *Server) answers() error {
	db, err := sql.Open(s.Driver, s.DSN)
	if err != nil {
		return err
	}
	defer db.Close()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	pause := time.NewTicker(20 * time.Millisecond)
	defer pause.Stop()
	for {
		err := db.PingContext(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-s.ended:
			return fmt.Errorf("it has ended")
		case <-ctx.Done():
			return err
		case <-pause.C:
		}
	}
}

// Stop ends the server as a crash does, and waits for its end.
func (s *Server) Stop() {
	_ = s.process.Signal(s.end)
	select {
	case <-s.ended:
	case <-time.After(limit):
		_ = s.process.Kill()
		<-s.ended
	}
}
