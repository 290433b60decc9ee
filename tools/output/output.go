// Package output takes what a drop-in command has to say to where it belongs: as text for people, or as one
// XML document with the exit status inside for programs.
package output

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/tools/outline"
)

// Format is how the result is written.
type Format string

const (
	Text Format = "text"
	XML  Format = "xml"
	HTML Format = "html"
	None Format = "none"
)

// apiVersion is the version of Pacemaker's result schema that the XML follows.
const apiVersion = "2.25"

// Out receives a command's result.
type Out struct {
	Format Format
	// Lines writes text and HTML; it swallows everything in the other formats.
	Lines *outline.Writer
	// Quiet and Verbose are the options of that name.
	Quiet   bool
	Verbose int
	// File is where the result goes, "" for standard output.
	File string
	// Request is the command line, for the XML document.
	Request string
	// Root replaces the document's element; the exit status is then left out. crm_mon has such a form.
	Root *cibxml.Element

	w, err io.Writer
	top    []*cibxml.Element // what has been written as XML, outermost last opened
	doc    *cibxml.Element
	errs   []string
	ended  bool
}

// New makes an output that writes results to w and, where they are not part of the result, errors to err.
func New(format Format, w, err io.Writer) *Out {
	o := &Out{Format: format, w: w, err: err, doc: &cibxml.Element{}}
	o.top = []*cibxml.Element{o.doc}
	o.Lines = &outline.Writer{W: io.Discard}
	if format == Text || format == HTML {
		o.Lines.W, o.Lines.HTML = w, format == HTML
	}
	return o
}

// IsXML reports whether the result is an XML document.
func (o *Out) IsXML() bool { return o.Format == XML }

// W is where text goes that is no list.
func (o *Out) W() io.Writer { return o.Lines.W }

// Printf writes a piece of text, and nothing in the other formats.
func (o *Out) Printf(format string, args ...any) { fmt.Fprintf(o.Lines.W, format, args...) }

// Info says something that is not the result: on standard output in text, nowhere in XML.
func (o *Out) Info(format string, args ...any) {
	if !o.Quiet {
		o.Printf(format+"\n", args...)
	}
}

// Errorf reports an error or a warning: on standard error, or as part of the XML document.
func (o *Out) Errorf(format string, args ...any) {
	msg := fmt.Sprintf(format, args...)
	if o.IsXML() && o.Root == nil {
		o.errs = append(o.errs, msg)
		return
	}
	fmt.Fprintln(o.err, msg)
}

// Add adds elements to the XML document where it is open.
func (o *Out) Add(elements ...*cibxml.Element) {
	o.top[len(o.top)-1].Append(elements...)
}

// Open adds an element and leaves it open, so that what is added next is below it, until Close.
func (o *Out) Open(e *cibxml.Element) {
	o.Add(e)
	o.top = append(o.top, e)
}

// Close closes the element that was opened last.
func (o *Out) Close() { o.top = o.top[:len(o.top)-1] }

// End writes what is to be written at the end: the XML document with the exit status. It is called once;
// further calls do nothing.
func (o *Out) End(code int) {
	if o.ended || !o.IsXML() {
		return
	}
	o.ended = true
	root := o.Root
	if root == nil {
		root = cibxml.New("pacemaker-result", "api-version", apiVersion, "request", o.Request)
	} else if code != 0 {
		fmt.Fprintln(o.err, ExitText(code))
	}
	root.Append(o.doc.Children...)
	if o.Root == nil {
		root.Append(o.status(code))
	}
	io.WriteString(o.w, Document(root))
}

func (o *Out) status(code int) *cibxml.Element {
	s := cibxml.New("status", "code", strconv.Itoa(code), "message", ExitText(code))
	if len(o.errs) > 0 {
		list := cibxml.New("errors")
		for _, e := range o.errs {
			list.Append(TextElement("error", e))
		}
		s.Append(list)
	}
	return s
}

// TextElement makes an element that holds only text.
func TextElement(name, text string, nameValues ...string) *cibxml.Element {
	return cibxml.New(name, nameValues...).Append(&cibxml.Element{Kind: cibxml.Text, Text: text})
}

// CDataElement makes an element that holds only text that programs read as it is.
func CDataElement(name, text string, nameValues ...string) *cibxml.Element {
	return cibxml.New(name, nameValues...).Append(&cibxml.Element{Kind: cibxml.CData, Text: text})
}

// Document writes an XML tree as Pacemaker's commands do: indented, but text on the line of its element.
func Document(e *cibxml.Element) string {
	var b strings.Builder
	writeElement(&b, e, 0)
	return b.String()
}

func writeElement(b *strings.Builder, e *cibxml.Element, depth int) {
	indent := strings.Repeat("  ", depth)
	tag := e.WithChildren(nil).Format(cibxml.Style{})
	b.WriteString(indent)
	if e.Kind != cibxml.Tag || len(e.Children) == 0 {
		b.WriteString(tag + "\n")
		return
	}
	b.WriteString(strings.TrimSuffix(tag, "/>") + ">")
	if first := e.Children[0].Kind; first == cibxml.Text || first == cibxml.CData {
		for _, c := range e.Children {
			writeText(b, c)
		}
	} else {
		b.WriteByte('\n')
		for _, c := range e.Children {
			writeElement(b, c, depth+1)
		}
		b.WriteString(indent)
	}
	b.WriteString("</" + e.Name + ">\n")
}

func writeText(b *strings.Builder, e *cibxml.Element) {
	if e.Kind == cibxml.Text {
		b.WriteString(textEscapes.Replace(e.Text))
		return
	}
	b.WriteString(e.Format(cibxml.Style{}))
}

// textEscapes are what text needs outside of attributes.
var textEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
