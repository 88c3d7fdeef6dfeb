package doku

import "time"

// wib is Western Indonesian Time, UTC+7, in which DOKU writes its compact dates. Indonesia has no
// daylight saving time, so no time zone database is needed.
var wib = time.FixedZone("WIB", 7*60*60)

const compactLayout = "20060102150405"

// parseDate reads RFC 3339, as in transaction.date, or the compact yyyyMMddHHmmss in WIB. It returns
// UTC, or the zero time for anything else: no decision rests on DOKU's dates.
func parseDate(s string) time.Time {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		if t = t.UTC(); t.Year() < 1 || t.Year() > 9999 {
			return time.Time{} // cannot be written as RFC 3339 again
		}
		return t
	}
	if t, err := time.ParseInLocation(compactLayout, s, wib); err == nil {
		return t.UTC()
	}
	return time.Time{}
}

// parseTwins reads a date DOKU sends twice: plain is WIB, utc its "_utc" twin. DOKU's page calls one
// of the twins "UTC+7" and gives them the compact form, other channels send RFC 3339. When both twins
// show the same digits both are WIB; when they otherwise disagree the result is the zero time.
func parseTwins(plain, utc string) time.Time {
	fromPlain := parseDate(plain)
	fromUTC, err := time.Parse(time.RFC3339, utc)
	if err != nil {
		fromUTC, err = time.Parse(compactLayout, utc)
	}
	switch {
	case err != nil:
		return fromPlain
	case fromPlain.IsZero() || fromPlain.Equal(fromUTC):
		return fromUTC.UTC()
	case fromPlain.In(wib).Format(compactLayout) == fromUTC.Format(compactLayout):
		return fromPlain
	}
	return time.Time{}
}
