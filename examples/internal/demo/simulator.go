package demo

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/paylater-go/paylater/kredivo/doku"
	"github.com/paylater-go/paylater/kredivo/doku/dokusim"
)

// A simulator is DOKU and Kredivo on a port of their own, for an example without DOKU settings.
type simulator struct {
	doku   doku.Config // what a client of it needs
	server *http.Server
	cancel context.CancelFunc
	done   chan error // one value from each of the two goroutines
}

// startSimulator starts one that notifies notifyURL. It listens on loopback only: its pages have no
// access control.
func startSimulator(ctx context.Context, secret, notifyURL string) (*simulator, error) {
	var seed [8]byte
	_, _ = rand.Read(seed[:]) // never fails
	const clientID = "MCH-0001-SIMULATOR"
	sim, err := dokusim.New(dokusim.Config{
		ClientID: clientID, SecretKey: secret, NotificationURL: notifyURL,
		// DOKU waits half an hour before it repeats a notification; nobody watches a demo for so long.
		RetryDelays: []time.Duration{2 * time.Second, 10 * time.Second, time.Minute},
		// DOKU documents no such notification for Kredivo, and a shop learns of an expiry by asking. The demo
		// shows it at once.
		NotifyExpired: true,
		Seed:          binary.LittleEndian.Uint64(seed[:]),
	})
	if err != nil {
		return nil, err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("demo: simulator: %w", err)
	}
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s := &simulator{
		doku:   doku.Config{BaseURL: "http://" + listener.Addr().String(), ClientID: clientID, SecretKey: doku.Secret(secret)},
		cancel: cancel,
		done:   make(chan error, 2),
		server: &http.Server{
			Handler: sim, ReadHeaderTimeout: ReadTimeout, ReadTimeout: ReadTimeout, WriteTimeout: WriteTimeout, IdleTimeout: IdleTimeout,
			BaseContext: func(net.Listener) context.Context { return run }, // answers that hang on purpose end with it
		},
	}
	go func() { s.done <- sim.Run(run) }()
	go func() { s.done <- s.server.Serve(listener) }()
	slog.InfoContext(ctx, "no DOKU settings: a simulator plays DOKU and Kredivo. It keeps its orders in memory: after a restart, payment pages of before are unknown to it",
		"url", s.doku.BaseURL, "control_page", s.doku.BaseURL+"/_sim/")
	return s, nil
}

// stop ends it and waits until it has ended.
func (s *simulator) stop() error {
	s.cancel()
	err := s.server.Close()
	for range 2 {
		if ended := <-s.done; !errors.Is(ended, http.ErrServerClosed) {
			err = errors.Join(err, ended)
		}
	}
	return err
}
