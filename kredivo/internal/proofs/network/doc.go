// Package network breaks the network between the plugin and its database, and between the plugin and DOKU: slow,
// cut in pieces, silent, reset, or ended after any number of bytes. It has tests only.
package network
