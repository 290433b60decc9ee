package rule

import (
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/sched/mergesort"
	"github.com/holdfast-ha/holdfast/crmd/sched/pairs"
	"github.com/holdfast-ha/holdfast/crmd/sched/scalar"
)

// Overwrite says what happens to a name that already has a value.
type Overwrite bool

const (
	Keep    Overwrite = false
	Replace Overwrite = true
)

// Blocks adds to table the pairs of all blocks of that name below parent whose rules pass. Blocks with a
// higher score come first, the block with the id first before all others, and of equal ones the last in the
// document; so without Replace the last block of the document wins.
func (c *Context) Blocks(table pairs.Table, parent *cibxml.Element, name, first string, how Overwrite) pairs.Table {
	blocks := c.sorted(parent, name, first)
	for _, b := range blocks {
		if c.Active(b) {
			table = c.pairs(table, b, how)
		}
	}
	return table
}

func (c *Context) sorted(parent *cibxml.Element, name, first string) []*cibxml.Element {
	if parent == nil {
		return nil
	}
	var blocks []*cibxml.Element
	for i := len(parent.Children) - 1; i >= 0; i-- {
		e := parent.Children[i]
		if !e.IsTag(name) {
			continue
		}
		if b := c.Lib.Resolve(e); b != nil {
			blocks = append(blocks, b)
		} else {
			c.Log.ConfigError("No match for //%s[@id='%s'] found in configuration: Invalid configuration", name, e.Get("id-ref"))
		}
	}
	if len(blocks) < 2 {
		return blocks
	}
	rank := func(b *cibxml.Element) scalar.Score {
		if first != "" && strings.EqualFold(b.ID(), first) {
			return scalar.Inf + 1
		}
		return c.Health.ParseScore(b.Get("score"))
	}
	return mergesort.Sorted(blocks, func(a, b *cibxml.Element) int { return int(rank(b) - rank(a)) })
}

// pairs adds the pairs of one block. The value #default removes a name.
func (c *Context) pairs(table pairs.Table, block *cibxml.Element, how Overwrite) pairs.Table {
	for e := range block.Tags() {
		if e.Name == "attributes" {
			block = e
		}
		break
	}
	for e := range block.Tags("nvpair") {
		name, value, ok := c.nvpair(e)
		switch {
		case !ok:
		case strings.EqualFold(value, "#default"):
			table.Remove(name)
		case how == Replace || !table.Has(name):
			table.Set(name, value)
		}
	}
	return table
}

func (c *Context) nvpair(e *cibxml.Element) (name, value string, ok bool) {
	name, okName := e.Lookup("name")
	value, okValue := e.Lookup("value")
	if _, ref := e.Lookup("id-ref"); ref && (!okName || !okValue) {
		if target := c.Lib.Resolve(e); target != nil {
			if !okName {
				name, okName = target.Lookup("name")
			}
			if !okValue {
				value, okValue = target.Lookup("value")
			}
		}
	}
	return name, value, okName && okValue
}

// HasRules reports whether any block of that name below parent has rules, so that the result depends on
// what it is evaluated for.
func HasRules(lib *Library, parent *cibxml.Element, name string) bool {
	for e := range parent.Tags(name) {
		if b := lib.Resolve(e); b != nil && b.Child("rule") != nil {
			return true
		}
	}
	return false
}
