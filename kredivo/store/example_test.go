package store_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/paylater-go/paylater/kredivo/store"
)

func ExampleOpen() {
	dir, err := os.MkdirTemp("", "shop")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()

	ctx := context.Background()
	s, err := store.Open(ctx, filepath.Join(dir, "kredivo.db")) // "" is kredivo.db in the working directory
	if err != nil {
		panic(err)
	}
	defer func() { _ = s.Close() }()

	waiting, err := s.Backlog(ctx)
	fmt.Println(waiting, err)
	// Output: {0 0 0 0} <nil>
}
