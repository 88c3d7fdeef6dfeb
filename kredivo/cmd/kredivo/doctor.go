package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/doku"
	"github.com/paylater-go/paylater/kredivo/store"
)

// openTimeout bounds opening the store.
const openTimeout = 15 * time.Second

// doctorOptions are the flags of kredivo doctor, and what the environment adds.
type doctorOptions struct {
	url, notificationURL string
	clientID, secretKey  string
	environment, dokuURL string
	store                string
	asJSON               bool
}

// runDoctor checks a shop from outside, and its store and credentials. It returns 0 when nothing failed, 1 when
// something did, and 2 for a wrong call.
func runDoctor(ctx context.Context, args []string, stdout, stderr io.Writer, getenv func(string) string) int {
	o, err := doctorFlags(args, stderr, getenv)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2 // it has been said why
	}
	report, err := examine(ctx, o)
	if err != nil {
		_, _ = fmt.Fprintf(stderr, "kredivo doctor: %v\n", err)
		return 2
	}
	if o.asJSON {
		err = writeJSON(stdout, report)
	} else {
		err = writeTable(stdout, report, getenv("NO_COLOR") == "" && isTerminal(stdout))
	}
	if err != nil {
		_, _ = fmt.Fprintf(stderr, "kredivo doctor: %v\n", err)
		return 1
	}
	if !report.OK() {
		return 1
	}
	return 0
}

// examine makes the checks that the options allow. Its error is about the options.
func examine(ctx context.Context, o doctorOptions) (kredivo.Report, error) {
	if o.clientID == "" && o.secretKey == "" && o.store == "" {
		findings := append(kredivo.CheckMount(ctx, o.url), kredivo.Finding{
			Check: "doku", State: kredivo.CheckWarning, Seen: "not asked, and which plugin answers was not looked at",
			Do: "set DOKU_CLIENT_ID and DOKU_SECRET_KEY in the environment",
		})
		return kredivo.Report{CheckedAt: time.Now().UTC(), Findings: findings}, nil
	}
	cfg := kredivo.Config{
		DOKU: doku.Config{
			ClientID: o.clientID, SecretKey: doku.Secret(o.secretKey),
			Environment: doku.Environment(o.environment), BaseURL: o.dokuURL,
		},
		PublicURL:       o.url,
		NotificationURL: o.notificationURL,
		Store:           noStore{},
		OnEvent:         func(context.Context, kredivo.Event) error { return errors.ErrUnsupported }, // nothing runs here
		Logger:          slog.New(slog.DiscardHandler),
	}
	var unopened *kredivo.Finding
	if o.store != "" {
		st, err := openStore(ctx, o.store)
		if err != nil {
			unopened = &kredivo.Finding{Check: "store", State: kredivo.CheckFailed, Seen: err.Error(), Do: "give the address that the shop gives to store.Open, and see that the database answers"}
		} else {
			defer func() { _ = st.Close() }()
			cfg.Store = st
		}
	}
	p, err := kredivo.New(cfg)
	if err != nil {
		return kredivo.Report{}, err
	}
	report := p.SelfCheck(ctx)
	if _, none := cfg.Store.(noStore); none {
		report.Findings = slices.DeleteFunc(report.Findings, func(f kredivo.Finding) bool { return f.Check == "store" || f.Check == "work" })
	}
	if unopened != nil {
		report.Findings = append(report.Findings, *unopened)
	}
	return report, nil
}

// noStore stands where a store would be that was not asked for.
type noStore struct{ kredivo.Store }

func (noStore) Backlog(context.Context) (kredivo.Backlog, error) {
	return kredivo.Backlog{}, errors.ErrUnsupported
}

