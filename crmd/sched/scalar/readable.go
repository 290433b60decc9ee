package scalar

import (
	"fmt"
	"strings"
)

// ReadableInterval writes milliseconds as short as Pacemaker does: 1m30s, 2.004s, 12ms. What is exactly one of a
// unit is counted in the smaller one: 60s.
func ReadableInterval(ms int64) string {
	if ms == 0 {
		return "0s"
	}
	var b strings.Builder
	for _, u := range []struct {
		ms   int64
		name string
	}{{24 * 3600000, "d"}, {3600000, "h"}, {60000, "m"}} {
		if ms > u.ms {
			fmt.Fprintf(&b, "%d%s", ms/u.ms, u.name)
			ms %= u.ms
		}
	}
	switch sec, rest := ms/1000, ms%1000; {
	case ms == 0:
	case ms <= 1000:
		fmt.Fprintf(&b, "%dms", ms)
	case rest == 0:
		fmt.Fprintf(&b, "%ds", sec)
	default:
		fmt.Fprintf(&b, "%d.%03ds", sec, rest)
	}
	return b.String()
}
