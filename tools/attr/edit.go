package attr

import (
	"cmp"
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/tools/cibclient"
	"github.com/holdfast-ha/holdfast/tools/output"
	"github.com/holdfast-ha/holdfast/tools/program"
)

// edit reads or changes attributes in the CIB.
type edit struct {
	r    *request
	t    *target
	conn *cibclient.Conn
	out  *output.Out
}

// candidates are the attributes that all options but the pattern select.
func (e *edit) candidates() []*cibxml.Element {
	var found []*cibxml.Element
	for set := range sets(e.t.within, e.t.setTag()) {
		if e.r.set != "" && set.ID() != e.r.set {
			continue
		}
		set.Walk(func(nv *cibxml.Element) bool {
			if nv.IsTag("nvpair") && (e.r.id == "" || nv.ID() == e.r.id) && (e.r.name == "" || nv.Get("name") == e.r.name) {
				found = append(found, nv)
			}
			return true
		})
	}
	return found
}

// matches are the attributes that the options select.
func (e *edit) matches() ([]*cibxml.Element, error) {
	found := e.candidates()
	if e.r.pattern == "" {
		return found, nil
	}
	re, err := regexp.CompilePOSIX(e.r.pattern)
	if err != nil {
		return nil, program.Faultf(api.CodeNoSuchObject, "Error performing operation: the pattern %s is no regular expression: %v", e.r.pattern, err)
	}
	return slices.DeleteFunc(found, func(nv *cibxml.Element) bool { return !re.MatchString(nv.Get("name")) }), nil
}

// sets are the sets of attributes at and below an element.
func sets(e *cibxml.Element, tag string) func(func(*cibxml.Element) bool) {
	return func(yield func(*cibxml.Element) bool) {
		more := true
		e.Walk(func(x *cibxml.Element) bool {
			if x.IsTag(tag) {
				more = more && yield(x)
				return false
			}
			return more
		})
	}
}

// query shows the attributes.
func (e *edit) query(context.Context) error {
	found, err := e.matches()
	if err != nil {
		return err
	}
	for _, nv := range found {
		e.show(nv.Get("name"), nv.Get("value"), "", nv.ID())
	}
	// As in Pacemaker a pattern that does not match the only attribute that there is makes no error.
	if len(found) > 0 || e.r.pattern != "" && len(e.candidates()) == 1 {
		return nil
	}
	if e.r.hasDefault {
		e.show(e.r.name, e.r.fallback, e.t.name, "")
		return nil
	}
	return noSuch()
}

func noSuch() error {
	return program.Faultf(api.CodeNoSuchObject, "Error performing operation: No such device or address")
}

// line writes one attribute.
func (r *request) line(out *output.Out, section, name, value, host, id string) {
	if r.id == "" {
		id = ""
	}
	if out.IsXML() {
		el := cibxml.New("attribute", "name", name, "value", value, "scope", section)
		if id != "" {
			el.Set("id", id)
		}
		if host != "" {
			el.Set("host", host)
		}
		out.Add(el)
		return
	}
	if r.quiet {
		out.Printf("%s\n", value)
		return
	}
	if id != "" {
		id = "id=" + id
	}
	out.Printf("scope=%s %s name=%s value=%s\n", section, id, name, value)
}

func (e *edit) show(name, value, host, id string) {
	e.r.line(e.out, e.t.section, name, value, host, id)
}

// update sets one attribute, or with a pattern all that match.
func (e *edit) update(ctx context.Context) error {
	found, err := e.matches()
	if err != nil {
		return err
	}
	if e.r.pattern != "" {
		for _, nv := range found {
			if err := e.put(ctx, nv, nv.Get("name")); err != nil {
				return err
			}
		}
		return nil
	}
	if len(found) > 1 && e.r.id == "" {
		e.ambiguous(found)
		return program.Faultf(api.CodeNotUnique, "Please choose from one of the matches below and supply the 'id' with --attr-id")
	}
	if len(found) == 0 {
		return e.put(ctx, nil, e.r.name)
	}
	return e.put(ctx, found[0], e.r.name)
}

