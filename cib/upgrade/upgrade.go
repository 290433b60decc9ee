// Package upgrade brings CIBs of older Pacemaker versions to the newest schema.
package upgrade

import (
	"fmt"
	"slices"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/cib/schema"
)

// current is the oldest schema that is understood as it is.
const current = "pacemaker-3.0"

// transforms are the steps between schemas at which something changed its form.
var transforms = map[string]func(*cibxml.Element) *cibxml.Element{
	"pacemaker-1.3":  separateRoles,
	"pacemaker-2.10": settle,
}

// ToCurrent brings a CIB that is too old to be understood to the newest schema, and leaves others alone.
func ToCurrent(doc *cibxml.Element) (*cibxml.Element, error) {
	name, given := doc.Lookup("validate-with")
	if !given || name == schema.None || schema.Known(name) && schema.AtLeast(name, current) {
		return doc, nil
	}
	return ToNewest(doc)
}

// ToNewest brings a CIB to the newest schema. It returns the document itself when that is what it has.
func ToNewest(doc *cibxml.Element) (*cibxml.Element, error) {
	claimed := doc.Get("validate-with")
	names := schema.Names()
	at := max(slices.Index(names, claimed), 0)
	known := slices.Contains(names, claimed)
	reached := ""
	for i := at; i < len(names); i++ {
		as := doc.WithAttr("validate-with", names[i])
		if doc.Get("validate-with") == names[i] {
			as = doc
		}
		if len(schema.Check(nil, as)) > 0 {
			if reached != "" {
				break
			}
			continue
		}
		doc, reached = as, names[i]
		if f := transforms[names[i]]; f != nil && i+1 < len(names) {
			if next := doc.WithAttr("validate-with", names[i+1]); len(schema.Check(nil, next)) > 0 {
				doc = f(doc)
			}
		}
	}
	switch {
	case reached == "":
		from := "unknown"
		if known {
			from = claimed
		}
		return nil, fmt.Errorf("Cannot upgrade configuration (claiming schema %s) to at least %s because it does not validate with any schema from %s to %s",
			claimed, current, from, names[len(names)-1])
	case !schema.AtLeast(reached, current):
		return nil, fmt.Errorf("Cannot upgrade configuration (claiming schema %s) to at least %s because it would not upgrade past %s",
			claimed, current, reached)
	}
	return doc, nil
}
