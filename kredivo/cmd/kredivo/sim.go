package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/paylater-go/paylater/kredivo/doku/dokusim"
)

const (
	readHeaderTimeout = 5 * time.Second
	shutdownTimeout   = 5 * time.Second
)

// runSim runs the simulator until ctx ends.
func runSim(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	cfg, addr, err := simFlags(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2 // the flag set has said why
	}
	cfg.Logger = slog.New(slog.NewTextHandler(stderr, nil))
	sim, err := dokusim.New(cfg)
	if err != nil {
		_, _ = fmt.Fprintf(stderr, "kredivo: %v\n", err)
		return 2
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		_, _ = fmt.Fprintf(stderr, "kredivo: listen: %v\n", err)
		return 1
	}
	base := "http://" + listener.Addr().String()
	_, _ = fmt.Fprintf(stdout, "DOKU API       %s\nControl page   %s/_sim/\nClient-Id      %s\nNotifications  %s\n",
		base, base, cfg.ClientID, cmp.Or(cfg.NotificationURL, "none"))
	if err := serve(ctx, listener, sim); err != nil {
		_, _ = fmt.Fprintf(stderr, "kredivo: %v\n", err)
		return 1
	}
	return 0
}

// serve serves and delivers until ctx ends, and has ended both when it returns.
func serve(ctx context.Context, listener net.Listener, sim *dokusim.Simulator) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	server := &http.Server{
		Handler:           sim,
		ReadHeaderTimeout: readHeaderTimeout,
		BaseContext:       func(net.Listener) context.Context { return ctx }, // answers that hang on purpose end with ctx
	}
	served, delivered := make(chan error, 1), make(chan error, 1)
	go func() {
		served <- server.Serve(listener)
		cancel()
	}()
	go func() { delivered <- sim.Run(ctx) }()
	<-ctx.Done()

	end, done := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer done()
	err := server.Shutdown(end)
	if failed := <-served; !errors.Is(failed, http.ErrServerClosed) {
		err = failed
	}
	return errors.Join(err, <-delivered)
}

func simFlags(args []string, stderr io.Writer) (cfg dokusim.Config, addr string, err error) {
	flags := flag.NewFlagSet("kredivo sim", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&addr, "addr", "127.0.0.1:9090", "`address` to listen on; it has no access control, so keep it on loopback")
	flags.StringVar(&cfg.ClientID, "client-id", "MCH-0001-SIMULATOR", "Client-Id the merchant uses")
	flags.StringVar(&cfg.SecretKey, "secret-key", "SK-simulator", "secret key the merchant uses; not a real one")
	flags.StringVar(&cfg.NotificationURL, "notify", "http://127.0.0.1:8080/pay/notifications", "the merchant's notification `URL`; empty: none")
	flags.StringVar(&cfg.PublicURL, "public-url", "", "`URL` where browsers reach the simulator (default: as the order is generated)")
	flags.DurationVar(&cfg.NotifyAfter, "notify-after", 0, "pause between a payment and its notification (default 1s)")
	flags.BoolVar(&cfg.NotifyExpired, "notify-expired", false, "send EXPIRED notifications too")
	flags.DurationVar(&cfg.StatusLag, "status-lag", 0, "how long check-status lags behind (default none)")
	flags.Uint64Var(&cfg.Seed, "seed", 0, "decides every random choice; 0: by the clock")
	flags.Func("retry-delays", "pauses between the tries of a notification, such as 1s,5s,10s (default 30m,5h30m,11h30m)", func(text string) error {
		cfg.RetryDelays = []time.Duration{}
		for part := range strings.SplitSeq(text, ",") {
			d, err := time.ParseDuration(part)
			if err != nil {
				return err
			}
			cfg.RetryDelays = append(cfg.RetryDelays, d)
		}
		return nil
	})
	if err := flags.Parse(args); err != nil {
		return cfg, "", err
	}
	if flags.NArg() > 0 {
		_, _ = fmt.Fprintf(stderr, "kredivo sim: unexpected %q\n", flags.Arg(0))
		return cfg, "", errors.New("unexpected argument")
	}
	if cfg.Seed == 0 {
		cfg.Seed = uint64(time.Now().UnixNano()) // a program's default: payment links of two runs must differ
	}
	return cfg, addr, nil
}
