package money

import (
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"strconv"
)

var (
	_ json.Marshaler   = Amount{}
	_ json.Unmarshaler = (*Amount)(nil)
	_ driver.Valuer    = Amount{}
	_ sql.Scanner      = (*Amount)(nil)
)

// MarshalJSON writes a as an integer literal, never as a string or with an exponent, whatever the switches of
// the decimal package say. An amount out of range is an error: it must not reach DOKU.
func (a Amount) MarshalJSON() ([]byte, error) {
	if err := a.check(); err != nil {
		return nil, err
	}
	return strconv.AppendInt(make([]byte, 0, MaxDigits), a.Int64(), 10), nil
}

// UnmarshalJSON reads a by the rules of ParseJSON. It refuses null, unlike most of encoding/json.
func (a *Amount) UnmarshalJSON(b []byte) error {
	parsed, err := ParseJSON(b)
	if err != nil {
		return err
	}
	*a = parsed
	return nil
}

// Value gives a to database/sql as an int64. An amount out of range is an error.
func (a Amount) Value() (driver.Value, error) {
	if err := a.check(); err != nil {
		return nil, err
	}
	return a.Int64(), nil
}

// Scan reads a from an integer column, or from a decimal or text column that arrives as text ("150000.00").
// A float64, which has already lost digits, and NULL are errors; use sql.Null[Amount] for a nullable column.
func (a *Amount) Scan(src any) error {
	var parsed Amount
	var err error
	switch v := src.(type) {
	case int64:
		parsed = Rupiah(v)
		err = parsed.check()
	case []byte:
		parsed, err = parseNumber(string(v))
	case string:
		parsed, err = parseNumber(v)
	default:
		err = fmt.Errorf("%w: cannot be read from a %T column", ErrAmount, src)
	}
	if err != nil {
		return err
	}
	*a = parsed
	return nil
}

// check returns the error for an amount that may not leave or enter the process.
func (a Amount) check() error {
	switch {
	case a.IsNegative():
		return ErrNegative
	case !a.InRange():
		return ErrTooLarge
	}
	return nil
}
