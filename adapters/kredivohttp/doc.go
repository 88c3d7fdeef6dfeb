// Package kredivohttp mounts the plugin's routes into net/http, and through it into every router that
// takes an [http.Handler]: chi, echo, gorilla/mux.
//
// [Mount] is for [http.ServeMux] and routers that read its patterns, chi among them. [Handler] is one
// handler that routes by itself, for all others. Both serve the checkout and the notification routes;
// [MountGroup] and [HandlerGroup] serve one group, for hosts with another middleware around each.
//
// Mount notifications outside of anything that reads bodies, asks for a login or checks CSRF tokens:
// the signature is over the bytes on the wire. A body that was read before arrives here empty, and the
// route answers 500 and says so in the log, so that DOKU comes again.
//
// The server is the host's. Set its ReadHeaderTimeout; bodies of the plugin's routes have a deadline of
// their own.
package kredivohttp
