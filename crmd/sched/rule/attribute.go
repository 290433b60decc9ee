package rule

import (
	"strconv"
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/sched/scalar"
)

// attribute evaluates an expression on a node attribute.
func (c *Context) attribute(e *cibxml.Element) bool {
	name, op := e.Get("attribute"), e.Get("operation")
	if name == "" || op == "" {
		c.Log.ConfigError("Invalid expression %s: attribute and operation are required", e.ID())
		return false
	}
	if c.Expand != nil {
		name = c.Expand(name)
	}
	want := e.Get("value")
	hasWant := want != ""
	if source := e.Get("value-source"); c.Source != nil && hasWant && (source == "param" || source == "meta") {
		want, hasWant = c.Source(source, want)
	}
	have, hasHave := c.Node.Lookup(name)
	switch op = strings.ToLower(op); op {
	case "defined":
		return hasHave
	case "not_defined":
		return !hasHave
	}
	cmp := 0
	switch {
	case hasHave && hasWant:
		cmp = compare(have, want, strings.ToLower(e.Get("type")), op)
	case hasWant:
		cmp = -1
	case hasHave:
		cmp = 1
	}
	both := hasHave && hasWant
	switch op {
	case "eq":
		return cmp == 0
	case "ne":
		return cmp != 0
	case "lt":
		return both && cmp < 0
	case "lte":
		return both && cmp <= 0
	case "gt":
		return both && cmp > 0
	case "gte":
		return both && cmp >= 0
	}
	return false
}

// compare compares two present values as the type asks for; numbers that cannot be read are text.
func compare(a, b, kind, op string) int {
	if kind == "" {
		kind = defaultKind(a, b, op)
	}
	switch kind {
	case "string":
		return compareText(a, b)
	case "integer":
		x, ok1 := scalar.ParseInt(a)
		y, ok2 := scalar.ParseInt(b)
		if !ok1 || !ok2 {
			return compareText(a, b)
		}
		return order(x < y, x > y)
	case "number":
		x, ok1 := parseFloat(a)
		y, ok2 := parseFloat(b)
		if !ok1 || !ok2 {
			return compareText(a, b)
		}
		return order(x < y, x > y)
	case "version":
		return scalar.CompareVersions(a, b)
	}
	return 0
}

func defaultKind(a, b, op string) string {
	switch op {
	case "lt", "lte", "gt", "gte":
		if strings.Contains(a, ".") || strings.Contains(b, ".") {
			return "number"
		}
		return "integer"
	}
	return "string"
}

func compareText(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) }

func order(less, greater bool) int {
	switch {
	case less:
		return -1
	case greater:
		return 1
	}
	return 0
}

// parseFloat reads the longest prefix that is a number; it is not ok when there is none or it does not fit.
func parseFloat(s string) (float64, bool) {
	s = strings.TrimLeft(s, " \t\n\v\f\r")
	for end := len(s); end > 0; end-- {
		if strings.ContainsRune(s[:end], '_') {
			continue
		}
		if f, err := strconv.ParseFloat(s[:end], 64); err == nil {
			return f, true
		} else if ne, ok := err.(*strconv.NumError); ok && ne.Err == strconv.ErrRange {
			return 0, false
		}
	}
	return 0, false
}
