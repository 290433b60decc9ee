// Package simfuzz compares the scheduler with an installed crm_simulate on random clusters.
package simfuzz

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

// Input is what both programs are given.
type Input struct {
	// Name tells where the input comes from: a seed, or a case and a seed.
	Name string
	Doc  *cibxml.Element
	// Args are options of crm_simulate besides those that ask for outputs.
	Args []string
}

func (in Input) with(doc *cibxml.Element) Input {
	in.Doc = doc
	return in
}

func (in Input) without(i int) Input {
	in.Args = slices.Delete(slices.Clone(in.Args), i, i+1)
	return in
}

// Load reads an input: a directory that Outcome.Save wrote, or a CIB.
func Load(path string) (Input, error) {
	in := Input{Name: filepath.Base(path)}
	if args, err := os.ReadFile(filepath.Join(path, "args")); err == nil {
		in.Args = strings.FieldsFunc(string(args), func(c rune) bool { return c == '\n' })
		path = filepath.Join(path, "cib.xml")
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return in, err
	}
	in.Doc, err = cibxml.Parse(string(raw))
	return in, err
}
