package browsertest

import (
	"bufio"
	"bytes"
	"context"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/paylater-go/paylater/kredivo/doku/dokusim"
)

// A shop is examples/shop with a simulator of DOKU and Kredivo in this process.
type shop struct {
	url string
	sim *dokusim.Simulator
}

// frameworks runs test on a shop of each framework.
func frameworks(t *testing.T, test func(t *testing.T, s *shop)) {
	t.Parallel()
	for _, framework := range []string{"gin", "fiber", "nethttp"} {
		t.Run(framework, func(t *testing.T) {
			t.Parallel()
			test(t, newShop(t, framework))
		})
	}
}

func newShop(t *testing.T, framework string) *shop {
	t.Helper()
	const clientID, secretKey = "MCH-0001-BROWSER", "SK-browser-not-a-real-key"
	sim, err := dokusim.New(dokusim.Config{
		ClientID: clientID, SecretKey: secretKey, NotifyAfter: 200 * time.Millisecond,
		// Not documented for Kredivo; without it the pages learn of an expiry a minute later.
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
			t.Error(err)
		}
		server.Close()
	})

	cmd := exec.Command(shopBinary, "-framework", framework)
	cmd.Dir = t.TempDir()
	cmd.Env = []string{"ADDR=127.0.0.1:0", "HOME=" + cmd.Dir,
		"DOKU_BASE_URL=" + server.URL, "DOKU_CLIENT_ID=" + clientID, "DOKU_SECRET_KEY=" + secretKey}
	var log bytes.Buffer
	cmd.Stderr = &log
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var end sync.Once
	stop := func() {
		end.Do(func() {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		})
	}
	t.Cleanup(func() {
		stop()
		if t.Failed() {
			t.Logf("log of the shop:\n%s", log.String())
		}
	})
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if address, ok := strings.CutPrefix(lines.Text(), "payments "); ok {
			s := &shop{url: strings.TrimSuffix(strings.TrimSpace(address), "/pay"), sim: sim}
			sim.SetNotificationURL(s.url + "/pay/notifications")
			return s
		}
	}
	stop()
	t.Fatalf("the shop ended before it listened:\n%s", log.String())
	return nil
}
