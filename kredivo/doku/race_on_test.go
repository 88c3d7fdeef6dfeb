//go:build race

package doku

const raceEnabled = true
