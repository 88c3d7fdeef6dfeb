package syscalls

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"testing"

	"github.com/paylater-go/paylater/adapters/kredivohttp"
	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/doku"
	"github.com/paylater-go/paylater/kredivo/store/sqlite"
)

// The test binary is also the receiver that is watched.
const (
	roleVariable     = "KREDIVO_PROOF_RECEIVER" // a key of receivers
	databaseVariable = "KREDIVO_PROOF_DATABASE"

	clientID  = "MCH-0001-TEST"
	secretKey = "SK-test-not-a-secret"
	path      = "/pay/notifications"
)

var receivers = map[string]func(database string) (http.Handler, error){
	"plugin": pluginReceiver, "careless": carelessReceiver,
}

func TestMain(m *testing.M) {
	receiver, ok := receivers[os.Getenv(roleVariable)]
	if !ok {
		os.Exit(m.Run())
	}
	go func() { // the test holds the other end: when it closes it or dies, we end
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	handler, err := receiver(os.Getenv(databaseVariable))
	if err == nil {
		err = serve(handler)
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// serve serves a receiver and says where.
func serve(handler http.Handler) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("http://%s%s\n", l.Addr(), path)
	return http.Serve(l, handler)
}

// pluginReceiver is the plugin on a store. Its workers do not run, so all that is written belongs to a
// notification.
func pluginReceiver(database string) (http.Handler, error) {
	s, err := sqlite.Open(context.Background(), database)
	if err != nil {
		return nil, err
	}
	p, err := kredivo.New(kredivo.Config{
		DOKU:      doku.Config{ClientID: clientID, SecretKey: secretKey},
		PublicURL: "https://shop.example/pay",
		Store:     s,
		OnEvent:   func(context.Context, kredivo.Event) error { return nil },
		Logger:    slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return nil, err
	}
	return kredivohttp.HandlerGroup("/pay", p, kredivo.NotificationRoutes, kredivohttp.Hooks{})
}

// carelessReceiver commits with synchronous=NORMAL, which the store refuses: the log is flushed some day.
func carelessReceiver(database string) (http.Handler, error) {
	db, err := sql.Open("sqlite", "file:"+database+"?_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	if _, err := db.Exec("CREATE TABLE careless (body BLOB)"); err != nil {
		return nil, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			_, err = db.ExecContext(r.Context(), "INSERT INTO careless VALUES (?)", body)
		}
		if err != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}), nil
}
