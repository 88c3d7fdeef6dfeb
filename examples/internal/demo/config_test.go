package demo

import (
	"net"
	"strings"
	"testing"
)

func getenv(settings map[string]string) func(string) string {
	return func(name string) string { return settings[name] }
}

func TestReadConfig(t *testing.T) {
	t.Parallel()
	c, err := ReadConfig(getenv(nil))
	if err != nil {
		t.Fatal(err)
	}
	if c.Addr != "127.0.0.1:8080" || c.ShopDB != "shop.db" || !c.simulated() {
		t.Errorf("defaults = %+v", c)
	}
	c, err = ReadConfig(getenv(map[string]string{
		"ADDR": "127.0.0.1:0", "DOKU_BASE_URL": "http://127.0.0.1:1", "DOKU_CLIENT_ID": "a", "DOKU_SECRET_KEY": "b",
	}))
	if err != nil || c.simulated() {
		t.Errorf("with all DOKU settings: %v, simulated %v", err, c.simulated())
	}
}

func TestReadConfigRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		settings map[string]string
		says     []string
	}{
		"one DOKU setting":    {map[string]string{"DOKU_BASE_URL": "x"}, []string{"DOKU_CLIENT_ID and DOKU_SECRET_KEY missing"}},
		"two DOKU settings":   {map[string]string{"DOKU_BASE_URL": "x", "DOKU_CLIENT_ID": "y"}, []string{"DOKU_SECRET_KEY missing"}},
		"no port":             {map[string]string{"ADDR": "8080"}, []string{"ADDR must be"}},
		"public without URL":  {map[string]string{"ADDR": "192.0.2.1:80"}, []string{"PUBLIC_URL is missing"}},
		"relative PUBLIC_URL": {map[string]string{"PUBLIC_URL": "/pay"}, []string{"PUBLIC_URL must be"}},
		"all at once":         {map[string]string{"ADDR": "x", "PUBLIC_URL": "y", "DOKU_CLIENT_ID": "z"}, []string{"ADDR", "PUBLIC_URL", "DOKU_SECRET_KEY"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := ReadConfig(getenv(test.settings))
			if err == nil {
				t.Fatal("no error")
			}
			for _, word := range test.says {
				if !strings.Contains(err.Error(), word) {
					t.Errorf("error = %v, want it to say %q", err, word)
				}
			}
		})
	}
}

func TestPublicURL(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ addr, listening, set, want string }{
		{"127.0.0.1:0", "127.0.0.1:4711", "", "http://127.0.0.1:4711/pay"},
		{":8080", "[::]:8080", "", "http://127.0.0.1:8080/pay"},
		{"0.0.0.0:8080", "0.0.0.0:8080", "", "http://127.0.0.1:8080/pay"},
		{"localhost:8080", "127.0.0.1:8080", "", "http://localhost:8080/pay"},
		{"[::1]:8080", "[::1]:8080", "", "http://[::1]:8080/pay"},
		{"127.0.0.1:0", "127.0.0.1:4711", "https://shop.example/pay", "https://shop.example/pay"},
	} {
		addr, err := net.ResolveTCPAddr("tcp", test.listening)
		if err != nil {
			t.Fatal(err)
		}
		if got := (Config{Addr: test.addr, PublicURL: test.set}).publicURL(addr); got != test.want {
			t.Errorf("public URL for %s on %s = %s, want %s", test.addr, test.listening, got, test.want)
		}
	}
}
