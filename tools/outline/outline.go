// Package outline writes the nested, bulleted lists in which Pacemaker's tools show a cluster to people.
package outline

import (
	"fmt"
	"io"
	"strings"
)

// Writer writes an outline. A plain one has neither indentation nor bullets nor titles.
type Writer struct {
	W     io.Writer
	Plain bool
	depth int
	// wrote tells whether anything has been written, which decides about blank lines between sections.
	wrote bool
}

// Begin starts a list with a title.
func (w *Writer) Begin(format string, args ...any) {
	if !w.Plain {
		w.line(fmt.Sprintf(format, args...) + ":")
	}
	w.depth++
}

// End ends the innermost list.
func (w *Writer) End() { w.depth-- }

// Item writes one line of a list.
func (w *Writer) Item(format string, args ...any) { w.line(fmt.Sprintf(format, args...)) }

// Text writes a line as it is.
func (w *Writer) Text(format string, args ...any) {
	fmt.Fprintf(w.W, format+"\n", args...)
	w.wrote = true
}

// Spacer writes a blank line.
func (w *Writer) Spacer() { fmt.Fprintln(w.W) }

// SpacerIfWritten separates what follows from what has been written.
func (w *Writer) SpacerIfWritten() {
	if w.wrote {
		w.Spacer()
	}
}

func (w *Writer) line(s string) {
	w.wrote = true
	if !w.Plain && w.depth > 0 {
		s = strings.Repeat("  ", w.depth) + "* " + s
	}
	fmt.Fprintln(w.W, s)
}
