package resource

import (
	"cmp"
	"context"
	"strings"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/sched"
	"github.com/holdfast-ha/holdfast/crmd/sched/constraint"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/crmd/sched/opconf"
	"github.com/holdfast-ha/holdfast/tools/cibclient"
	"github.com/holdfast-ha/holdfast/tools/output"
	"github.com/holdfast-ha/holdfast/tools/program"
)

// setTag is the element that holds the kind of attribute that is meant.
func (c *call) setTag() string {
	switch {
	case c.meta:
		return "meta_attributes"
	case c.utilization:
		return "utilization"
	}
	return "instance_attributes"
}

// getParameter shows an attribute as it is in effect.
func (c *call) getParameter(context.Context) error {
	var value string
	var ok bool
	switch {
	case c.meta:
		value, ok = c.rsc.Meta.Lookup(c.argument)
	case c.utilization:
		value, ok = c.rsc.Utilization.Lookup(c.argument)
	default:
		value, ok = opconf.New(c.m, c.m.World).Params(c.rsc, c.m.State.Current(c.rsc)).Lookup(c.argument)
	}
	if len(c.m.State.CurrentNodes(c.rsc, false, nil)) > 1 && !c.utilization {
		c.out.Errorf("%s is active on more than one node, returning the default value for %s", c.rsc.ID, c.argument)
	}
	if !ok {
		c.out.Errorf("Attribute '%s' not found for '%s'", c.argument, c.rsc.ID)
		return nil
	}
	if c.out.IsXML() {
		c.out.Add(cibxml.New("list", "name", "attributes", "count", "1").Append(output.TextElement("item", value, "name", c.argument)))
		return nil
	}
	c.out.Printf("%s\n", value)
	return nil
}

// lookupID is the id under which a resource is configured.
func lookupID(r *model.Resource) string { return r.XMLID }

// attributes finds the attributes of a name that a resource has, in its own element or below.
func (c *call) attributes(rsc, tag string) []*cibxml.Element {
	var found []*cibxml.Element
	rawElement(c.doc, rsc).Walk(func(e *cibxml.Element) bool {
		if !e.IsTag(tag) {
			return true
		}
		if c.set != "" && e.ID() != c.set {
			return false
		}
		for nv := range e.Tags("nvpair") {
			if nv.Get("name") == c.argument && (c.nvpair == "" || nv.ID() == c.nvpair) {
				found = append(found, nv)
			}
		}
		return false
	})
	return found
}

// owner decides which resource gets a meta attribute: for an instance of a clone the clone, unless the
// instance has it already; for a clone the instance that has it. --force takes what is named.
func (c *call) owner(command string) *model.Resource {
	r := c.rsc
	if c.options.force {
		return r
	}
	switch {
	case r.Parent != nil && r.Parent.Kind == model.Clone:
		if len(c.attributes(lookupID(r), c.setTag())) == 0 {
			c.out.Info("Performing %s of '%s' on '%s', the parent of '%s'", command, c.argument, r.Parent.ID, c.options.resource)
			return r.Parent
		}
	case r.Kind == model.Clone && len(r.Children) > 0 && r.Children[0].Kind == model.Primitive:
		if child := lookupID(r.Children[0]); len(c.attributes(child, c.setTag())) > 0 {
			c.out.Info("A value for '%s' already exists in child '%s', performing %s on that instead of '%s'",
				c.argument, child, command, r.ID)
			return r.Children[0]
		}
	}
	return r
}

// setParameter sets an attribute, with --recursive of what depends on the resource too.
func (c *call) setParameter(ctx context.Context) error {
	if !c.hasValue || c.value == "" {
		return program.Faultf(api.CodeUsage, "You need to supply a value with the -v option")
	}
	if !c.meta && !c.utilization {
		if !c.options.force {
			if there := c.attributes(lookupID(c.rsc), "meta_attributes"); len(there) > 0 {
				if !c.quiet {
					c.out.Errorf("WARNING: There is already a meta attribute for '%s' called '%s' (id=%s)\n"+
						"         Delete '%s' first or use the force option to override", lookupID(c.rsc), c.argument, there[0].ID(), there[0].ID())
				}
				return program.Faultf(api.CodeNotUnique, "")
			}
		}
		return c.put(ctx, c.rsc)
	}
	r := c.owner("update")
	if err := c.put(ctx, r); err != nil || !c.recursive || !c.meta {
		return err
	}
	set, _ := sched.Constraints(c.m)
	return c.putDependents(ctx, set, r, map[*model.Resource]bool{r: true})
}

