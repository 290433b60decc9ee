// Package value reads the simple types that options and attributes of a CIB have.
package value

import (
	"fmt"
	"strconv"
	"strings"
)

// Infinity is the largest score.
const Infinity = 1000000

// Score reads a score: a number, INFINITY with an optional sign, or red, yellow, green. Numbers beyond
// INFINITY are cut to it.
func Score(s string) (int, error) {
	switch strings.ToUpper(strings.TrimSpace(s)) {
	case "INFINITY", "+INFINITY":
		return Infinity, nil
	case "-INFINITY":
		return -Infinity, nil
	}
	n, err := strconv.Atoi(strings.TrimSpace(s))
	if err != nil {
		return 0, fmt.Errorf("%q is not a score", s)
	}
	return max(-Infinity, min(Infinity, n)), nil
}

// Bool reads a boolean: true, on, yes, y, 1 and false, off, no, n, 0 in any case.
func Bool(s string) (bool, error) {
	switch strings.ToLower(s) {
	case "true", "on", "yes", "y", "1":
		return true, nil
	case "false", "off", "no", "n", "0":
		return false, nil
	}
	return false, fmt.Errorf("%q is neither true nor false", s)
}

// units in milliseconds, as Pacemaker names them; microseconds are rounded down.
var units = map[string]float64{
	"": 1000, "s": 1000, "sec": 1000, "ms": 1, "msec": 1, "us": 0.001, "usec": 0.001,
	"m": 60000, "min": 60000, "h": 3600000, "hr": 3600000,
}

// Duration reads a time span in milliseconds: a number with a unit (none means seconds) or an ISO 8601
// duration such as PT15M.
func Duration(s string) (int64, error) {
	t := strings.TrimSpace(s)
	if strings.HasPrefix(t, "P") {
		return isoDuration(t)
	}
	end := 0
	for end < len(t) && (t[end] >= '0' && t[end] <= '9' || end == 0 && (t[0] == '+' || t[0] == '-')) {
		end++
	}
	unit, ok := units[strings.ToLower(strings.TrimSpace(t[end:]))]
	n, err := strconv.ParseInt(t[:end], 10, 64)
	if err != nil || !ok {
		return 0, fmt.Errorf("%q is not a time span: a number with ms, s, min or h", s)
	}
	if n < 0 || n > 1<<40 {
		return 0, fmt.Errorf("%q is out of range for a time span", s)
	}
	return int64(float64(n) * unit), nil
}

// isoDuration reads P[nY][nM][nW][nD][T[nH][nM][nS]]; a year has 365 days and a month 30, as a length of time
// without a start has to be taken.
func isoDuration(s string) (int64, error) {
	bad := fmt.Errorf("%q is not an ISO 8601 duration", s)
	date := map[byte]int64{'Y': 365 * 86400, 'M': 30 * 86400, 'W': 7 * 86400, 'D': 86400}
	clock := map[byte]int64{'H': 3600, 'M': 60, 'S': 1}
	in, total, n, digits, parts := date, int64(0), int64(0), 0, 0
	for i := 1; i < len(s); i++ {
		c := s[i]
		switch {
		case c == 'T' && digits == 0:
			in = clock
		case c >= '0' && c <= '9' && digits < 9:
			n, digits = n*10+int64(c-'0'), digits+1
		case in[c] != 0 && digits > 0:
			total += n * in[c]
			n, digits, parts = 0, 0, parts+1
		default:
			return 0, bad
		}
	}
	if digits != 0 || parts == 0 {
		return 0, bad
	}
	return total * 1000, nil
}
