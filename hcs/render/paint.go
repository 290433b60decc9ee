// Package render shows things to people: tables, colours, times.
package render

import (
	"strings"

	"github.com/holdfast-ha/holdfast/hcs/session"
)

// Tone is what a piece of text means.
type Tone uint8

const (
	Plain Tone = iota
	Good
	Attention
	Bad
	Quiet
	Strong
)

// codes are the ANSI sequences of the tones.
var codes = map[Tone]string{Good: "32", Attention: "33", Bad: "1;31", Quiet: "2", Strong: "1"}

// Colored reports whether the output may have colours: on a terminal, unless NO_COLOR or --no-color forbids it.
func Colored(s *session.Session) bool {
	return s.Terminal && !s.NoColor && s.Getenv("NO_COLOR") == "" && s.Getenv("TERM") != "dumb"
}

// Painter paints text for one output.
type Painter struct{ on bool }

// NewPainter makes a painter for the session's output.
func NewPainter(s *session.Session) Painter { return Painter{Colored(s)} }

// Paint puts text into the colour of a tone.
func (p Painter) Paint(t Tone, text string) string {
	code := codes[t]
	if !p.on || code == "" || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// Cell is a text with a tone.
type Cell struct {
	Text string
	Tone Tone
}

// C makes a plain cell.
func C(text string) Cell { return Cell{Text: text} }

// T makes a cell with a tone.
func T(t Tone, text string) Cell { return Cell{text, t} }

// Join puts cells side by side.
func (p Painter) Join(cells ...Cell) string {
	var b strings.Builder
	for _, c := range cells {
		b.WriteString(p.Paint(c.Tone, c.Text))
	}
	return b.String()
}
