// Package corosyncconf reads Corosync's configuration file and writes it as the sections of a cluster file.
//
// Every option of corosync.conf(5) has one of three fates, which Convert reports with its line: it is used under the
// same name, it becomes something else, or it has no meaning here.
package corosyncconf

import (
	"fmt"
	"strings"

	"github.com/holdfast-ha/holdfast/clusterfile"
)

// Section is a section of the file, the file itself included.
type Section struct {
	Name     string // as totem or interface; "" for the file
	Path     string // as totem.interface
	Line     int
	Sections []*Section
	Keys     []*Key
}

// Key is a line with a value.
type Key struct {
	Name, Value string
	Line        int
}

// Corosync's limits, and two of our own, far above what a cluster needs: Corosync allows 384 nodes, and nothing in the
// file is nested more deeply than four times.
const (
	maxLine  = 510
	maxKey   = 255
	maxDepth = 16
	maxLines = 10000
)

// Parse reads the text. name is used in errors. Corosync stops at the first error, so there is only one.
func Parse(name, text string) (*Section, error) {
	p := &parser{name: name, root: &Section{}}
	p.open = []*Section{p.root}
	lines := strings.Split(text, "\n")
	if last := len(lines) - 1; lines[last] == "" {
		lines = lines[:last]
	}
	for i, line := range lines {
		if p.line = i + 1; p.line > maxLines {
			return nil, p.fail("The file has more than %d lines", maxLines)
		}
		if err := p.read(line); err != nil {
			return nil, err
		}
	}
	if len(p.open) > 1 {
		top := p.open[len(p.open)-1]
		return nil, p.fail("Missing closing brace of the section %s in line %d", top.Path, top.Line)
	}
	return p.root, nil
}

type parser struct {
	name string
	line int
	root *Section
	open []*Section // the innermost is last
}

func (p *parser) fail(format string, args ...any) error {
	return clusterfile.Problem{File: p.name, Line: p.line, Message: fmt.Sprintf(format, args...)}
}

// blanks are what Corosync trims.
const blanks = " \t\n\r\v\f\xa0"

func trim(text string) string {
	for text != "" && strings.IndexByte(blanks, text[0]) >= 0 {
		text = text[1:]
	}
	for text != "" && strings.IndexByte(blanks, text[len(text)-1]) >= 0 {
		text = text[:len(text)-1]
	}
	return text
}

func (p *parser) read(line string) error {
	if len(line) > maxLine {
		return p.fail("Line too long: it has %d characters, at most %d are possible", len(line), maxLine)
	}
	line = trim(line)
	if line == "" || line[0] == '#' {
		return nil
	}
	top := p.open[len(p.open)-1]
	if before, after, ok := strings.Cut(line, "{"); ok {
		return p.begin(top, trim(before), trim(after))
	}
	if key, value, ok := strings.Cut(line, ":"); ok {
		key, value = trim(key), trim(value)
		switch {
		case key == "":
			return p.fail("Key name can't be empty")
		case len(top.Path)+1+len(key) > maxKey:
			return p.fail("The name %s of a key is longer than %d characters", key, maxKey)
		}
		top.Keys = append(top.Keys, &Key{Name: key, Value: value, Line: p.line})
		return nil
	}
	if before, after, ok := strings.Cut(line, "}"); ok {
		switch {
		case trim(before) != "" || trim(after) != "":
			return p.fail("Extra characters before or after closing bracket '}'")
		case len(p.open) == 1:
			return p.fail("Unexpected closing brace")
		}
		p.open = p.open[:len(p.open)-1]
		return nil
	}
	return p.fail("Line is not opening or closing section or key value")
}

func (p *parser) begin(top *Section, name, after string) error {
	switch {
	case name == "":
		return p.fail("Missing section name before opening bracket '{'")
	case after != "":
		return p.fail("Extra characters after opening bracket '{'")
	case len(p.open) >= maxDepth:
		return p.fail("Sections are nested more deeply than %d times", maxDepth)
	}
	s := &Section{Name: name, Path: strings.TrimPrefix(top.Path+"."+name, "."), Line: p.line}
	if len(s.Path) > maxKey {
		return p.fail("The name %s of a section is longer than %d characters", name, maxKey)
	}
	top.Sections = append(top.Sections, s)
	p.open = append(p.open, s)
	return nil
}
