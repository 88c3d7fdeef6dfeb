package kredivo_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/paylater-go/paylater/adapters/kredivohttp"
	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/doku"
	"github.com/paylater-go/paylater/kredivo/doku/dokusim"
	"github.com/paylater-go/paylater/kredivo/kredivotest"
)

// served is a shop whose notification route is served, and its PublicURL.
func served(t *testing.T, change ...func(*kredivotest.Config)) (shop *kredivotest.Shop, publicURL string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	publicURL = "http://" + l.Addr().String() + "/pay"
	shop = kredivotest.New(t, append([]func(*kredivotest.Config){func(c *kredivotest.Config) { c.Plugin.PublicURL = publicURL }}, change...)...)
	serveOn(t, l, shop.Plugin)
	return shop, publicURL
}

// serveOn serves the notification route under /pay until the test ends.
func serveOn(t *testing.T, l net.Listener, p *kredivo.Plugin) {
	t.Helper()
	mux := http.NewServeMux()
	if err := kredivohttp.MountGroup(mux, "/pay", p, kredivo.NotificationRoutes, kredivohttp.Hooks{}); err != nil {
		t.Fatal(err)
	}
	server := &httptest.Server{Listener: l, Config: &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}}
	server.Start()
	t.Cleanup(server.Close)
}

// find is the finding of one check.
func find(t *testing.T, r kredivo.Report, check string) kredivo.Finding {
	t.Helper()
	for _, f := range r.Findings {
		if f.Check == check {
			return f
		}
	}
	t.Fatalf("no finding %s in %+v", check, r)
	return kredivo.Finding{}
}

func wantFinding(t *testing.T, r kredivo.Report, check string, state kredivo.CheckState, says string) {
	t.Helper()
	if f := find(t, r, check); f.State != state || !strings.Contains(f.Seen+"; "+f.Do, says) {
		t.Errorf("found %+v, want %s that says %q", f, state, says)
	}
}

// A shop in order: nothing is found, and nothing is left behind, here or at DOKU.
func TestSelfCheck(t *testing.T) {
	t.Parallel()
	var log logText
	shop, _ := served(t, func(c *kredivotest.Config) { c.Plugin.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	r := shop.Plugin.SelfCheck(t.Context())
	if !r.OK() || len(r.Findings) != 9 || r.CheckedAt.IsZero() {
		t.Errorf("%+v", r)
	}
	for _, f := range r.Findings {
		if f.State != kredivo.CheckOK || f.Do != "" {
			t.Errorf("%+v", f)
		}
	}
	b, err := shop.Store.Backlog(t.Context())
	messages, events, err2 := shop.Store.Parked(t.Context(), 10)
	if err != nil || err2 != nil || b != (kredivo.Backlog{}) || len(messages)+len(events) > 0 {
		t.Errorf("left behind: %+v, %v, %v, %v, %v", b, messages, events, err, err2)
	}
	if n := len(shop.DOKU.Orders()); n != 0 {
		t.Errorf("DOKU has %d orders", n)
	}
	report, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{kredivotest.SecretKey, "HMACSHA256", kredivotest.ClientID} {
		if strings.Contains(string(report), s) || strings.Contains(log.String(), s) {
			t.Errorf("%q is in the report or in the log:\n%s\n%s", s, report, log.String())
		}
	}
}

// A logText may be read while workers write to it.
type logText struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logText) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(line)
}

func (l *logText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func TestSelfCheckFindsFaultsInside(t *testing.T) {
	t.Parallel()
	const ok, warning, failed = kredivo.CheckOK, kredivo.CheckWarning, kredivo.CheckFailed
	clock := func(ahead time.Duration) func(*kredivotest.Config) {
		return func(c *kredivotest.Config) {
			c.Plugin.Now = func() time.Time { return time.Now().Add(ahead) }
			c.Simulator.Clock = dokusim.NewManualClock(time.Now())
		}
	}
	dokuSays := func(status int, body string) func(*testing.T, *kredivotest.Shop) {
		return func(_ *testing.T, s *kredivotest.Shop) {
			s.DOKU.Fail(dokusim.Fault{Kind: dokusim.AnswerStatus, Status: status, Body: body, Times: dokusim.Always})
		}
	}
	for name, c := range map[string]struct {
		change func(*kredivotest.Config)
		act    func(*testing.T, *kredivotest.Shop)
		check  string
		state  kredivo.CheckState
		says   string
	}{
		"store closed":     {nil, func(_ *testing.T, s *kredivotest.Shop) { _ = s.Store.Close() }, "store", failed, "the store does not answer"},
		"parked":           {nil, park, "work", warning, "1 messages and 0 events are parked; list them"},
		"clock, a minute":  {clock(-30 * time.Second), nil, "clock", ok, "within a minute"},
		"clock, minutes":   {clock(10 * time.Minute), nil, "clock", warning, "ahead of DOKU's"},
		"clock, hours":     {clock(-3 * time.Hour), nil, "clock", failed, "behind DOKU's"},
		"channel inactive": {nil, dokuSays(400, `{"message":["PAYMENT CHANNEL IS INACTIVE"]}`), "doku", failed, "have DOKU activate Kredivo"},
		"account inactive": {nil, dokuSays(403, `{"error":{"code":"service_not_active","message":"no"}}`), "doku", failed, "code service_not_active"},
		"DOKU maintained":  {nil, dokuSays(503, ""), "doku", failed, "does not serve now (HTTP 503"},
		"HTML":             {nil, dokuSays(404, "<html>"), "doku", warning, "not DOKU's own answer (HTTP 404)"},
		"another override": {func(c *kredivotest.Config) {
			c.Plugin.NotificationURL = strings.Replace(c.Plugin.PublicURL, "127.0.0.1", "localhost", 1) + "/notifications"
		}, nil, "notification_url", ok, "http://localhost:"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			changes := []func(*kredivotest.Config){func(c *kredivotest.Config) { c.Plugin.DOKU.MaxTries = 1 }}
			if c.change != nil {
				changes = append(changes, c.change)
			}
			shop, _ := served(t, changes...)
			if c.act != nil {
				c.act(t, shop)
			}
			r := shop.Plugin.SelfCheck(t.Context())
			wantFinding(t, r, c.check, c.state, c.says)
			if r.OK() != (c.state != failed) {
				t.Errorf("OK is %v: %+v", r.OK(), r)
			}
		})
	}
}

