package demo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/paylater-go/paylater/examples/internal/tinyshop"
	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/doku"
)

// Limits of every example's server. Without read timeouts a few slow clients can hold it up. An answer
// may take as long as the plugin waits for DOKU, and a little more.
const (
	ReadTimeout  = 15 * time.Second
	WriteTimeout = 90 * time.Second
	IdleTimeout  = 2 * time.Minute

	shutdownTimeout = 10 * time.Second
)

// An App is one running example: its settings, its shop and, without DOKU settings, its simulator.
type App struct {
	Listener  net.Listener
	PublicURL string         // of the payment routes: kredivo.Config.PublicURL
	Store     string         // for store.Open
	ShopDB    string         // file of the shop's own database
	DOKU      doku.Config    // credentials, and the simulator's address when there is one
	Origin    string         // of the shop's pages, such as "https://shop.example"
	Shop      *tinyshop.Shop // nil in an example with books of its own
	Simulator string         // the simulator's control page; empty when the example talks to DOKU

	sim *simulator
	out io.Writer
}

// Main runs an example until SIGTERM or Ctrl-C and returns its exit code: 0 after a clean end.
func Main(run func(context.Context, *App) error) int {
	return runMain(run, false)
}

// MainWithBooks is Main for an example that keeps its own books, without a tinyshop.
func MainWithBooks(run func(context.Context, *App) error) int {
	return runMain(run, true)
}

func runMain(run func(context.Context, *App) error, ownBooks bool) int {
	slog.SetDefault(slog.New(slog.NewTextHandler(os.Stderr, nil)))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	c, err := ReadConfig(os.Getenv)
	c.OwnBooks = ownBooks
	if err == nil {
		err = Run(ctx, c, os.Stdout, run)
	}
	if err != nil {
		slog.Error("the example ended", "error", err)
		return 1
	}
	return 0
}

// Run gives run an App made from c, and takes it down again when run has returned.
func Run(ctx context.Context, c Config, out io.Writer, run func(context.Context, *App) error) error {
	app, err := start(ctx, c, out)
	if err != nil {
		return err
	}
	return errors.Join(run(ctx, app), app.close())
}

// start listens, so that the port is known, and opens what the example needs.
func start(ctx context.Context, c Config, out io.Writer) (_ *App, err error) {
	app := &App{Store: c.Store, ShopDB: c.ShopDB, out: out}
	defer func() {
		if err != nil {
			err = errors.Join(err, app.close())
		}
	}()
	if app.Listener, err = new(net.ListenConfig).Listen(ctx, "tcp", c.Addr); err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	app.PublicURL = c.publicURL(app.Listener.Addr())
	public, err := url.Parse(app.PublicURL)
	if err != nil {
		return nil, fmt.Errorf("demo: PUBLIC_URL: %w", err)
	}
	app.Origin = public.Scheme + "://" + public.Host
	secret := rand.Text() // of the simulator; random, so that nobody else can sign with it
	if !c.OwnBooks {
		if app.Shop, err = tinyshop.Open(ctx, c.ShopDB, app.Origin); err != nil {
			return nil, err
		}
		if secret, err = app.Shop.Setting(ctx, "simulator secret", secret); err != nil { // kept, so that links of an earlier run stay valid
			return nil, err
		}
	}
	if !c.simulated() {
		app.DOKU = doku.Config{BaseURL: c.DOKUBaseURL, ClientID: c.DOKUClientID, SecretKey: doku.Secret(c.DOKUSecretKey)}
		return app, nil
	}
	if app.sim, err = startSimulator(ctx, secret, app.PublicURL+"/notifications"); err != nil {
		return nil, err
	}
	app.DOKU, app.Simulator = app.sim.doku, app.sim.doku.BaseURL+"/_sim/"
	return app, nil
}

func (a *App) close() error {
	var errs []error
	if a.sim != nil {
		errs = append(errs, a.sim.stop())
	}
	if a.Shop != nil {
		errs = append(errs, a.Shop.Close())
	}
	if a.Listener != nil {
		if err := a.Listener.Close(); !errors.Is(err, net.ErrClosed) { // a server has closed it already
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// ServeHTTP is Serve for a net/http handler, with timeouts.
func (a *App) ServeHTTP(ctx context.Context, p *kredivo.Plugin, h http.Handler) error {
	server := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: ReadTimeout,
		ReadTimeout:       ReadTimeout,
		WriteTimeout:      WriteTimeout,
		IdleTimeout:       IdleTimeout,
	}
	return a.Serve(ctx, p, server.Serve, server.Shutdown)
}

// Serve prints the addresses and runs the server and the plugin's workers until ctx ends. Then it lets
// running requests finish, ends the workers, and returns nil.
func (a *App) Serve(ctx context.Context, p *kredivo.Plugin, serve func(net.Listener) error, shutdown func(context.Context) error) error {
	work, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWork()
	worked, served := make(chan error, 1), make(chan error, 1)
	go func() { worked <- p.Run(work) }()
	go func() { served <- serve(a.Listener) }()
	a.announce()

	var err error
	select {
	case err = <-served: // without being asked to
	case <-ctx.Done():
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
		defer cancel()
		if err = shutdown(end); err == nil {
			if err = <-served; errors.Is(err, http.ErrServerClosed) {
				err = nil
			}
		}
	}
	stopWork()
	if err = errors.Join(err, <-worked); err != nil {
		return fmt.Errorf("demo: serve: %w", err)
	}
	return nil
}

func (a *App) announce() {
	_, _ = fmt.Fprintf(a.out, "shop           %s/\npayments       %s\n", a.Origin, a.PublicURL)
	if a.Simulator != "" {
		_, _ = fmt.Fprintf(a.out, "simulator      %s\n", a.Simulator)
	}
}
