package mysql

import (
	"fmt"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
)

// The driver would write to the standard error what it also returns.
func TestTheDriverIsSilent(t *testing.T) {
	var lines counting
	if err := mysql.SetLogger(&lines); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = mysql.SetLogger(new(mysql.NopLogger)) })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Write([]byte{50}) // the beginning of a packet
			_ = conn.Close()
		}
	}()
	connector, err := parseDSN(fmt.Sprintf("root@tcp(%s)/kredivo", l.Addr()), time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if conn, err := connector.Connect(t.Context()); err == nil {
		_ = conn.Close()
		t.Error("connected to no server")
	}
	if n := lines.n.Load(); n > 0 {
		t.Errorf("the driver wrote %d lines", n)
	}
}

// counting is a logger that counts.
type counting struct{ n atomic.Int64 }

func (c *counting) Print(...any) { c.n.Add(1) }
