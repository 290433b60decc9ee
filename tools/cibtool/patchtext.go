package cibtool

import (
	"fmt"
	"strings"

	"github.com/holdfast-ha/holdfast/cib"
)

// patchText writes a patch for people: "++" for what came, "--" for what went, "+" for changed attributes and
// "+~" for what moved.
func patchText(p *cib.Patch) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Diff: --- %v 2\nDiff: +++ %v %s\n", p.Source, p.Target, orNone(p.Digest))
	for _, c := range p.Changes {
		switch c.Op {
		case cib.ChangeDelete:
			fmt.Fprintf(&b, "-- %s", c.Path)
			if c.Position >= 0 {
				fmt.Fprintf(&b, " (%d)", c.Position)
			}
			b.WriteString("\n")
		case cib.ChangeMove:
			fmt.Fprintf(&b, "+~ %s moved to offset %d\n", c.Path, c.Position)
		case cib.ChangeCreate:
			head := fmt.Sprintf("++ %s:  ", c.Path)
			indent := "++ " + strings.Repeat(" ", len(head)-len("++ "))
			for i, line := range strings.Split(strings.TrimSuffix(printed(c.Node), "\n"), "\n") {
				if i > 0 {
					head = indent
				}
				b.WriteString(head + line + "\n")
			}
		case cib.ChangeModify:
			modified(&b, c)
		}
	}
	return b.String()
}

// modified writes the attributes that went on one line and those that were set on another.
func modified(b *strings.Builder, c cib.Change) {
	var set, gone []string
	for _, a := range c.Attrs {
		if a.Unset {
			gone = append(gone, "@"+a.Name)
		} else {
			set = append(set, "@"+a.Name+"="+a.Value)
		}
	}
	if len(gone) > 0 {
		fmt.Fprintf(b, "-- %s:  %s\n", c.Path, strings.Join(gone, ", "))
	}
	if len(set) > 0 {
		fmt.Fprintf(b, "+  %s:  %s\n", c.Path, strings.Join(set, ", "))
	}
}

func orNone(s string) string {
	if s == "" {
		return "(null)"
	}
	return s
}
