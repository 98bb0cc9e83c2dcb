package event

import (
	"strings"
	"time"
)

// parseTime reads a time of RFC 3339, which allows lower-case letters in it (5.6). It does not read leap seconds.
func parseTime(s string) (t time.Time, ok bool) {
	// time.Parse alone is more lenient: it takes hours of one digit, a comma before the fraction, any zone.
	const date = "0000-00-00T00:00:00"
	s = strings.ToUpper(s)
	if len(s) <= len(date) || !hasShape(s[:len(date)], date) {
		return t, false
	}
	rest := strings.TrimLeft(s[len(date):], ".0123456789")
	if rest != "Z" && (!hasShape(rest, "+00:00") && !hasShape(rest, "-00:00") || rest[1:3] > "23" || rest[4:] > "59") {
		return t, false
	}
	t, err := time.Parse(time.RFC3339, s)
	return t, err == nil
}
