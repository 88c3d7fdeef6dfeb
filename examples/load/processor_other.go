//go:build !unix

package main

import "time"

// processorTime is not known here, and counts as none.
func processorTime() time.Duration { return 0 }
