package network

import (
	"os"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/rs/zerolog"
)

func TestMain(m *testing.M) {
	zerolog.SetGlobalLevel(zerolog.Disabled) // some of toxiproxy's lines go round its logger
	if err := mysql.SetLogger(new(mysql.NopLogger)); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}
