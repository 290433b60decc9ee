package cibxml

import "strings"

// Style selects how a tree is written.
type Style struct {
	// Indent puts every node on a line of its own, two blanks per level, as Pacemaker's formatted output.
	Indent bool
	// Pacemaker escapes attribute values as Pacemaker 2.1 does, for digests and for comparison with it.
	// That form loses control characters; everything that is read back is written without it.
	Pacemaker bool
	// Entities writes an apostrophe as &apos;, which makes the text of most documents that of Pacemaker
	// although nothing is lost. Commands print so.
	Entities bool
}

// String writes the tree formatted, so that parsing it gives the same tree again.
func (e *Element) String() string { return e.Format(Style{Indent: true}) }

// Compact writes the tree without white space between nodes.
func (e *Element) Compact() string { return e.Format(Style{}) }

// Format writes the tree. With Indent the result ends in a newline.
func (e *Element) Format(style Style) string {
	var b strings.Builder
	e.write(&b, style, 0)
	return b.String()
}

func (e *Element) write(b *strings.Builder, style Style, depth int) {
	if style.Indent {
		for range depth {
			b.WriteString("  ")
		}
	}
	switch e.Kind {
	case Comment:
		b.WriteString("<!--")
		b.WriteString(e.Text)
		b.WriteString("-->")
	case CData:
		b.WriteString("<![CDATA[")
		b.WriteString(e.Text)
		b.WriteString("]]>")
	case Text:
		escapeExact(b, e.Text, false)
	default:
		e.writeTag(b, style, depth)
	}
	if style.Indent {
		b.WriteByte('\n')
	}
}

func (e *Element) writeTag(b *strings.Builder, style Style, depth int) {
	b.WriteByte('<')
	b.WriteString(e.Name)
	for _, a := range e.Attrs {
		b.WriteByte(' ')
		b.WriteString(a.Name)
		b.WriteString(`="`)
		if style.Pacemaker {
			b.Write(AppendPacemaker(nil, a.Value))
		} else {
			escapeExact(b, a.Value, style.Entities)
		}
		b.WriteByte('"')
	}
	if len(e.Children) == 0 {
		b.WriteString("/>")
		return
	}
	b.WriteByte('>')
	if style.Indent {
		b.WriteByte('\n')
	}
	for _, c := range e.Children {
		c.write(b, style, depth+1)
	}
	if style.Indent {
		for range depth {
			b.WriteString("  ")
		}
	}
	b.WriteString("</")
	b.WriteString(e.Name)
	b.WriteByte('>')
}
