package powercut_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/paylater-go/paylater/kredivo/internal/proofs/powercut"
	"github.com/paylater-go/paylater/kredivo/internal/proofs/server"
	"github.com/paylater-go/paylater/kredivo/internal/proofs/shop"
)

const (
	// cutWithin is how many changes of the disk may pass before a cut: a few commits.
	cutWithin = 80
	// limit bounds every wait.
	limit = 2 * time.Minute
)

// powerCuts is how many cuts to make: KREDIVO_POWER_CUTS, divided by share for what takes long, or n.
func powerCuts(t *testing.T, n, share int) int {
	t.Helper()
	text := os.Getenv("KREDIVO_POWER_CUTS")
	if text == "" {
		return n
	}
	all, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("KREDIVO_POWER_CUTS: %v", err)
	}
	return max(n, all/share)
}

// mount mounts a disk at a new directory. Where there is no FUSE the test is skipped, unless KREDIVO_REQUIRE is
// set.
func mount(t *testing.T, d *powercut.Disk) (dir string) {
	t.Helper()
	dir = server.Dir(t)
	m, err := d.Mount(dir)
	if errors.Is(err, powercut.ErrNoFUSE) && os.Getenv("KREDIVO_REQUIRE") == "" {
		t.Skip("package syscalls shows the same with system calls: ", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Unmount(); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// cut cuts the power n times, within the life of the writer that ctx is about, has each image looked at, and
// adds it all up.
func cut(ctx context.Context, t *testing.T, d *powercut.Disk, seed uint64, n int, look func(*powercut.Image) (told int, err error), sum *tally) {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 1))
	for range n {
		waiting, cancel := context.WithTimeout(ctx, limit)
		image, err := d.Cut(waiting, 1+random.IntN(cutWithin))
		cancel()
		if err != nil {
			t.Fatal(err)
		}
		told, err := look(image)
		if err != nil {
			t.Logf("seed %d: %v", seed, err)
		}
		sum.add(told, err)
	}
}

// A tally is what many cuts came to.
type tally struct {
	mu                       sync.Mutex
	cuts, told, lost, broken int
}

func (c *tally) add(told int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cuts++
	c.told += told
	switch {
	case errors.Is(err, shop.ErrLost):
		c.lost++
	case err != nil:
		c.broken++
	}
}

func (c *tally) String() string {
	return fmt.Sprintf("%d cuts, %d acknowledgements looked for, %d cuts lost some, %d left a broken database", c.cuts, c.told, c.lost, c.broken)
}

// check checks that nothing was lost, and that there was something to lose.
func (c *tally) check(t *testing.T) {
	t.Helper()
	t.Log(c)
	if c.lost+c.broken > 0 || c.told < c.cuts {
		t.Error(c)
	}
}

// checkLoses checks that the cuts found what is not durable.
func (c *tally) checkLoses(t *testing.T) {
	t.Helper()
	t.Log(c)
	if c.lost+c.broken == 0 {
		t.Errorf("nothing is ever lost, so the cuts show nothing: %v", c)
	}
}
