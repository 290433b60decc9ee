package render

import (
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/holdfast-ha/holdfast/hcs/session"
)

// Table collects rows and writes them as a table: with lines on a terminal, as plain columns elsewhere.
type Table struct {
	s       *session.Session
	paint   Painter
	columns []string
	rows    [][]Cell
}

// NewTable starts a table with these columns.
func NewTable(s *session.Session, columns ...string) *Table {
	return &Table{s: s, paint: NewPainter(s), columns: columns}
}

// Row adds a row. Cells that are missing at its end are empty.
func (t *Table) Row(cells ...Cell) { t.rows = append(t.rows, cells) }

// Text adds a row of plain texts.
func (t *Table) Text(texts ...string) {
	cells := make([]Cell, len(texts))
	for i, x := range texts {
		cells[i] = C(x)
	}
	t.Row(cells...)
}

// Empty reports whether there is no row.
func (t *Table) Empty() bool { return len(t.rows) == 0 }

// Write writes the table. Columns that are empty in every row are left out.
func (t *Table) Write(w io.Writer) {
	used := t.used()
	tw := table.NewWriter()
	tw.SetStyle(t.style())
	if t.s.Terminal && t.s.Width > 0 {
		tw.Style().Size.WidthMax = t.s.Width
	}
	header := table.Row{}
	for i, c := range t.columns {
		if used[i] {
			header = append(header, t.paint.Paint(Strong, strings.ToUpper(c)))
		}
	}
	tw.AppendHeader(header)
	for _, r := range t.rows {
		row := table.Row{}
		for i := range t.columns {
			if !used[i] {
				continue
			}
			cell := ""
			if i < len(r) {
				cell = t.paint.Paint(r[i].Tone, r[i].Text)
			}
			row = append(row, cell)
		}
		tw.AppendRow(row)
	}
	for line := range strings.Lines(tw.Render()) {
		fmt.Fprintln(w, strings.TrimRight(line, " \n"))
	}
}

func (t *Table) used() []bool {
	used := make([]bool, len(t.columns))
	for _, r := range t.rows {
		for i, c := range r {
			used[i] = used[i] || c.Text != ""
		}
	}
	if len(used) > 0 {
		used[0] = true
	}
	return used
}

func (t *Table) style() table.Style {
	style := table.StyleRounded
	if !t.s.Terminal {
		style = table.StyleDefault
		style.Box = table.BoxStyle{PaddingRight: "  "}
		style.Options = table.OptionsNoBordersAndSeparators
	}
	style.Format.Header = text.FormatDefault // the cells are painted one by one, not the lines between them
	return style
}
