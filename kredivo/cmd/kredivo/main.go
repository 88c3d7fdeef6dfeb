// Command kredivo helps shops that take payments with Kredivo through DOKU.
//
//	kredivo sim             run DOKU and Kredivo in a box, for development and tests
//	kredivo doctor          look whether a shop's notifications, credentials and store are in order
//	kredivo copy FROM TO    move a shop that is running from one store to another
//
// "kredivo sim -h" and so on list the flags.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

const usage = `Usage: kredivo <command> [flags]

Commands:
  sim       run a simulator of DOKU and Kredivo
  doctor    look whether a shop's notifications, credentials and store are in order
  copy      move a shop that is running from one store to another

Run "kredivo <command> -h" for its flags.
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is the whole command. It returns the exit code: 0 for success, 1 for a failure, 2 for a wrong call.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		_, _ = fmt.Fprint(stderr, usage)
		return 2
	}
	switch args[0] {
	case "sim":
		return runSim(ctx, args[1:], stdout, stderr)
	case "doctor":
		return runDoctor(ctx, args[1:], stdout, stderr, os.Getenv)
	case "copy":
		return runCopy(ctx, args[1:], stdout, stderr)
	case "help", "-h", "-help", "--help":
		_, _ = fmt.Fprint(stdout, usage)
		return 0
	}
	_, _ = fmt.Fprintf(stderr, "kredivo: unknown command %q\n\n%s", args[0], usage)
	return 2
}
