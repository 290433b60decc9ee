package isotime

import (
	"strconv"
	"strings"
	"time"
)

// Parse reads a date, a time of the day (today's) or both. A time without an offset is local: now and its
// offset say what today and local mean. A date alone is at midnight UTC.
func Parse(s string, now Time) (Time, bool) {
	word := strings.ToLower(s)
	if rest, ok := strings.CutPrefix(word, "epoch"); ok && (rest == "" || rest[0] == '/' || rest[0] == ' ') {
		return Time{Year: 1970, YearDay: 1}, true
	}
	if s == "" {
		return Time{}, false
	}
	var t Time
	ok := true
	switch {
	case s[0] == 'T':
		t, ok = parseClock(s[1:], Time{Year: now.Year, YearDay: now.YearDay}, now.Offset)
	case len(s) > 2 && s[2] == ':':
		t, ok = parseClock(s, Time{Year: now.Year, YearDay: now.YearDay}, now.Offset)
	default:
		if t, ok = parseDate(s); !ok {
			return Time{}, false
		}
		rest := strings.TrimLeft(s, "0123456789-W")
		if rest != "" && (rest[0] == ' ' || rest[0] == 'T') {
			t, ok = parseClock(rest[1:], t, now.Offset)
		}
	}
	if !ok || t.YearDay < 1 || t.YearDay > yearLength(t.Year) || t.Second < 0 || t.Second >= day {
		return Time{}, false
	}
	return t, true
}

func parseDate(s string) (Time, bool) {
	n := scan(s, "d-d-d")
	if len(n) == 1 {
		n = scan(s, "4d2d2d")
	}
	if len(n) == 3 {
		y, m, d := n[0], n[1], n[2]
		if m > 12 || m < 0 || d < 0 || m > 0 && d > monthLength(y, m) {
			return Time{}, false
		}
		return Time{Year: y, YearDay: yearDay(y, m, d)}, true
	}
	if n = scan(s, "d-d"); len(n) == 2 {
		return Time{Year: n[0], YearDay: n[1]}, n[1] <= yearLength(n[0])
	}
	if n = scan(s, "d-Wd-d"); len(n) == 3 {
		return weekDate(n[0], n[1], n[2])
	}
	return Time{}, false
}

func weekDate(y, w, d int) (Time, bool) {
	if w > weeksIn(y) || d < 1 || d > 7 {
		return Time{}, false
	}
	jan1 := weekday(time.Date(y, 1, 1, 0, 0, 0, 0, time.UTC))
	t := Time{Year: y, YearDay: 1}.AddDays((w-1)*7 + d - 1)
	if jan1 <= 4 {
		return t.AddDays(1 - jan1), true
	}
	return t.AddDays(8 - jan1), true
}

// parseClock reads the time of the day and its offset, which is set apart by a blank or is the letter Z.
func parseClock(s string, date Time, local int) (Time, bool) {
	sec, ok := parseSeconds(s)
	if !ok {
		return date, false
	}
	date.Offset = local
	at := strings.IndexByte(s, 'Z')
	if at < 0 {
		at = strings.IndexByte(s, ' ')
	}
	if at >= 0 {
		date.Offset = 0
		zone := strings.TrimLeft(s[at:], " \t\n")
		if zone != "" && zone[0] != 'Z' {
			sign := 1
			if zone[0] == '+' || zone[0] == '-' {
				if zone[0] == '-' {
					sign = -1
				}
				zone = zone[1:]
			}
			off, ok := parseSeconds(zone)
			if !ok {
				return date, false
			}
			date.Offset = sign * off
		}
	}
	return date.AddSeconds(sec), true
}

func parseSeconds(s string) (int, bool) {
	n := scan(s, "d:d:d")
	if len(n) == 1 {
		n = scan(s, "2d2d2d")
	}
	if len(n) == 0 {
		return 0, false
	}
	n = append(n, 0, 0)
	h, m, sec := n[0], n[1], n[2]
	if h < 0 || h > 24 || m < 0 || m > 59 || sec < 0 || sec > 59 || h == 24 && (m != 0 || sec != 0) {
		return 0, false
	}
	return h*hour + m*minute + sec, true
}

// scan reads the numbers of a pattern, in which d is a number (with a digit before it, of at most that many
// characters) and anything else stands for itself. It returns the numbers up to the first mismatch.
func scan(s, pattern string) []int {
	var out []int
	width := len(s)
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case c >= '0' && c <= '9':
			width = int(c - '0')
		case c == 'd':
			s = strings.TrimLeft(s, " \t\n")
			end := 0
			for end < min(len(s), width) && (s[end] >= '0' && s[end] <= '9' || end == 0 && (s[end] == '-' || s[end] == '+')) {
				end++
			}
			n, err := strconv.Atoi(s[:end])
			if err != nil {
				return out
			}
			out = append(out, n)
			s, width = s[end:], len(s)
		default:
			if s == "" || s[0] != c {
				return out
			}
			s = s[1:]
		}
	}
	return out
}
