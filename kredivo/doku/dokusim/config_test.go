package dokusim

import (
	"log/slog"
	"strings"
	"testing"
	"time"
)

func TestNewListsEveryProblem(t *testing.T) {
	t.Parallel()
	_, err := New(Config{
		NotificationURL: "shop.test", PublicURL: "ftp://x", NotifyAfter: -1, StatusLag: -1, RetryDelays: []time.Duration{1, -1},
	})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"dokusim: ", "ClientID", "SecretKey", "NotificationURL", "PublicURL", "NotifyAfter", "StatusLag", "RetryDelays[1]"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %s in %v", want, err)
		}
	}
}

func TestPublicURLComesFromTheRequest(t *testing.T) {
	t.Parallel()
	sh := newShop(t, func(cfg *Config) { cfg.PublicURL = "" })
	if g := sh.generate("INV-1"); !strings.HasPrefix(g.Payment.URL, "https://api-sandbox.doku.com"+payPath) {
		t.Errorf("in process: %s", g.Payment.URL)
	}
	sh.overSockets()
	if g := sh.generate("INV-2"); !strings.HasPrefix(g.Payment.URL, sh.base+payPath) {
		t.Errorf("sockets: %s", g.Payment.URL)
	}
}

func TestLogHoldsNothingPersonal(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	sh := newShop(t, func(cfg *Config) { cfg.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	g := sh.generate("INV-1")
	sh.press(g, "pay", signedIn("30_days")...)
	sh.clock.Advance(time.Minute)
	for _, want := range []string{"generate-order", "INV-1", "order changed", "notification"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("no %s in the log", want)
		}
	}
	for _, secret := range []string{"Budi", "budi@", "62811", "Sudirman", testSecret, "HMACSHA256", TestPIN, TestPhone} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("%s is in the log:\n%s", secret, log.String())
		}
	}
}

// The list of calls stays bounded.
func TestAppendBounded(t *testing.T) {
	t.Parallel()
	var list []int
	for i := range maxLog + 10 {
		list = appendBounded(list, i)
	}
	if len(list) != maxLog/2+10 || list[len(list)-1] != maxLog+9 || list[0] != maxLog/2 {
		t.Errorf("%d values from %d to %d", len(list), list[0], list[len(list)-1])
	}
}
