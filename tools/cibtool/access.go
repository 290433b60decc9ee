package cibtool

import (
	"context"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/holdfast-ha/holdfast/cib"
	"github.com/holdfast-ha/holdfast/cib/acl"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/tools/cibclient"
)

// How each mode looks, in each style.
var (
	accessColor = map[acl.Mode]string{acl.Denied: "\x1b[31m", acl.Readable: "\x1b[34m", acl.Writable: "\x1b[32m"}
	accessText  = map[acl.Mode]string{acl.Denied: "~DENIED~", acl.Readable: "READABLE", acl.Writable: "WRITABLE"}
	accessName  = map[acl.Mode]string{acl.Denied: "denied", acl.Readable: "readable", acl.Writable: "writable"}
)

const (
	colorOff        = "\x1b[0m"
	accessNamespace = "http://clusterlabs.org/ns/pacemaker/access/"
)

// printAccess prints the CIB with what the user may do marked. Who asks sees all of it.
func (a *cibadmin) printAccess(ctx context.Context, conn *cibclient.Conn) int {
	if acl.Exempt(a.user) {
		fmt.Fprintf(a.env.Stderr, "Could not evaluate access per request (%s, error: Already in requested state)\n"+
			"The user is above access control\n", a.user)
		return cib.CodeUsage
	}
	doc, err := conn.Query(ctx, "")
	if err != nil {
		return a.failed(conn, err)
	}
	modes := acl.For(doc, a.user, nil).Modes(doc)
	part := a.cmd
	part.User, part.PathsOnly = "", false
	r, err := cib.Apply(doc, part)
	if err != nil {
		return a.failed(conn, err)
	}
	style := a.showAccess
	if style == "auto" {
		style = "text"
		if f, ok := a.env.Stdout.(*os.File); ok {
			if _, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS); err == nil {
				style = "color"
			}
		}
	}
	p := &accessPrinter{style: style, modes: modes}
	fmt.Fprintf(&p.out, "<!-- ACLs as evaluated for user %s -->\n", a.user)
	p.write(r.Output, nil, 0)
	fmt.Fprint(a.env.Stdout, p.out.String())
	return 0
}

// accessPrinter writes a tree with marks.
type accessPrinter struct {
	out   strings.Builder
	style string
	modes map[*cibxml.Element]acl.Mode
}

func (p *accessPrinter) write(e, parent *cibxml.Element, depth int) {
	indent := strings.Repeat("  ", depth)
	if e.Kind != cibxml.Tag {
		p.out.WriteString(indent + (&cibxml.Element{Kind: e.Kind, Text: e.Text}).Format(cibxml.Style{}) + "\n")
		return
	}
	mode := p.modes[e]
	changes := parent == nil || p.modes[parent] != mode
	shown := *e
	before, after := "", ""
	switch p.style {
	case "color":
		before, after = accessColor[mode], colorOff
	case "namespace":
		if changes {
			shown.Name = "pcmk-access-" + accessName[mode] + ":" + e.Name
		}
		if parent == nil {
			shown.Attrs = append(append([]cibxml.Attr(nil), e.Attrs...), p.namespaces(e)...)
		}
	case "text":
		if changes && parent != nil {
			p.out.WriteString(indent + "\n")
		}
		if changes {
			p.out.WriteString(indent + "vvv---[ " + accessText[mode] + " ]---vvv\n")
		}
	}
	shown.Children = nil
	tag := shown.Format(cibxml.Style{Entities: true})
	if len(e.Children) == 0 {
		p.out.WriteString(indent + before + tag + after + "\n")
		return
	}
	p.out.WriteString(indent + before + strings.TrimSuffix(tag, "/>") + ">\n")
	for _, k := range e.Children {
		p.write(k, e, depth+1)
	}
	p.out.WriteString(indent + before + "</" + shown.Name + ">" + after + "\n")
}

// namespaces declares the prefixes that are used in a tree.
func (p *accessPrinter) namespaces(root *cibxml.Element) []cibxml.Attr {
	used := map[acl.Mode]bool{}
	root.Walk(func(e *cibxml.Element) bool {
		if e.Kind == cibxml.Tag {
			used[p.modes[e]] = true
		}
		return true
	})
	var attrs []cibxml.Attr
	for _, m := range []acl.Mode{acl.Writable, acl.Readable, acl.Denied} {
		if used[m] {
			attrs = append(attrs, cibxml.Attr{Name: "xmlns:pcmk-access-" + accessName[m], Value: accessNamespace + accessName[m]})
		}
	}
	return attrs
}
