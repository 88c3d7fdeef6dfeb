package kredivo_test

import (
	"testing"

	"go.uber.org/goleak"
)

// Nothing here leaves a goroutine behind: what Run starts has ended when Run returns.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
