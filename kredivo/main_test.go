package kredivo_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// Nothing here leaves a goroutine behind: what Run starts has ended when Run returns.
func TestMain(m *testing.M) {
	if path := os.Getenv(lockVariable); path != "" { // a process of lockInProcess
		if err := holdTheWriteLock(path); err != nil {
			panic(err)
		}
		return
	}
	goleak.VerifyTestMain(m)
}
