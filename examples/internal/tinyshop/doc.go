// Package tinyshop is the shop that the examples share: a catalogue, orders in an SQLite file of the
// shop's own, and the handler of payment events. It knows nothing of gin, fiber or net/http, so each
// example shows how one framework is wired and nothing else.
//
// Three things here are worth copying into a real shop: Shop.Order, which hands the plugin an order
// whose amount the browser never sees; Shop.Apply, which takes effect once however often an event
// comes; and order numbers that cannot be guessed.
package tinyshop
