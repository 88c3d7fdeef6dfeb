package linear

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/paylater-go/paylater/kredivo"
)

const (
	clients = 8
	// limit bounds every wait: far longer than a slow machine needs.
	limit = 5 * time.Minute
)

// operations is how many to record on one database: KREDIVO_LINEAR_OPS, or n.
func operations(t *testing.T, n int) int {
	t.Helper()
	text := os.Getenv("KREDIVO_LINEAR_OPS")
	if text == "" {
		return n
	}
	all, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("KREDIVO_LINEAR_OPS: %v", err)
	}
	return all
}

// A subject is what is used by many at once. Its methods are told which client calls.
type subject interface {
	// add adds the key's message, and reports whether it was new.
	add(ctx context.Context, client int, key string) (added bool, err error)
	// raise raises the status of the key's attempt to one of higher rank, or leaves it, and returns what
	// it was.
	raise(ctx context.Context, client int, key string, to kredivo.Status) (was kredivo.Status, err error)
	// read returns the status of the key's attempt.
	read(ctx context.Context, client int, key string) (kredivo.Status, error)
}

// An input is a call.
type input struct {
	key string
	add bool
	to  kredivo.Status // when it does not add: what to raise to; empty to read
}

// An output is what a call returned.
type output struct {
	added bool
	was   kredivo.Status
}

// record has all clients go through the same keys, each in its own order of operations, so that every key is
// used by all at about the same time.
func record(t *testing.T, s subject, n int) []porcupine.Operation {
	t.Helper()
	ctx := t.Context()
	start := time.Now()
	histories := make([][]porcupine.Operation, clients)
	var running sync.WaitGroup
	for c := range clients {
		running.Go(func() {
			random := rand.New(rand.NewPCG(uint64(c), 0))
			for len(histories[c]) < n/clients {
				key := strconv.Itoa(len(histories[c]) / 4)
				for _, in := range plan(random, key) {
					op := porcupine.Operation{ClientId: c, Input: in, Call: time.Since(start).Nanoseconds()}
					out, err := do(ctx, s, c, in)
					if err != nil {
						t.Errorf("%+v: %v", in, err)
						return
					}
					op.Output, op.Return = out, time.Since(start).Nanoseconds()
					histories[c] = append(histories[c], op)
				}
			}
		})
	}
	running.Wait()
	var all []porcupine.Operation
	for _, h := range histories {
		all = append(all, h...)
	}
	return all
}

// plan is what one client does to one key: add it, raise it, and read it before and after.
func plan(random *rand.Rand, key string) []input {
	ladder := []kredivo.Status{kredivo.Pending, kredivo.Failed, kredivo.Paid, kredivo.Refunded}
	all := []input{
		{key: key, add: true},
		{key: key, to: ladder[random.IntN(len(ladder))]},
		{key: key},
		{key: key},
	}
	random.Shuffle(len(all)-1, func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

func do(ctx context.Context, s subject, client int, in input) (out output, err error) {
	switch {
	case in.add:
		out.added, err = s.add(ctx, client, in.key)
	case in.to != "":
		out.was, err = s.raise(ctx, client, in.key, in.to)
	default:
		out.was, err = s.read(ctx, client, in.key)
	}
	return out, err
}

// state is a key's, in a world where everything happens one after another.
type state struct {
	added  bool
	status kredivo.Status
}

// model says what calls return in that world.
var model = porcupine.Model{
	Partition: byKey,
	Init:      func() any { return state{status: kredivo.Created} },
	Step: func(before, in, out any) (bool, any) {
		s, i, o := before.(state), in.(input), out.(output)
		if i.add {
			legal := o.added != s.added
			s.added = true
			return legal, s
		}
		legal := o.was == s.status
		if i.to.Rank() > s.status.Rank() {
			s.status = i.to
		}
		return legal, s
	},
	DescribeOperation: func(in, out any) string { return fmt.Sprintf("%+v: %+v", in, out) },
}

func byKey(history []porcupine.Operation) [][]porcupine.Operation {
	keys := map[string][]porcupine.Operation{}
	for _, op := range history {
		key := op.Input.(input).key
		keys[key] = append(keys[key], op)
	}
	var parts [][]porcupine.Operation
	for _, part := range keys {
		parts = append(parts, part)
	}
	return parts
}

// overlapping counts the operations that began while another on the same key was running.
func overlapping(history []porcupine.Operation) (n int) {
	for _, part := range byKey(history) {
		for _, a := range part {
			if slices.ContainsFunc(part, func(b porcupine.Operation) bool {
				return a.ClientId != b.ClientId && b.Call < a.Call && a.Call < b.Return
			}) {
				n++
			}
		}
	}
	return n
}
