// Package syscalls watches the system calls of a receiver: the log must be flushed between the last write of
// a commit and the answer that acknowledges it, and a flush that fails must never be acknowledged. It shows on
// any file system what package powercut shows on its own. It has tests only.
package syscalls
