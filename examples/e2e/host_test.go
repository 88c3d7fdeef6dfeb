package e2e

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/paylater-go/paylater/kredivo/doku/dokusim"
)

const (
	clientID  = "MCH-0001-E2E"
	secretKey = "SK-e2e-not-a-real-key"

	// patience is for everything. Most of it takes milliseconds on an idle machine; what a killed process had
	// in its hands is taken up again when its claims have run out, 12 to 15 seconds later.
	patience = 60 * time.Second
)

// A host is one example program and the simulator that plays DOKU for it.
type host struct {
	t       *testing.T
	program program
	dir     string // its working directory, with shop.db and perhaps kredivo.db
	store   string // KREDIVO_STORE; empty for kredivo.db
	addr    string // where it listens; port 0 until it has picked one
	url     string // of the shop, without a slash at the end
	sim     *dokusim.Simulator
	simURL  string

	cmd  *exec.Cmd
	log  *syncBuffer
	exit chan error
}

// newHost starts a program with a simulator of its own, which tries a notification again after these pauses.
func newHost(t *testing.T, p program, retryDelays ...time.Duration) *host {
	t.Helper()
	if retryDelays == nil {
		retryDelays = []time.Duration{100 * time.Millisecond, 200 * time.Millisecond, time.Second, 2 * time.Second}
	}
	sim, err := dokusim.New(dokusim.Config{
		ClientID: clientID, SecretKey: secretKey,
		NotifyAfter: time.Millisecond,
		RetryDelays: retryDelays,
		// Not documented for Kredivo; without it a shop learns of an expiry by asking, a minute later at the earliest.
		NotifyExpired: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(sim)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- sim.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("simulator: %v", err)
		}
		server.Close()
	})
	h := &host{t: t, program: p, dir: t.TempDir(), addr: "127.0.0.1:0", store: database(t, p.store), sim: sim, simURL: server.URL, log: &syncBuffer{}}
	h.start("DOKU_BASE_URL="+h.simURL, "DOKU_CLIENT_ID="+clientID, "DOKU_SECRET_KEY="+secretKey)
	t.Cleanup(func() {
		h.kill()
		if t.Failed() {
			t.Logf("log of the program:\n%s", h.log.String())
		}
	})
	sim.SetNotificationURL(h.url + "/pay/notifications")
	return h
}

// start runs the program and waits until it has printed its addresses, which it does once it listens.
func (h *host) start(env ...string) (printed string) {
	h.t.Helper()
	h.cmd = h.command(append(env, "ADDR="+h.addr)...)
	stdout, err := h.cmd.StdoutPipe()
	if err != nil {
		h.t.Fatal(err)
	}
	if err := h.cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	lines, exit := bufio.NewReader(stdout), make(chan error, 1)
	h.exit = exit
	for !strings.Contains(printed, "payments ") {
		line, err := lines.ReadString('\n')
		if err != nil {
			h.t.Fatalf("the program ended before it listened: %v\n%s", h.cmd.Wait(), h.log.String())
		}
		printed += line
	}
	cmd := h.cmd
	rest := &syncBuffer{}
	go func() {
		_, _ = io.Copy(rest, lines)
		exit <- cmd.Wait()
	}()
	if strings.Contains(h.log.String(), "simulator") {
		eventually(h.t, "the simulator's address", func() bool { return strings.Contains(rest.String(), "/_sim/") })
		printed += rest.String()
	}
	_, address, _ := strings.Cut(printed, "payments")
	address, _, _ = strings.Cut(strings.TrimSpace(address), "\n")
	h.url = strings.TrimSuffix(address, "/pay")
	u, err := url.Parse(h.url)
	if err != nil || u.Host == "" {
		h.t.Fatalf("no address in what the program printed: %q", printed)
	}
	h.addr = u.Host // a restart listens there again
	return printed
}

// command is the program with these settings and no others.
func (h *host) command(env ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(binaries, h.program.name), h.program.args...)
	cmd.Dir, cmd.Env, cmd.Stderr = h.dir, append([]string{"HOME=" + h.dir, "KREDIVO_STORE=" + h.store}, env...), h.log
	return cmd
}

// restart starts the program again after it has ended.
func (h *host) restart() {
	h.t.Helper()
	h.start("DOKU_BASE_URL="+h.simURL, "DOKU_CLIENT_ID="+clientID, "DOKU_SECRET_KEY="+secretKey)
}

// kill ends the program as a power cut would, with SIGKILL.
func (h *host) kill() {
	if h.exit == nil {
		return
	}
	_ = h.cmd.Process.Kill()
	<-h.exit
	h.exit = nil
}

// terminate ends the program with SIGTERM and returns its exit code.
func (h *host) terminate() int {
	h.t.Helper()
	if err := h.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		h.t.Fatal(err)
	}
	select {
	case <-h.exit:
	case <-time.After(patience):
		h.t.Fatalf("still running long after SIGTERM\n%s", h.log.String())
	}
	h.exit = nil
	return h.cmd.ProcessState.ExitCode()
}

// eventually waits until done reports true.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// A syncBuffer may be written and read at the same time.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// exitCode is the code in the error of a program that ended by itself.
func exitCode(err error) int {
	if e, ok := errors.AsType[*exec.ExitError](err); ok {
		return e.ExitCode()
	}
	return 0
}
