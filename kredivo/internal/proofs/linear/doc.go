// Package linear records what many clients did to one database, through several pools, and checks that it could
// also have happened one after another: that a store is, to all who use it, one thing. It has tests only.
package linear
