// Package kredivogin mounts the plugin's routes into gin.
//
// Mount notifications outside of middleware that binds or logs bodies, asks for a login or checks CSRF
// tokens: the signature is over the bytes on the wire, and gin's ShouldBind leaves an empty body
// without an error. ShouldBindBodyWith is fine, since it keeps the bytes. Middleware that is added with
// Use after the mount does not apply to the mounted routes.
//
// Routes are exact: gin answers a trailing slash with a redirect of its own, and HEAD and OPTIONS with
// 404 or 405 unless the host registers them.
package kredivogin
