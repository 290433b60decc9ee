package alert

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Format writes a time as strftime(3) would, with %N for the fraction of a second in as many digits as stand
// before the N: %06N is microseconds. What is not known stays as it is.
func Format(t time.Time, format string) string {
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			b.WriteByte(format[i])
			continue
		}
		end := i + 1
		for end < len(format)-1 && format[end] >= '0' && format[end] <= '9' {
			end++
		}
		width, _ := strconv.Atoi(format[i+1 : end])
		if s, ok := conversion(t, format[end], width); ok {
			b.WriteString(s)
		} else {
			b.WriteString(format[i : end+1])
		}
		i = end
	}
	return b.String()
}

// layouts are the conversions that package time has a layout for.
var layouts = map[byte]string{
	'a': "Mon", 'A': "Monday", 'b': "Jan", 'h': "Jan", 'B': "January", 'c': "Mon Jan _2 15:04:05 2006", 'd': "02", 'D': "01/02/06",
	'e': "_2", 'F': "2006-01-02", 'H': "15", 'I': "03", 'j': "002", 'm': "01", 'M': "04", 'p': "PM", 'r': "03:04:05 PM", 'R': "15:04",
	'S': "05", 'T': "15:04:05", 'x': "01/02/06", 'X': "15:04:05", 'y': "06", 'Y': "2006", 'z': "-0700", 'Z': "MST",
}

func conversion(t time.Time, c byte, width int) (string, bool) {
	switch c {
	case 'N':
		if width < 1 || width > 9 {
			width = 9
		}
		return fmt.Sprintf("%09d", t.Nanosecond())[:width], true
	case 's':
		return strconv.FormatInt(t.Unix(), 10), true
	case 'u':
		return strconv.Itoa((int(t.Weekday())+6)%7 + 1), true
	case 'w':
		return strconv.Itoa(int(t.Weekday())), true
	case 'n':
		return "\n", true
	case 't':
		return "\t", true
	case '%':
		return "%", true
	}
	layout, ok := layouts[c]
	return t.Format(layout), ok
}
