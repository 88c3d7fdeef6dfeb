package mysql

import (
	"cmp"
	"database/sql/driver"
	"errors"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
)

const defaultPort = "3306"

var errAddress = errors.New(`mysql: the address cannot be read: give "mysql://user:password@host:3306/database" or "user:password@tcp(host:3306)/database"`)

// parseDSN reads an address and adds what the store's own connections need.
func parseDSN(dsn string, lockTimeout time.Duration) (driver.Connector, error) {
	parse := mysql.ParseDSN
	if strings.HasPrefix(dsn, "mysql://") {
		parse = parseURL
	}
	cfg, err := parse(dsn)
	if err != nil || cfg.DBName == "" {
		return nil, errAddress // the cause may quote dsn
	}
	cfg.Logger = new(mysql.NopLogger) // it would write to the standard error what it also returns
	cfg.InterpolateParams = true      // one round trip a statement, and nothing prepared on the server
	cfg.Timeout = cmp.Or(cfg.Timeout, connectTime)
	if cfg.Params == nil {
		cfg.Params = map[string]string{}
	}
	seconds := max(1, int64((lockTimeout+time.Second-1)/time.Second))
	cfg.Params["innodb_lock_wait_timeout"] = strconv.FormatInt(seconds, 10)
	cfg.Params["sql_mode"] = "'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'"
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, errAddress
	}
	return connector, nil
}

func parseURL(dsn string) (*mysql.Config, error) {
	u, err := url.Parse(dsn)
	if err != nil {
		return nil, err
	}
	cfg, err := mysql.ParseDSN("/?" + u.RawQuery)
	if err != nil {
		return nil, err
	}
	cfg.User = u.User.Username()
	cfg.Passwd, _ = u.User.Password()
	cfg.Net = "tcp"
	cfg.Addr = net.JoinHostPort(cmp.Or(u.Hostname(), "127.0.0.1"), cmp.Or(u.Port(), defaultPort))
	cfg.DBName = strings.TrimPrefix(u.Path, "/")
	return cfg, nil
}
