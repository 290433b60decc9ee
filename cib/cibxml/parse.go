package cibxml

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Limits of a document. They bound what a hostile or broken input can cost; a real CIB is far below them.
const (
	// MaxDepth is the deepest nesting that is accepted (libxml2's own limit is 256).
	MaxDepth = 256
	// MaxSize is the largest document in bytes that Parse accepts.
	MaxSize = 256 << 20
)

// SyntaxError tells where a document is not well-formed.
type SyntaxError struct {
	Line int // from 1
	Col  int // in bytes, from 1
	Msg  string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Col, e.Msg)
}

// Parse reads one document and drops text, as the CIB does. Comments and CDATA stay.
func Parse(src string) (*Element, error) { return parse(src, false) }

// ParseText reads one document and keeps text that is more than white space, as agent metadata needs it.
func ParseText(src string) (*Element, error) { return parse(src, true) }

// parser reads well-formed XML 1.0 without DTDs. It is written by hand because encoding/xml needs 16-24 ms
// for a CIB of 500 KB and this needs about 2 ms; the scheduler's start-up time is mostly this.
type parser struct {
	src      string
	pos      int
	keepText bool
	names    map[string]string // one copy of each name, so that the source of an edit can be freed
	stack    []*Element
	root     *Element
}

func parse(src string, keepText bool) (*Element, error) {
	p := &parser{src: src, keepText: keepText, names: make(map[string]string, 64)}
	if len(src) > MaxSize {
		return nil, p.errorf("document of %d bytes is larger than %d", len(src), MaxSize)
	}
	p.src = strings.TrimPrefix(src, "\ufeff")
	if !utf8.ValidString(p.src) {
		p.pos = invalidAt(p.src)
		return nil, p.errorf("input is not UTF-8")
	}
	for p.pos < len(p.src) {
		if err := p.next(); err != nil {
			return nil, err
		}
	}
	if len(p.stack) > 0 {
		return nil, p.errorf("element <%s> is not closed", p.stack[len(p.stack)-1].Name)
	}
	if p.root == nil {
		return nil, p.errorf("document has no element")
	}
	return p.root, nil
}

func invalidAt(s string) int {
	for i, r := range s {
		if r == utf8.RuneError {
			if _, n := utf8.DecodeRuneInString(s[i:]); n == 1 {
				return i
			}
		}
	}
	return len(s)
}

func (p *parser) errorf(format string, args ...any) error {
	at := min(p.pos, len(p.src))
	line := 1 + strings.Count(p.src[:at], "\n")
	return &SyntaxError{Line: line, Col: at - strings.LastIndexByte(p.src[:at], '\n'), Msg: fmt.Sprintf(format, args...)}
}

// next consumes one piece of markup or text.
func (p *parser) next() error {
	rest := p.src[p.pos:]
	if rest[0] != '<' {
		return p.text(rest)
	}
	switch {
	case strings.HasPrefix(rest, "<!--"):
		return p.comment(rest)
	case strings.HasPrefix(rest, "<![CDATA["):
		return p.cdata(rest)
	case strings.HasPrefix(rest, "<?"):
		end := strings.Index(rest, "?>")
		if end < 0 {
			return p.errorf("processing instruction is not closed")
		}
		p.pos += end + 2
		return nil
	case strings.HasPrefix(rest, "<!"):
		return p.doctype(rest)
	case strings.HasPrefix(rest, "</"):
		return p.endTag()
	default:
		return p.startTag()
	}
}

func (p *parser) text(rest string) error {
	end := strings.IndexByte(rest, '<')
	if end < 0 {
		end = len(rest)
	}
	raw := rest[:end]
	blank := strings.Trim(raw, " \t\r\n") == ""
	if len(p.stack) == 0 && !blank {
		return p.errorf("text outside of the document's element")
	}
	if !blank {
		value, err := p.unescape(raw, false)
		if err != nil {
			return err
		}
		if p.keepText {
			p.add(&Element{Kind: Text, Text: value})
		}
	}
	p.pos += end
	return nil
}

func (p *parser) comment(rest string) error {
	end := strings.Index(rest[4:], "--")
	if end < 0 || !strings.HasPrefix(rest[4+end:], "-->") {
		return p.errorf("comment is not closed, or has \"--\" inside")
	}
	if len(p.stack) > 0 {
		p.add(&Element{Kind: Comment, Text: rest[4 : 4+end]})
	}
	p.pos += 4 + end + 3
	return nil
}

func (p *parser) cdata(rest string) error {
	end := strings.Index(rest, "]]>")
	if end < 0 {
		return p.errorf("CDATA section is not closed")
	}
	if len(p.stack) == 0 {
		return p.errorf("CDATA outside of the document's element")
	}
	p.add(&Element{Kind: CData, Text: rest[len("<![CDATA["):end]})
	p.pos += end + 3
	return nil
}

