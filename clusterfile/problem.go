package clusterfile

import (
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing that is wrong in a cluster file.
type Problem struct {
	File    string
	Line    int    // 0 when the problem is something that is not there
	Key     string // full path, such as node[1].links
	Message string
}

func (p Problem) Error() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
	}
	b.WriteString(": ")
	if p.Key != "" {
		b.WriteString(p.Key + ": ")
	}
	b.WriteString(p.Message)
	return b.String()
}

// Problems is everything that is wrong in a cluster file, by ascending line. It is an error.
type Problems []Problem

func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// document is what the sections of one file share.
type document struct {
	name     string
	lines    map[string]int
	problems Problems
	ignored  []Ignored
}

func (d *document) err() error {
	if len(d.problems) == 0 {
		return nil
	}
	slices.SortStableFunc(d.problems, func(a, b Problem) int { return a.Line - b.Line })
	return d.problems
}
