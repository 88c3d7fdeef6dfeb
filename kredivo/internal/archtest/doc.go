// Package archtest keeps who may import whom. It has tests only: a table with one row for every package
// of this module, and what a program that mounts the plugin may drag in.
package archtest
