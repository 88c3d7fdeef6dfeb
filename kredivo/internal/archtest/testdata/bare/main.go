// Command bare is a net/http server that also speaks TLS, JSON, templates and slog, as shops do: what a host has
// without the plugin.
package main

import (
	"crypto/tls"
	"encoding/json"
	"html/template"
	"log/slog"
	"net/http"
	"os"
)

func main() {
	page := template.Must(template.New("page").Parse("<p>{{.}}</p>"))
	http.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
		if err := page.Execute(w, r.URL.Path); err != nil {
			slog.Error("page", "error", err)
		}
	})
	http.HandleFunc("POST /", func(w http.ResponseWriter, r *http.Request) {
		var v any
		if err := json.NewDecoder(r.Body).Decode(&v); err != nil {
			slog.Error("json", "error", err)
		}
		_ = json.NewEncoder(w).Encode(v)
	})
	client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}}}
	if resp, err := client.Get(os.Getenv("URL")); err == nil {
		resp.Body.Close()
	}
	slog.Error("server ended", "error", http.ListenAndServe(os.Getenv("ADDR"), nil))
}
