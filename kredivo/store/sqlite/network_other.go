//go:build !linux

package sqlite

// networkFileSystem is not known on this system.
func networkFileSystem(string) string { return "" }
