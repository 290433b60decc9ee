package watch

import (
	"strconv"
	"strings"

	"github.com/holdfast-ha/holdfast/cib/value"
	"github.com/holdfast-ha/holdfast/clusterfile"
)

// number reads a number that is not negative.
func number(s *clusterfile.Section, key string, fallback float64) float64 {
	if !s.Has(key) {
		return fallback
	}
	switch v := s.Raw(key).(type) {
	case int64:
		if v >= 0 {
			return float64(v)
		}
	case float64:
		if v >= 0 {
			return v
		}
	}
	s.Problem(key, "must be a number of 0 or more")
	return fallback
}

// percentage reads "80%" as 0.8.
func percentage(s *clusterfile.Section, key string, fallback float64) float64 {
	if !s.Has(key) {
		return fallback
	}
	text, _ := s.Raw(key).(string)
	n, err := strconv.ParseFloat(strings.TrimSuffix(text, "%"), 64)
	if err != nil || !strings.HasSuffix(text, "%") || n < 0 {
		s.Problem(key, "must be a percentage in quotes, such as \"80%%\"; \"0%%\" switches the input off")
		return fallback
	}
	return n / 100
}

// numbers reads a table with a number for each mode.
func numbers(s *clusterfile.Section, key string, into []float64, names []string) {
	if !s.Has(key) {
		return
	}
	sub := s.Table(key)
	for i, m := range names {
		into[i] = number(sub, m, into[i])
	}
	sub.Done()
}

// duration reads a time span in milliseconds.
func duration(s *clusterfile.Section, key string, fallback int64) int64 {
	if !s.Has(key) {
		return fallback
	}
	text, _ := s.Raw(key).(string)
	ms, err := value.Duration(text)
	if err != nil || text == "" {
		s.Problem(key, "must be a time span in quotes, such as \"30s\"")
		return fallback
	}
	return ms
}
