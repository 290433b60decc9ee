package location

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/cib"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/sched/isotime"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/tools/cibclient"
	"github.com/holdfast-ha/holdfast/tools/program"
)

// Clear removes the constraints that move and ban made.
func (c *Request) Clear(ctx context.Context) error {
	var gone []string
	var err error
	if c.Expired {
		gone, err = c.clearExpired(ctx)
	} else {
		before := c.madeByUs()
		if err = c.clearFor(ctx, c.Rsc, c.Node, true); err == nil {
			err = c.reread(ctx)
		}
		after := c.madeByUs()
		gone = slices.DeleteFunc(before, func(id string) bool { return slices.Contains(after, id) })
	}
	if err != nil {
		return err
	}
	slices.Sort(gone)
	for _, id := range gone {
		c.Out.Info("Removing constraint: %s", id)
	}
	return nil
}

// madeByUs are the ids of the constraints that move and ban made.
func (c *Request) madeByUs() []string {
	var ids []string
	for e := range c.Doc.Child("configuration").Child("constraints").Tags("rsc_location") {
		if strings.HasPrefix(e.ID(), "cli-") {
			ids = append(ids, e.ID())
		}
	}
	return ids
}

// clearFor removes the constraints of a resource: of all nodes for nil. A preference for another node than n
// goes only by force.
func (c *Request) clearFor(ctx context.Context, r *model.Resource, n *model.Node, bansToo bool) error {
	rsc := r.XMLID
	if r.Kind != model.Primitive {
		rsc = r.ID
	}
	names := []string{rsc}
	if rsc != c.Name {
		names = append(names, c.Name)
	}
	for _, name := range names {
		for e := range c.Doc.Child("configuration").Child("constraints").Tags("rsc_location") {
			prefer := e.ID() == "cli-prefer-"+name
			on, banned := strings.CutPrefix(e.ID(), "cli-ban-"+name+"-on-")
			switch {
			case prefer && n != nil && !c.Force && !prefers(e, n.Name):
				continue
			case banned && (n != nil && on != n.Name || n == nil && !bansToo):
				continue
			case !prefer && !banned:
				continue
			}
			cmd := cib.Command{Op: cib.OpDelete, Section: "constraints", Input: cibxml.New("rsc_location", "id", e.ID())}
			if err := c.write(ctx, cmd); err != nil {
				return err
			}
		}
	}
	return nil
}

// prefers reports whether a preference names a node.
func prefers(e *cibxml.Element, node string) bool {
	if e.Get("node") == node {
		return true
	}
	for ru := range e.Tags("rule") {
		for x := range ru.Tags("expression") {
			if x.Get("attribute") == "#uname" && x.Get("value") == node {
				return true
			}
		}
	}
	return false
}

// clearExpired removes the constraints whose lifetime is over, and returns their ids.
func (c *Request) clearExpired(ctx context.Context) ([]string, error) {
	now := isotime.FromUnix(time.Now().Unix(), time.UTC)
	var gone []string
	for e := range c.Doc.Child("configuration").Child("constraints").Tags("rsc_location") {
		if !strings.HasPrefix(e.ID(), "cli-") || !c.concerned(e) {
			continue
		}
		end, ok := lifetimeEnd(e)
		if t, valid := isotime.Parse(end, now); !ok || !valid || !t.Before(now) {
			continue
		}
		if err := c.write(ctx, cib.Command{Op: cib.OpDelete, Section: "constraints", Input: cibxml.New("rsc_location", "id", e.ID())}); err != nil {
			return nil, err
		}
		gone = append(gone, e.ID())
	}
	return gone, nil
}

// concerned reports whether --resource and --node mean a constraint. As in Pacemaker a node is only found in a
// preference.
func (c *Request) concerned(e *cibxml.Element) bool {
	if c.Name != "" && e.Get("rsc") != c.Name {
		return false
	}
	return c.Node == nil || e.ID() == "cli-prefer-"+e.Get("rsc") && prefers(e, c.Node.Name)
}

// lifetimeEnd is when a constraint's rule ends.
func lifetimeEnd(e *cibxml.Element) (string, bool) {
	for ru := range e.Tags("rule") {
		for x := range ru.Tags("date_expression") {
			if end, ok := x.Lookup("end"); ok && strings.Contains(x.ID(), "lifetime") {
				return end, true
			}
		}
	}
	return "", false
}

// reread reads the CIB again.
func (c *Request) reread(ctx context.Context) error {
	doc, err := c.Conn.Query(ctx, "")
	if err == nil {
		c.Doc = doc
	}
	return err
}

// write changes the CIB.
func (c *Request) write(ctx context.Context, cmd cib.Command) error {
	if _, err := c.Conn.Do(ctx, cmd); err != nil {
		return program.Faultf(cibclient.ExitCode(err), "Could not change the CIB: %v", err)
	}
	return nil
}