// openStore opens a store that exists. A missing SQLite file would be made.
func openStore(ctx context.Context, dsn string) (kredivo.Store, error) {
	if path, ok := sqliteFile(dsn); ok {
		if _, err := os.Stat(path); err != nil {
			return nil, fmt.Errorf("the SQLite file cannot be read: %w", err)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	return store.Open(ctx, dsn)
}

// sqliteFile is the file that store.Open would open for dsn, if it is SQLite.
func sqliteFile(dsn string) (path string, ok bool) {
	scheme, rest, found := strings.Cut(dsn, ":")
	switch {
	case found && (scheme == "sqlite" || scheme == "file"):
		path, _, _ = strings.Cut(strings.TrimPrefix(rest, "//"), "?")
		return path, true
	default:
		return dsn, !strings.Contains(dsn, "://") && strings.HasSuffix(dsn, ".db")
	}
}

func doctorFlags(args []string, stderr io.Writer, getenv func(string) string) (doctorOptions, error) {
	o := doctorOptions{secretKey: getenv("DOKU_SECRET_KEY")}
	flags := flag.NewFlagSet("kredivo doctor", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.url, "url", getenv("PUBLIC_URL"), "the shop's PublicURL, such as https://shop.example/pay (default: $PUBLIC_URL)")
	flags.StringVar(&o.notificationURL, "notification-url", "", "the shop's NotificationURL, if it has one")
	flags.StringVar(&o.clientID, "client-id", getenv("DOKU_CLIENT_ID"), "DOKU's Client-Id (default: $DOKU_CLIENT_ID); the secret key comes from $DOKU_SECRET_KEY only")
	flags.StringVar(&o.environment, "environment", "", "sandbox or production (default sandbox)")
	flags.StringVar(&o.dokuURL, "doku-url", getenv("DOKU_BASE_URL"), "where DOKU, or a simulator, is (default: $DOKU_BASE_URL, else DOKU's own)")
	flags.StringVar(&o.store, "store", "", "`address` of the shop's store, as for store.Open; its tables are brought up to date (default: not looked at)")
	flags.BoolVar(&o.asJSON, "json", false, "print the findings as JSON")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	problem := ""
	switch {
	case flags.NArg() > 0:
		problem = fmt.Sprintf("unexpected %q", flags.Arg(0))
	case o.url == "":
		problem = "-url is missing: the shop's PublicURL, such as https://shop.example/pay"
	case (o.clientID == "") != (o.secretKey == ""):
		problem = "a Client-Id and DOKU_SECRET_KEY belong together: set both, or neither"
	case o.store != "" && o.clientID == "":
		problem = "-store needs a Client-Id and DOKU_SECRET_KEY"
	}
	if problem != "" {
		_, _ = fmt.Fprintf(stderr, "kredivo doctor: %s\n", problem)
		return o, errors.New(problem)
	}
	return o, nil
}

func writeJSON(w io.Writer, r kredivo.Report) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(struct {
		OK bool `json:"ok"`
		kredivo.Report
	}{r.OK(), r})
}

// marks are the first column of the table, and its colours on a terminal.
var marks = map[kredivo.CheckState]struct{ text, colour string }{
	kredivo.CheckOK:      {"ok", "\x1b[32m"},
	kredivo.CheckWarning: {"warning", "\x1b[33m"},
	kredivo.CheckFailed:  {"FAILED", "\x1b[31m"},
}

// writeTable prints a finding per line, and below it what to do.
func writeTable(w io.Writer, r kredivo.Report, coloured bool) error {
	var b strings.Builder
	failed, warnings := 0, 0
	for _, f := range r.Findings {
		mark := marks[f.State]
		text := fmt.Sprintf("%-7s", mark.text)
		if coloured {
			text = mark.colour + text + "\x1b[0m"
		}
		fmt.Fprintf(&b, "%s  %-16s  %s\n", text, f.Check, strings.Join(strings.Fields(f.Seen), " ")) // errors of databases have several lines
		if f.Do != "" {
			fmt.Fprintf(&b, "%27s-> %s\n", "", f.Do)
		}
		switch f.State {
		case kredivo.CheckFailed:
			failed++
		case kredivo.CheckWarning:
			warnings++
		case kredivo.CheckOK:
		}
	}
	fmt.Fprintf(&b, "\n%s\n", cmp.Or(verdict(failed, warnings), "All is well."))
	_, err := io.WriteString(w, b.String())
	return err
}

func verdict(failed, warnings int) string {
	var parts []string
	if failed > 0 {
		parts = append(parts, fmt.Sprintf("%d failed", failed))
	}
	if warnings > 0 {
		parts = append(parts, fmt.Sprintf("%d to look at", warnings))
	}
	if len(parts) == 0 {
		return ""
	}
	return strings.Join(parts, ", ") + "."
}

// isTerminal reports whether a person reads what is written to w.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
