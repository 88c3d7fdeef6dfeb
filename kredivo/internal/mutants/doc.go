// Package mutants breaks the product on purpose and makes sure that its tests notice. It has tests only: tables of
// mutants, each a few words of the source and what they become, with the tests that must then fail.
//
// The product knows nothing of this. All mutants are compiled together, through an overlay of the go command, each as
// a copy of the function that it changes; an environment variable says which copy is called. So every test
// binary is built once, and not once for each mutant.
package mutants
