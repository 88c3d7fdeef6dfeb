// Package proofs and those below it take the ground away from under the stores and the plugin: power, disk,
// network, and the order in which things happen. It is a module of its own so that the tools for that are
// nobody else's business.
package proofs
