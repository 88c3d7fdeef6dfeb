// Command bare is a net/http server and nothing else: what a host has at the very least without the plugin.
package main

import (
	"net/http"
	"os"
)

func main() {
	http.HandleFunc("GET /", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok")) })
	if http.ListenAndServe(os.Getenv("ADDR"), nil) != nil {
		os.Exit(1)
	}
}
