// Package kredivofiber mounts the plugin's routes into fiber v2. It is the only code of this module that
// touches fasthttp's memory: everything the plugin gets is a copy, because fiber reuses the buffers
// behind c.Get, c.Params and c.Body for the next request.
//
// # Order is meaning
//
// Fiber goes through routes and middleware in the order they were registered. Middleware that is added
// after the mount does not apply to the mounted routes, and a catch-all that is registered before them
// answers in their place. The middleware of a group applies to every later route under its prefix, in
// other groups too: mount [kredivo.NotificationRoutes] before the group that asks for a login.
//
// Fiber matches letter case and trailing slashes loosely; the plugin's routes do not, and answer 404.
//
// # Settings of the host's app that matter
//
// ReadTimeout: fasthttp reads the body before any handler runs, so only the app can limit how long that
// takes. Without it one slow client holds a connection for as long as it likes. A router does not tell
// which app will serve it, so the mount cannot refuse this; the first request logs a warning to
// the plugin's logger.
//
// BodyLimit: fiber answers 413 itself for bodies over it, 4 MiB unless set. Smaller bodies over the
// limit of a route are answered by the plugin.
//
// fiber's requests have no context that ends when the client goes away. The plugin sets its own
// deadlines.
package kredivofiber
