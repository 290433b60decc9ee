// Package scalar reads and combines the small values of a CIB as Pacemaker does: scores, booleans, numbers,
// intervals and versions.
package scalar

import (
	"math"
	"strconv"
	"strings"
)

// Score is a preference for a node. Values are kept within ±Inf, except Mark.
type Score int32

// Inf is the score that finite scores never reach.
const Inf Score = 1000000

// Mark is outside the range of scores: a positive preference that a colocation would have made negative.
const Mark = -100 * Inf

// Add sums two scores. Minus infinity dominates everything, then plus infinity; finite sums saturate. It is
// not associative, so the order of additions is part of a decision.
func Add(a, b Score) Score {
	switch {
	case a <= -Inf || b <= -Inf:
		return -Inf
	case a >= Inf || b >= Inf:
		return Inf
	}
	return Clip(int64(a) + int64(b))
}

// Clip brings a number into the range of scores.
func Clip(n int64) Score {
	return Score(max(min(n, int64(Inf)), int64(-Inf)))
}

// String is the form in which scores are shown.
func (s Score) String() string {
	switch {
	case s >= Inf:
		return "INFINITY"
	case s <= -Inf:
		return "-INFINITY"
	}
	return strconv.Itoa(int(s))
}

// Health gives the words red, yellow and green their scores. All are 0 unless a node health strategy is used.
type Health struct {
	Red, Yellow, Green Score
}

// ParseScore reads a score. Text that is not a score is 0, as for Pacemaker.
func (h Health) ParseScore(s string) Score {
	switch s {
	case "":
		return 0
	case "-INFINITY":
		return -Inf
	case "INFINITY", "+INFINITY":
		return Inf
	}
	switch {
	case strings.EqualFold(s, "red"):
		return h.Red
	case strings.EqualFold(s, "yellow"):
		return h.Yellow
	case strings.EqualFold(s, "green"):
		return h.Green
	}
	n, ok := ParseInt(s)
	if !ok {
		return 0
	}
	return Clip(n)
}

// Scale multiplies a score by a colocation factor in single precision and rounds half away from zero, but
// never to zero: a preference may shrink to one point but not vanish.
func Scale(factor float32, s Score) Score {
	product := factor * float32(s)
	rounded := float64(product) + 0.5
	if product < 0 {
		rounded = float64(product) - 0.5
	}
	n := int64(math.Trunc(rounded))
	switch {
	case n != 0 || s == 0:
		return clipWide(n)
	case factor > 0:
		return 1
	case factor < 0:
		return -1
	}
	return 0
}

// clipWide keeps a product in 32 bits; Add clips it further.
func clipWide(n int64) Score {
	return Score(max(min(n, math.MaxInt32), math.MinInt32))
}