// park leaves one message that nobody can settle.
func park(t *testing.T, shop *kredivotest.Shop) {
	checkout(t, shop, "1001")
	send(t, shop, "1001", dokusim.Notice{Body: []byte("nonsense"), Once: true})
	eventually(t, "a parked message", func() bool {
		b, err := shop.Store.Backlog(t.Context())
		return err == nil && b.ParkedMessages == 1
	})
}

// withKey is a plugin like the shop's, in another process, that does not run.
func withKey(t *testing.T, publicURL string, change func(*kredivo.Config)) *kredivo.Plugin {
	t.Helper()
	cfg := kredivo.Config{
		DOKU: doku.Config{
			ClientID: kredivotest.ClientID, SecretKey: kredivotest.SecretKey, MaxTries: 1,
			Transport: roundTrip(func(*http.Request) (*http.Response, error) { return nil, errors.New("no network") }),
		},
		PublicURL: publicURL,
		Store:     waiting{},
		OnEvent:   func(context.Context, kredivo.Event) error { return nil },
		Logger:    quiet,
	}
	change(&cfg)
	p, err := kredivo.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// waiting is a store in which work waits.
type waiting struct{ kredivo.Store }

func (waiting) Backlog(context.Context) (kredivo.Backlog, error) {
	return kredivo.Backlog{Messages: 3}, nil
}

// A process that does not run, or has another key or environment than the one that answers, finds that out.
func TestSelfCheckAmongProcesses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		path   string // of PublicURL
		change func(*kredivo.Config)
		check  string
		state  kredivo.CheckState
		says   string
	}{
		"runs elsewhere":     {"/pay", func(*kredivo.Config) {}, "run", kredivo.CheckOK, "in the process that answers"},
		"work waits":         {"/pay", func(*kredivo.Config) {}, "work", kredivo.CheckWarning, "3 messages and 0 events wait"},
		"no network to DOKU": {"/pay", func(*kredivo.Config) {}, "doku", kredivo.CheckFailed, "cannot be reached"},
		"key of before":      {"/pay", func(c *kredivo.Config) { c.DOKU.SecretKey = "the-key-before" }, "notification_url", kredivo.CheckWarning, "newer secret key"},
		"another key":        {"/pay", func(c *kredivo.Config) { c.DOKU.SecretKey = "another" }, "notification_url", kredivo.CheckFailed, "does not know this secret key"},
		"another key, run":   {"/pay", func(c *kredivo.Config) { c.DOKU.SecretKey = "another" }, "run", kredivo.CheckWarning, "could not be asked"},
		"another client":     {"/pay", func(c *kredivo.Config) { c.DOKU.ClientID = "MCH-0009-OTHER" }, "notification_url", kredivo.CheckFailed, "(client_id)"},
		"another path":       {"/pay/here", func(*kredivo.Config) {}, "notification_url", kredivo.CheckFailed, "404"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, publicURL := served(t, func(c *kredivotest.Config) { c.Plugin.DOKU.PreviousSecretKeys = []doku.Secret{"the-key-before"} })
			r := withKey(t, strings.Replace(publicURL, "/pay", c.path, 1), c.change).SelfCheck(t.Context())
			wantFinding(t, r, c.check, c.state, c.says)
		})
	}
}

// A sandbox that is mounted where production should be, or the other way round.
func TestSelfCheckAmongEnvironments(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serveOn(t, l, withKey(t, "https://shop.example/pay", func(c *kredivo.Config) { c.DOKU.Environment = doku.Production }))
	r := withKey(t, "http://"+l.Addr().String()+"/pay", func(*kredivo.Config) {}).SelfCheck(t.Context())
	wantFinding(t, r, "notification_url", kredivo.CheckFailed, "by a plugin for production, and this one is for sandbox")
	wantFinding(t, r, "run", kredivo.CheckWarning, "neither here nor")
}

// DOKU is asked about an invoice that nobody has, and another one each time.
func TestSelfCheckAsksAboutNothingReal(t *testing.T) {
	t.Parallel()
	var asked []string
	p := withKey(t, "http://127.0.0.1:1/pay", func(c *kredivo.Config) {
		c.DOKU.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
			asked = append(asked, r.Method+" "+r.URL.Path)
			return nil, errors.New("no network")
		})
	})
	p.SelfCheck(t.Context())
	p.SelfCheck(t.Context())
	const made = "GET /orders/v1/status/SELFCHECK-"
	if len(asked) != 2 || asked[0] == asked[1] || len(asked[0]) < len(made)+32 || !strings.HasPrefix(asked[0], made) || !strings.HasPrefix(asked[1], made) {
		t.Errorf("asked %q", asked)
	}
}

// The end of the caller's context ends the check.
func TestSelfCheckEnds(t *testing.T) {
	t.Parallel()
	stop := make(chan struct{})
	hang := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-stop:
		case <-r.Context().Done():
		}
	}))
	defer hang.Close()
	defer close(stop)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := withKey(t, hang.URL, func(*kredivo.Config) {}).SelfCheck(ctx)
	wantFinding(t, r, "notification_url", kredivo.CheckFailed, "the check was ended")
}