// ambiguous lists attributes of one name.
func (e *edit) ambiguous(found []*cibxml.Element) {
	e.out.Printf("Multiple attributes match name=%s\n", e.r.name)
	for _, nv := range found {
		e.out.Printf("  Value: %s \t(id=%s)\n", nv.Get("value"), nv.ID())
	}
}

// put sets an attribute that is there, or makes it where nv is nil.
func (e *edit) put(ctx context.Context, nv *cibxml.Element, name string) error {
	cmd := cib.Command{Op: cib.OpModify, Section: scope(e.t.section), AllowCreate: true}
	set := cmp.Or(e.r.set, e.t.setID())
	if nv != nil {
		cmd.Input = cibxml.New("nvpair", "id", nv.ID(), "name", name, "value", e.r.value)
	} else {
		id := cmp.Or(e.r.id, plainID(set+"-"+name))
		cmd.Input = e.around(cibxml.New(e.t.setTag(), "id", plainID(set)).Append(cibxml.New("nvpair", "id", id, "name", name, "value", e.r.value)))
	}
	_, err := e.conn.Do(ctx, cmd)
	var refused *cib.Error
	if errors.As(err, &refused) && refused.Code != api.CodeNotConnected {
		e.out.Errorf("Error setting %s=%s (section=%s, set=%s): %s", name, e.r.value, e.t.section, set, refused.Msg)
		return program.Faultf(refused.Code, "Error performing operation: %s", strings.Join(append([]string{refused.Msg}, refused.Detail...), ": "))
	}
	if err != nil {
		return connectionFault(err)
	}
	return nil
}

// around puts a set of attributes where it belongs.
func (e *edit) around(set *cibxml.Element) *cibxml.Element {
	switch e.t.section {
	case "nodes":
		node := cibxml.New("node", "id", e.t.id)
		if e.t.remote {
			node = cibxml.New("node", "id", e.t.id, "type", "remote", "uname", e.t.name)
		}
		return node.Append(set)
	case "status":
		return cibxml.New("node_state", "id", e.t.id).Append(cibxml.New("transient_attributes", "id", e.t.id).Append(set))
	case "tickets":
		return cibxml.New("tickets").Append(set)
	}
	return cibxml.New(e.t.section).Append(set)
}

// scope is the section of the CIB that a change names.
func scope(section string) string {
	if section == "tickets" {
		return "status"
	}
	return section
}

// plainID makes an id of text: what XML reserves becomes a dot.
func plainID(s string) string { return strings.NewReplacer(":", ".", "#", ".").Replace(s) }

// remove deletes the attributes. What is not there is deleted already.
func (e *edit) remove(ctx context.Context) error {
	found, err := e.matches()
	if err != nil {
		return err
	}
	if len(found) > 1 && e.r.pattern == "" && e.r.id == "" {
		e.ambiguous(found)
		return nil
	}
	for _, nv := range found {
		cmd := cib.Command{Op: cib.OpDelete, Section: scope(e.t.section), Input: cibxml.New("nvpair", "id", nv.ID(), "name", nv.Get("name"))}
		if _, err := e.conn.Do(ctx, cmd); err != nil {
			return connectionFault(err)
		}
		e.deleted(nv)
	}
	return nil
}

func (e *edit) deleted(nv *cibxml.Element) {
	word := "option"
	if e.t.ofNode() || e.t.section == "rsc_defaults" || e.t.section == "op_defaults" {
		word = "attribute"
	}
	set := ""
	if e.r.set != "" {
		set = " set=" + e.r.set
	}
	e.out.Info("Deleted %s %s: id=%s%s name=%s", e.t.section, word, nv.ID(), set, nv.Get("name"))
}
