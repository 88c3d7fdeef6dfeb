package adaptertest

import (
	"io"
	"net/http"
)

// HTTP is the Native of frameworks that hand out net/http's own types.
func HTTP(w http.ResponseWriter, r *http.Request) Native { return native{w, r} }

type native struct {
	w http.ResponseWriter
	r *http.Request
}

func (n native) Header(name string) string    { return n.r.Header.Get(name) }
func (n native) Query(name string) string     { return n.r.URL.Query().Get(name) }
func (n native) Form(name string) string      { return n.r.PostFormValue(name) }
func (n native) AddHeader(name, value string) { n.w.Header().Add(name, value) }

func (n native) Body() []byte {
	body, _ := io.ReadAll(n.r.Body) // what could be read is what a host would work with
	return body
}

func (n native) Send(status int, body string) {
	n.w.WriteHeader(status)
	_, _ = io.WriteString(n.w, body)
}

// Wrap puts the middleware around h, for frameworks that take net/http's form.
func Wrap(h http.Handler, middleware []Middleware) http.Handler {
	for i := len(middleware) - 1; i >= 0; i-- {
		next, run := h, middleware[i]
		h = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if run(HTTP(w, r)) {
				next.ServeHTTP(w, r)
			}
		})
	}
	return h
}
