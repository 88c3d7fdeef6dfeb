//go:build !race

package sqlite

// manyRows is how many finished rows of each kind must cost nothing.
const manyRows = 100_000