// putDependents sets the attribute of everything that is to run with r.
func (c *call) putDependents(ctx context.Context, set *constraint.Set, r *model.Resource, seen map[*model.Resource]bool) error {
	for _, with := range set.By[r.Index].With {
		d := with.Dependent
		if with.Score <= 0 || seen[d] {
			continue
		}
		seen[d] = true
		if err := c.put(ctx, d); err != nil {
			return err
		}
		if err := c.putDependents(ctx, set, d, seen); err != nil {
			return err
		}
	}
	return nil
}

// put sets the attribute of one resource.
func (c *call) put(ctx context.Context, r *model.Resource) error {
	id, tag := lookupID(r), c.setTag()
	there := c.attributes(id, tag)
	if len(there) > 1 {
		return c.ambiguous(there)
	}
	nv := cibxml.New("nvpair", "id", "", "name", c.argument, "value", c.value)
	input, set := nv, ""
	if len(there) == 1 {
		nv.Set("id", there[0].ID())
	} else {
		set = cmp.Or(c.set, id+"-"+tag)
		nv.Set("id", cmp.Or(c.nvpair, plainID(set+"-"+c.argument)))
		element := rawElement(c.doc, id)
		if element == nil {
			return program.Faultf(api.CodeNoSuchObject, "")
		}
		input = cibxml.New(element.Name, "id", id).Append(cibxml.New(tag, "id", set).Append(nv))
	}
	if err := c.write(ctx, cib.Command{Op: cib.OpModify, Section: "resources", Input: input}); err != nil {
		return err
	}
	c.out.Info("Set '%s' option: id=%s%s name=%s value=%s", id, nv.ID(), named(" set=", set), c.argument, c.value)
	return nil
}

// named is a word with its label, nothing for no word.
func named(label, word string) string {
	if word == "" {
		return ""
	}
	return label + word
}

// plainID makes an id of text: what XML reserves becomes a dot.
func plainID(s string) string { return strings.NewReplacer(":", ".", "#", ".").Replace(s) }

// ambiguous refuses a change that several attributes fit.
func (c *call) ambiguous(there []*cibxml.Element) error {
	c.out.Info("Multiple attributes match name=%s", c.argument)
	for _, nv := range there {
		c.out.Info("  Value: %s \t(id=%s)", nv.Get("value"), nv.ID())
	}
	return program.Faultf(api.CodeNotUnique, "")
}

// deleteParameter removes an attribute; what is not there is removed already.
func (c *call) deleteParameter(ctx context.Context) error {
	r := c.rsc
	if c.meta || c.utilization {
		r = c.owner("delete")
	}
	id := lookupID(r)
	there := c.attributes(id, c.setTag())
	switch len(there) {
	case 0:
		return nil
	case 1:
	default:
		return c.ambiguous(there)
	}
	nv := there[0]
	err := c.write(ctx, cib.Command{Op: cib.OpDelete, Section: "resources", Input: cibxml.New("nvpair", "id", nv.ID(), "name", nv.Get("name"))})
	if err == nil {
		c.out.Info("Deleted '%s' option: id=%s%s name=%s", id, nv.ID(), named(" set=", c.set), c.argument)
	}
	return err
}

// setProperty sets an attribute of the resource's element itself.
func (c *call) setProperty(ctx context.Context) error {
	if c.element == "" {
		return program.Faultf(api.CodeNoSuchObject, "Must specify -t with resource type")
	}
	if !c.hasValue {
		return program.Faultf(api.CodeNoSuchObject, "Must supply -v with new value")
	}
	return c.write(ctx, cib.Command{Op: cib.OpModify, Section: "resources",
		Input: cibxml.New(c.element, "id", lookupID(c.rsc), c.argument, c.value)})
}

// remove deletes a resource from the configuration.
func (c *call) remove(ctx context.Context) error {
	if c.element == "" {
		return program.Faultf(api.CodeNoSuchObject, "You need to specify a resource type with -t")
	}
	return c.write(ctx, cib.Command{Op: cib.OpDelete, Section: "resources", Input: cibxml.New(c.element, "id", c.options.resource)})
}

// write changes the CIB.
func (c *call) write(ctx context.Context, cmd cib.Command) error {
	_, err := c.conn.Do(ctx, cmd)
	if err != nil {
		return program.Faultf(cibclient.ExitCode(err), "Could not change the CIB: %v", err)
	}
	return nil
}
