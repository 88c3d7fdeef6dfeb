//go:build race

package sqlite

// manyRows is smaller here: the race detector looks at every byte that SQLite touches.
const manyRows = 1_000
