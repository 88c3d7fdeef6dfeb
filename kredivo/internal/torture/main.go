// Command torture shows that no acknowledged payment is lost and that nothing is shipped twice, by killing
// whatever can be killed: shops with SIGKILL in the middle of their work, PostgreSQL and MariaDB servers with
// it, and by stopping shops until others have taken over. It keeps a ledger of every answer that it saw, and
// compares it with the databases in the end.
//
// One night of everything, one hour long, and one campaign with an exact number of kills:
//
//	go run ./kredivo/internal/torture -minutes 60
//	go run ./kredivo/internal/torture -only sqlite -kills 2000
//	go run ./kredivo/internal/torture -only postgres -rounds 400
//
// It needs Linux, starts database servers of its own when they are installed, and uses loopback only. What is
// broken on purpose must be noticed:
//
//	KREDIVO_TORTURE_MUTANT='answer before commit' go run ./kredivo/internal/torture -only sqlite -kills 40
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func main() {
	was, err := shop()
	if !was {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		err = command(ctx, os.Args[1:])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// command runs the jobs that the arguments ask for.
func command(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("torture", flag.ContinueOnError)
	var n night
	minutes := flags.Int("minutes", 60, "how long the whole night is; each job gets its share")
	flags.IntVar(&n.kills, "kills", 0, "end the campaigns on SQLite after so many kills, at least, instead")
	flags.IntVar(&n.rounds, "rounds", 0, "end the campaigns on servers after so many kills, at least, instead")
	flags.Uint64Var(&n.seed, "seed", uint64(time.Now().UnixNano()), "of all random choices; when a process is hit is not one of them")
	only := flags.String("only", "", "jobs to run, separated by commas: "+strings.Join(jobNames(), ", "))
	if err := flags.Parse(args); err != nil {
		return err
	}
	n.length, n.mutant = time.Duration(*minutes)*time.Minute, os.Getenv(mutantVariable)
	var err error
	if n.jobs, err = selected(*only); err != nil {
		return err
	}
	if n.dir, err = os.MkdirTemp("", "torture"); err != nil {
		return err
	}
	if err := errors.Join(os.Chmod(n.dir, 0o711), n.run(ctx, os.Stdout)); err != nil { // database users go through it
		return fmt.Errorf("%w\nlogs and databases are in %s", err, n.dir)
	}
	return os.RemoveAll(n.dir)
}
