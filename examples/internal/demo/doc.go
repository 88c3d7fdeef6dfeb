// Package demo is what the examples have in common besides the shop itself: settings from the
// environment, the built-in simulator of DOKU and Kredivo, and a server that starts and stops cleanly.
package demo
