package scalar

import (
	"math"
	"strconv"
	"strings"
)

// ParseBool reads a boolean option; ok is false for anything that is not one.
func ParseBool(s string) (value, ok bool) {
	switch strings.ToLower(s) {
	case "true", "on", "yes", "y", "1":
		return true, true
	case "false", "off", "no", "n", "0":
		return false, true
	}
	return false, false
}

// IsTrue reports whether s is a boolean that says yes.
func IsTrue(s string) bool {
	v, ok := ParseBool(s)
	return ok && v
}

// IsFalse reports whether s is a boolean that says no.
func IsFalse(s string) bool {
	v, ok := ParseBool(s)
	return ok && !v
}

// ParseInt reads a decimal number as C's strtoll: leading white space and a sign are accepted and what
// follows the digits is ignored. It is not ok without digits or when the number does not fit.
func ParseInt(s string) (int64, bool) {
	s = strings.TrimLeft(s, " \t\n\v\f\r")
	end := 0
	if end < len(s) && (s[end] == '+' || s[end] == '-') {
		end++
	}
	digits := end
	for end < len(s) && s[end] >= '0' && s[end] <= '9' {
		end++
	}
	if end == digits {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimPrefix(s[:end], "+"), 10, 64)
	return n, err == nil
}

// IntOr reads a number, or returns fallback when there is none.
func IntOr(s string, fallback int64) int64 {
	if n, ok := ParseInt(s); ok {
		return n
	}
	return fallback
}

// MinInt reads a count: low when absent or invalid or below low, at most the largest 32-bit number.
func MinInt(s string, low int) int {
	n, ok := ParseInt(s)
	switch {
	case !ok || n < int64(low):
		return low
	case n > math.MaxInt32:
		return math.MaxInt32
	}
	return int(n)
}

// Attr32 reads a 32-bit number of a record: absent when empty, -1 when it is not such a number.
func Attr32(s string, absent int) int {
	if s == "" {
		return absent
	}
	n, ok := ParseInt(s)
	if !ok || n > math.MaxInt32 || n < math.MinInt32 {
		return -1
	}
	return int(n)
}

// Millis reads a number of milliseconds as history records it: 0 unless it fits into 32 bits without sign.
func Millis(s string) int64 {
	n, ok := ParseInt(s)
	if !ok || n < 0 || n > math.MaxUint32 {
		return 0
	}
	return n
}

// IsNumber reports whether s is a valid value of a numeric cluster option.
func IsNumber(s string) bool {
	if s == "INFINITY" || s == "+INFINITY" || s == "-INFINITY" {
		return true
	}
	_, ok := ParseInt(s)
	return ok
}

// CompareVersions compares two dotted versions number by number; what one side lacks counts as 0. An empty
// version is lower than any other.
func CompareVersions(a, b string) int {
	if (a == "") != (b == "") {
		if a == "" {
			return -1
		}
		return 1
	}
	for a != "" || b != "" {
		var x, y int64
		x, a = nextComponent(a)
		y, b = nextComponent(b)
		if x != y {
			if x < y {
				return -1
			}
			return 1
		}
	}
	return 0
}

func nextComponent(v string) (int64, string) {
	if v == "" {
		return 0, ""
	}
	head, rest, _ := strings.Cut(v, ".")
	return IntOr(head, -1), rest
}

// CompareNames orders node names: runs of digits by their value, then by length, other characters without
// regard to case; a prefix comes first.
func CompareNames(a, b string) int {
	i, j := 0, 0
	for i < len(a) && j < len(b) {
		if isDigit(a[i]) && isDigit(b[j]) {
			x, y := digitRun(a[i:]), digitRun(b[j:])
			if c := compareRuns(x, y); c != 0 {
				return c
			}
			i, j = i+len(x), j+len(y)
			continue
		}
		x, y := lower(a[i]), lower(b[j])
		if x != y {
			if x < y {
				return -1
			}
			return 1
		}
		i, j = i+1, j+1
	}
	switch {
	case i < len(a):
		return 1
	case j < len(b):
		return -1
	}
	return 0
}

func compareRuns(x, y string) int {
	a, b := strings.TrimLeft(x, "0"), strings.TrimLeft(y, "0")
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	if c := strings.Compare(a, b); c != 0 {
		return c
	}
	return len(x) - len(y)
}

func digitRun(s string) string {
	n := 0
	for n < len(s) && isDigit(s[n]) {
		n++
	}
	return s[:n]
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
