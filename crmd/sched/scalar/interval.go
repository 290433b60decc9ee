package scalar

import (
	"math"
	"strings"
)

// DefaultTimeout is how long an operation may take when nothing is configured, in milliseconds.
const DefaultTimeout = 20000

// ParseMillis reads a time with an optional unit (seconds when there is none) and returns milliseconds; only
// the integer part counts. It is not ok for text that is not a time.
func ParseMillis(s string) (int64, bool) {
	s = strings.TrimLeft(s, " \t\n\r\f")
	n := 0
	for n < len(s) && (isDigit(s[n]) || s[n] == '.') {
		n++
	}
	number, unit := s[:n], strings.ToLower(strings.TrimLeft(s[n:], " \t\n\r\f"))
	var mul, div int64 = 1000, 1
	switch {
	case strings.HasPrefix(unit, "ms"):
		mul = 1
	case strings.HasPrefix(unit, "us"):
		mul, div = 1, 1000
	case unit == "" || strings.HasPrefix(unit, "s"):
	case strings.HasPrefix(unit, "m"):
		mul = 60 * 1000
	case strings.HasPrefix(unit, "h"):
		mul = 60 * 60 * 1000
	default:
		return 0, false
	}
	v, ok := ParseInt(number)
	if !ok {
		return 0, false
	}
	if v > math.MaxInt64/mul {
		return math.MaxInt64, true
	}
	return v * mul / div, true
}

// Timeout reads an operation's timeout, DefaultTimeout when it is absent or not a time.
func Timeout(s string) int64 {
	if ms, ok := ParseMillis(s); ok && s != "" {
		return ms
	}
	return DefaultTimeout
}

// CapInterval limits an interval to what the peers store, 32 bits of milliseconds.
func CapInterval(ms int64) int64 { return min(ms, math.MaxUint32) }