// doctype skips <!DOCTYPE ...>. A DTD with declarations of its own is refused: entities are how XML bombs work.
func (p *parser) doctype(rest string) error {
	end := strings.IndexByte(rest, '>')
	if end < 0 || !strings.HasPrefix(rest, "<!DOCTYPE") || p.root != nil || strings.IndexByte(rest[:end], '[') >= 0 {
		return p.errorf("markup declaration is not supported")
	}
	p.pos += end + 1
	return nil
}

func (p *parser) endTag() error {
	p.pos += 2
	name := p.name()
	if len(p.stack) == 0 {
		return p.errorf("closing tag </%s> without an opening one", name)
	}
	top := p.stack[len(p.stack)-1]
	if top.Name != name {
		return p.errorf("<%s> is closed by </%s>", top.Name, name)
	}
	p.space()
	if p.pos >= len(p.src) || p.src[p.pos] != '>' {
		return p.errorf("closing tag </%s> is not complete", name)
	}
	p.pos++
	p.stack = p.stack[:len(p.stack)-1]
	return nil
}

func (p *parser) startTag() error {
	if p.root != nil && len(p.stack) == 0 {
		return p.errorf("more than one element at the top of the document")
	}
	p.pos++
	name := p.name()
	if name == "" {
		return p.errorf("expected a name after \"<\"")
	}
	e := &Element{Name: name}
	for {
		gap := p.space()
		if p.pos >= len(p.src) {
			return p.errorf("tag <%s> is not closed", name)
		}
		switch p.src[p.pos] {
		case '>':
			p.pos++
			p.add(e)
			if len(p.stack) >= MaxDepth {
				return p.errorf("elements are nested deeper than %d", MaxDepth)
			}
			p.stack = append(p.stack, e)
			return nil
		case '/':
			if !strings.HasPrefix(p.src[p.pos:], "/>") {
				return p.errorf("expected \"/>\" in <%s>", name)
			}
			p.pos += 2
			p.add(e)
			return nil
		}
		if !gap {
			return p.errorf("expected white space before an attribute of <%s>", name)
		}
		if err := p.attribute(e); err != nil {
			return err
		}
	}
}

func (p *parser) attribute(e *Element) error {
	name := p.name()
	if name == "" {
		return p.errorf("expected an attribute name in <%s>", e.Name)
	}
	p.space()
	if p.pos >= len(p.src) || p.src[p.pos] != '=' {
		return p.errorf("attribute %s of <%s> has no value", name, e.Name)
	}
	p.pos++
	p.space()
	if p.pos >= len(p.src) || (p.src[p.pos] != '"' && p.src[p.pos] != '\'') {
		return p.errorf("value of attribute %s of <%s> is not quoted", name, e.Name)
	}
	quote := p.src[p.pos]
	end := strings.IndexByte(p.src[p.pos+1:], quote)
	if end < 0 {
		return p.errorf("value of attribute %s of <%s> is not closed", name, e.Name)
	}
	raw := p.src[p.pos+1 : p.pos+1+end]
	if strings.IndexByte(raw, '<') >= 0 {
		return p.errorf("value of attribute %s of <%s> contains \"<\"", name, e.Name)
	}
	value, err := p.unescape(raw, true)
	if err != nil {
		return err
	}
	if _, dup := e.Lookup(name); dup {
		return p.errorf("attribute %s of <%s> is given twice", name, e.Name)
	}
	e.Attrs = append(e.Attrs, Attr{name, value})
	p.pos += end + 2
	return nil
}

func (p *parser) add(e *Element) {
	if len(p.stack) == 0 {
		p.root = e
		return
	}
	top := p.stack[len(p.stack)-1]
	top.Children = append(top.Children, e)
}

// space skips white space and reports whether there was any.
func (p *parser) space() bool {
	start := p.pos
	for p.pos < len(p.src) {
		switch p.src[p.pos] {
		case ' ', '\t', '\n', '\r':
			p.pos++
		default:
			return p.pos > start
		}
	}
	return p.pos > start
}

// name reads an XML name, "" when there is none. Letters beyond ASCII are all accepted.
func (p *parser) name() string {
	start := p.pos
	for p.pos < len(p.src) {
		c := p.src[p.pos]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c == ':' || c >= 0x80
		if !letter && (p.pos == start || (c < '0' || c > '9') && c != '-' && c != '.') {
			break
		}
		p.pos++
	}
	raw := p.src[start:p.pos]
	if n, ok := p.names[raw]; ok {
		return n
	}
	n := strings.Clone(raw)
	p.names[n] = n
	return n
}
