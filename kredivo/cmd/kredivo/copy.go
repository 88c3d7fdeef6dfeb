package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"

	"github.com/paylater-go/paylater/kredivo/store"
)

const copyUsage = `Usage: kredivo copy [-undo] FROM TO

Moves a shop from one store to another, such as "kredivo.db" and "postgres://host:5432/database", while it is
running. TO must hold no payments. FROM is sealed first: notifications are answered with 503
until the processes of the shop have been started again with the new address, and DOKU sends them again. When
the command fails or dies nothing is lost: run it again, or with -undo to go on with FROM.

`

// runCopy moves a shop from one store to another.
func runCopy(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("kredivo copy", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		_, _ = fmt.Fprint(stderr, copyUsage)
		flags.PrintDefaults()
	}
	undo := flags.Bool("undo", false, "open FROM again after a copy that did not succeed")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2 // the flag set has said why
	case flags.NArg() != 2:
		_, _ = fmt.Fprintln(stderr, "kredivo copy: give the addresses of two stores")
		return 2
	}
	if err := copyStore(ctx, flags.Arg(0), flags.Arg(1), *undo, stdout); err != nil {
		_, _ = fmt.Fprintf(stderr, "kredivo: %v\n", err)
		return 1
	}
	return 0
}

func copyStore(ctx context.Context, fromDSN, toDSN string, undo bool, stdout io.Writer) (err error) {
	from, err := store.Open(ctx, fromDSN)
	if err != nil {
		return fmt.Errorf("the old store: %w", err)
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	to, err := store.Open(ctx, toDSN)
	if err != nil {
		return fmt.Errorf("the new store: %w", err)
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	say := func(line string) { _, _ = fmt.Fprintln(stdout, line) }
	if undo {
		if err := store.UndoCopy(ctx, from, to); err != nil {
			return err
		}
		say("the old store takes payments again")
		return nil
	}
	if err := store.Copy(ctx, from, to, say); err != nil {
		return err
	}
	say("done: start the processes of the shop with the new store")
	return nil
}
