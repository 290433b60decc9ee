// Package outline writes the nested, bulleted lists in which Pacemaker's tools show a cluster to people.
package outline

import (
	"fmt"
	"html"
	"io"
	"strings"
)

// Writer writes an outline. A plain one has neither indentation nor bullets nor titles.
type Writer struct {
	W     io.Writer
	Plain bool
	// HTML writes the same as lists of a web page.
	HTML  bool
	depth int
	// wrote tells whether anything has been written, which decides about blank lines between sections.
	wrote bool
}

// Begin starts a list with a title.
func (w *Writer) Begin(format string, args ...any) {
	title := fmt.Sprintf(format, args...)
	switch {
	case w.HTML && w.depth == 0:
		fmt.Fprintf(w.W, "<h2>%s</h2>\n<ul>\n", html.EscapeString(title))
	case w.HTML:
		fmt.Fprintf(w.W, "<li>%s\n<ul>\n", html.EscapeString(title))
	case !w.Plain:
		w.line(title + ":")
	}
	w.depth++
}

// Nest starts a list without a title.
func (w *Writer) Nest() {
	if w.HTML {
		io.WriteString(w.W, "<li>\n<ul>\n")
	}
	w.depth++
}

// End ends the innermost list.
func (w *Writer) End() {
	w.depth--
	switch {
	case w.HTML && w.depth == 0:
		io.WriteString(w.W, "</ul>\n")
	case w.HTML:
		io.WriteString(w.W, "</ul></li>\n")
	}
}

// Item writes one line of a list.
func (w *Writer) Item(format string, args ...any) { w.line(fmt.Sprintf(format, args...)) }

// Text writes a line as it is. It is no section of its own: no blank line comes after it.
func (w *Writer) Text(format string, args ...any) {
	if w.HTML {
		fmt.Fprintf(w.W, "<p>%s</p>\n", html.EscapeString(fmt.Sprintf(format, args...)))
		return
	}
	fmt.Fprintf(w.W, format+"\n", args...)
}

// Spacer writes a blank line.
func (w *Writer) Spacer() {
	if !w.HTML {
		fmt.Fprintln(w.W)
	}
}

// SpacerIfWritten separates what follows from what has been written.
func (w *Writer) SpacerIfWritten() {
	if w.wrote {
		w.Spacer()
	}
}

func (w *Writer) line(s string) {
	w.wrote = true
	if w.HTML {
		fmt.Fprintf(w.W, "<li>%s</li>\n", html.EscapeString(strings.ReplaceAll(s, "\t", " ")))
		return
	}
	if !w.Plain && w.depth > 0 {
		s = strings.Repeat("  ", w.depth) + "* " + s
	}
	fmt.Fprintln(w.W, s)
}
