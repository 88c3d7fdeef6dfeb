package adaptertest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// patience bounds every wait of the suite, so that a broken adapter fails instead of hanging.
const patience = 20 * time.Second

// A client talks to one host. It keeps connections alive, follows no redirect and adds nothing.
type client struct {
	t    *testing.T
	base string
	http *http.Client
}

func newClient(t *testing.T, base string) client {
	transport := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 1}
	t.Cleanup(transport.CloseIdleConnections)
	return client{t, base, &http.Client{
		Transport:     transport,
		Timeout:       patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// An answer is a response that has been read.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// ours reports whether the plugin has answered.
func (a answer) ours() bool { return a.header.Get("X-Kredivo-Plugin") != "" }

// code is the code of a problem document.
func (a answer) code() string {
	var problem struct {
		Code string `json:"code"`
	}
	_ = json.Unmarshal(a.body, &problem) // a page has no code
	return problem.Code
}

// try sends one request; header is pairs of name and value.
func (c client) try(method, path, body string, header ...string) (answer, error) {
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.base+path, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Add(header[i], header[i+1])
	}
	return c.send(req)
}

func (c client) send(req *http.Request) (answer, error) {
	resp, err := c.http.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, body}, err
}

// do is try for requests that must be answered.
func (c client) do(method, path, body string, header ...string) answer {
	c.t.Helper()
	a, err := c.try(method, path, body, header...)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	return a
}

// want is do for a certain status.
func (c client) want(status int, method, path, body string, header ...string) answer {
	c.t.Helper()
	a := c.do(method, path, body, header...)
	if a.status != status {
		c.t.Fatalf("%s %s: status %d, want %d; body: %.300s", method, path, a.status, status, a.body)
	}
	return a
}

// checkout asks for the order as a browser's form does, for a buyer.
func (c client) checkout(path, order, buyer string) answer {
	c.t.Helper()
	return c.want(http.StatusSeeOther, "POST", path, url.Values{"order": {order}}.Encode(),
		"Content-Type", "application/x-www-form-urlencoded", "X-Buyer", buyer)
}

// pairs flattens h for try.
func pairs(h http.Header) []string {
	var list []string
	for name, values := range h {
		for _, v := range values {
			list = append(list, name, v)
		}
	}
	return list
}

// raw sends bytes as they are, with nothing added, and returns the answer. A server that cuts the
// connection gives an error.
func (c client) raw(request []byte) (answer, error) {
	conn := c.dial()
	defer func() { _ = conn.Close() }()
	go func() { _, _ = conn.Write(request) }() // the server may answer before it has read everything
	return readAnswer(conn)
}

func (c client) dial() net.Conn {
	c.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(c.base, "http://"))
	if err != nil {
		c.t.Fatal(err)
	}
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		c.t.Fatal(err)
	}
	return conn
}

func readAnswer(conn net.Conn) (answer, error) {
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, body}, err
}

// request writes a POST by hand: lines are header lines, in this order and spelling.
func request(path string, lines []string, body []byte) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "POST %s HTTP/1.1\r\nHost: shop.example\r\n", path)
	for _, line := range lines {
		b.WriteString(line + "\r\n")
	}
	b.WriteString("\r\n")
	b.Write(body)
	return b.Bytes()
}

// signedLines are the header lines of a notification, in a fixed order.
func signedLines(h http.Header, body []byte) []string {
	lines := []string{"Content-Type: application/json", fmt.Sprintf("Content-Length: %d", len(body))}
	for _, name := range signedNames {
		lines = append(lines, name+": "+h.Get(name))
	}
	return lines
}

var signedNames = [...]string{"Client-Id", "Request-Id", "Request-Timestamp", "Signature"}
