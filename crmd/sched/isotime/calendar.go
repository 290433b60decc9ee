// Package isotime is ISO 8601 as Pacemaker reads it: dates, durations and calendar patterns, with the
// calendar arithmetic that rules need.
package isotime

import "time"

const (
	minute = 60
	hour   = 60 * minute
	day    = 24 * hour
)

// Time is a point in time as a calendar shows it at an offset from UTC.
type Time struct {
	Year    int
	YearDay int // 1 is January 1st
	Second  int // of the day
	Offset  int // seconds east of UTC
}

// FromUnix is the time that many seconds after the epoch, as clocks in zone show it.
func FromUnix(sec int64, zone *time.Location) Time {
	t := time.Unix(sec, 0).In(zone)
	_, offset := t.Zone()
	return Time{t.Year(), t.YearDay(), t.Hour()*hour + t.Minute()*minute + t.Second(), offset}
}

// Unix is the number of seconds since the epoch.
func (t Time) Unix() int64 {
	start := time.Date(t.Year, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	return start + int64(t.YearDay-1)*day + int64(t.Second) - int64(t.Offset)
}

// Before reports whether t is earlier than u.
func (t Time) Before(u Time) bool { return t.Unix() < u.Unix() }

// Gregorian is the year, month and day of the month.
func (t Time) Gregorian() (y, m, d int) {
	d = t.YearDay
	for m = 1; m < 12 && d > monthLength(t.Year, m); m++ {
		d -= monthLength(t.Year, m)
	}
	return t.Year, m, d
}

// Clock is the time of the day.
func (t Time) Clock() (h, m, s int) {
	return t.Second / hour, t.Second % hour / minute, t.Second % minute
}

// ISOWeek is the year, week and day of the week (Monday is 1) of the week calendar.
func (t Time) ISOWeek() (y, w, d int) {
	date := time.Date(t.Year, 1, t.YearDay, 0, 0, 0, 0, time.UTC)
	y, w = date.ISOWeek()
	return y, w, weekday(date)
}

// MoonPhase is 0 for new moon to 7, with 4 for full moon.
func (t Time) MoonPhase() int {
	golden := t.Year%19 + 1
	epact := (11*golden + 18) % 30
	if epact == 25 && golden > 11 || epact == 24 {
		epact++
	}
	return ((t.YearDay+epact)*6 + 11) % 177 / 22 & 7
}

func weekday(date time.Time) int {
	if w := int(date.Weekday()); w != 0 {
		return w
	}
	return 7
}

func leap(y int) bool { return y%4 == 0 && (y%100 != 0 || y%400 == 0) }

func yearLength(y int) int {
	if leap(y) {
		return 366
	}
	return 365
}

func monthLength(y, m int) int {
	switch m {
	case 4, 6, 9, 11:
		return 30
	case 2:
		return yearLength(y) - 337
	}
	return 31
}

// weeksIn is the number of weeks of a year in the week calendar.
func weeksIn(y int) int {
	_, w := time.Date(y, 12, 28, 0, 0, 0, 0, time.UTC).ISOWeek()
	return w
}

// yearDay is the day of the year of a month and day, which may be 0 or beyond the month.
func yearDay(y, m, d int) int {
	for i := 1; i < m; i++ {
		d += monthLength(y, i)
	}
	return d
}

// AddYears moves to the same day of another year, counted from January 1st.
func (t Time) AddYears(n int) Time {
	t.Year += n
	return t
}

// AddMonths moves by months; a day that the month does not have becomes its last.
func (t Time) AddMonths(n int) Time {
	y, m, d := t.Gregorian()
	m += n
	y += (m - 1) / 12
	if m = (m-1)%12 + 1; m < 1 {
		m, y = m+12, y-1
	}
	t.Year, t.YearDay = y, yearDay(y, m, min(d, monthLength(y, m)))
	return t
}

// AddDays moves by days.
func (t Time) AddDays(n int) Time {
	t.YearDay += n
	for t.YearDay > yearLength(t.Year) {
		t.YearDay -= yearLength(t.Year)
		t.Year++
	}
	for t.YearDay < 1 {
		t.Year--
		t.YearDay += yearLength(t.Year)
	}
	return t
}

// AddSeconds moves by seconds.
func (t Time) AddSeconds(n int) Time {
	t.Second += n
	days := t.Second / day
	if t.Second %= day; t.Second < 0 {
		t.Second, days = t.Second+day, days-1
	}
	return t.AddDays(days)
}
