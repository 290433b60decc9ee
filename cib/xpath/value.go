package xpath

import (
	"math"
	"strconv"
	"strings"
)

// The conversions of XPath 1.0 §3.4, §4.2-4.4.

func toBool(v any) bool {
	switch v := v.(type) {
	case nodeSet:
		return len(v) > 0
	case float64:
		return v != 0 && !math.IsNaN(v)
	case string:
		return v != ""
	}
	return v.(bool)
}

func toText(v any) string {
	switch v := v.(type) {
	case nodeSet:
		if len(v) == 0 {
			return ""
		}
		return v[0].text()
	case float64:
		switch {
		case math.IsNaN(v):
			return "NaN"
		case math.IsInf(v, 1):
			return "Infinity"
		case math.IsInf(v, -1):
			return "-Infinity"
		case v == 0:
			return "0"
		}
		return strconv.FormatFloat(v, 'f', -1, 64)
	case bool:
		return strconv.FormatBool(v)
	}
	return v.(string)
}

func toNumber(v any) float64 {
	switch v := v.(type) {
	case float64:
		return v
	case bool:
		if v {
			return 1
		}
		return 0
	}
	s := strings.Trim(toText(v), " \t\r\n")
	digits := strings.TrimPrefix(s, "-")
	// strconv knows exponents, hexadecimal, signs and words that XPath does not
	if digits == "" || digits == "." || strings.Trim(digits, "0123456789.") != "" {
		return math.NaN()
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil && !math.IsInf(f, 0) {
		return math.NaN()
	}
	return f
}

// related compares two values. A set of nodes is in relation when any of its nodes is.
func related(op string, l, r any) bool {
	ls, leftSet := l.(nodeSet)
	rs, rightSet := r.(nodeSet)
	if _, ok := l.(bool); ok {
		rightSet = false
	}
	if _, ok := r.(bool); ok {
		leftSet = false
	}
	switch {
	case leftSet && rightSet:
		for _, a := range ls {
			text := a.text()
			for _, b := range rs {
				if atomic(op, text, b.text()) {
					return true
				}
			}
		}
		return false
	case leftSet:
		for _, a := range ls {
			if atomic(op, a.text(), r) {
				return true
			}
		}
		return false
	case rightSet:
		for _, b := range rs {
			if atomic(op, l, b.text()) {
				return true
			}
		}
		return false
	}
	return atomic(op, l, r)
}

// atomic compares two values of which neither is a set, except beside a boolean.
func atomic(op string, l, r any) bool {
	if op == "=" || op == "!=" {
		return equal(l, r) == (op == "=")
	}
	x, y := ordinal(l), ordinal(r)
	switch op {
	case "<":
		return x < y
	case "<=":
		return x <= y
	case ">":
		return x > y
	}
	return x >= y
}

func ordinal(v any) float64 {
	if s, ok := v.(nodeSet); ok {
		return toNumber(toBool(s))
	}
	return toNumber(v)
}

func equal(l, r any) bool {
	_, lb := l.(bool)
	_, rb := r.(bool)
	if lb || rb {
		return toBool(l) == toBool(r)
	}
	_, ln := l.(float64)
	_, rn := r.(float64)
	if ln || rn {
		return toNumber(l) == toNumber(r)
	}
	return toText(l) == toText(r)
}
