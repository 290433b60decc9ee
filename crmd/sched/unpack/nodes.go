package unpack

import (
	"slices"
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/crmd/sched/pairs"
	"github.com/holdfast-ha/holdfast/crmd/sched/rule"
	"github.com/holdfast-ha/holdfast/crmd/sched/scalar"
)

// addNode creates a node. It goes before the first node whose name is not lower.
func (b *Builder) addNode(id, name, kind string, score scalar.Score) *model.Node {
	if b.m.NodeNamed(name) != nil {
		b.log.ConfigWarning("More than one node entry has name '%s'", name)
	}
	n := &model.Node{Index: len(b.m.ByIndex), ID: id, Name: name}
	switch strings.ToLower(kind) {
	case "", "member":
		n.Kind = model.Member
	case "remote":
		n.Kind = model.Remote
		b.m.HasRemoteNodes = true
	default:
		// an unknown type has always been taken for a ping node, which runs nothing
		n.Kind = model.Ping
		if strings.EqualFold(kind, "ping") {
			b.log.ConfigWarningOnce("Support for nodes of type 'ping' (such as %s) is deprecated and will be removed in a future release", name)
		} else {
			b.log.ConfigWarning("Node %s has unrecognized type '%s', assuming 'ping'", name, kind)
		}
	}
	n.Attrs.Set("#kind", "cluster")
	if n.Kind == model.Remote {
		n.Attrs.Set("#kind", "remote")
	}
	b.m.ByIndex = append(b.m.ByIndex, n)
	b.st.Nodes = append(b.st.Nodes, model.NodeState{Score: score})
	at := slices.IndexFunc(b.m.Nodes, func(o *model.Node) bool { return scalar.CompareNames(name, o.Name) <= 0 })
	if at < 0 {
		at = len(b.m.Nodes)
	}
	b.m.Nodes = slices.Insert(b.m.Nodes, at, n)
	b.m.IndexNode(n)
	return n
}

func (b *Builder) nodes(section *cibxml.Element) {
	for e := range section.Tags("node") {
		id, ok := e.Lookup("id")
		if !ok {
			b.log.ConfigError("Ignoring <node> entry in configuration without id")
			continue
		}
		n := b.addNode(id, e.Get("uname"), e.Get("type"), b.world.Health.ParseScore(e.Get("score")))
		b.startupFencing(n)
		b.NodeAttributes(n, e, rule.Keep)
		ctx := b.context()
		n.Utilization = ctx.Blocks(n.Utilization, e, "utilization", "", rule.Keep)
	}
}

// startupFencing makes a node unclean that nothing is known of, until its state says something else. A
// remote node whose connection is gone is no danger.
func (b *Builder) startupFencing(n *model.Node) {
	if n.Kind == model.Remote && n.Connection == nil {
		return
	}
	st := b.st.Node(n)
	st.Unclean = b.m.Options.StartupFencing
	st.Unseen = true
}

// NodeAttributes adds the attributes of a node's configuration or of its transient attributes, and those
// that every node has.
func (b *Builder) NodeAttributes(n *model.Node, e *cibxml.Element, how rule.Overwrite) {
	o := &b.m.Options
	n.Attrs.Set("#uname", n.Name)
	n.Attrs.Set("#id", n.ID)
	if strings.EqualFold(n.ID, b.m.DCUUID) {
		n.DC = true
		b.m.DC = n
	}
	dc := "false"
	if n.DC {
		dc = "true"
	}
	n.Attrs.Set("#is_dc", dc)
	if o.ClusterName != "" {
		n.Attrs.Set("#cluster-name", o.ClusterName)
	}
	ctx := b.context()
	n.Attrs = ctx.Blocks(n.Attrs, e, "instance_attributes", "", how)
	if !n.Attrs.Has("#site-name") {
		site := n.Attrs.Get("site-name")
		if site == "" {
			site = o.ClusterName
		}
		if site != "" {
			n.Attrs.Set("#site-name", site)
		}
	}
	n.NoteFailures()
}

// guestMeta is what a primitive's meta attributes say about a guest node inside it.
type guestMeta struct {
	node, addr, port, timeout, migrate, managed string
	hasMigrate, hasManaged                      bool
}

// remoteNodes creates the nodes that resources imply: ocf:pacemaker:remote primitives, and primitives whose
// remote-node names a guest node, for which a connection primitive is appended to the resources. It returns
// the section with these.
func (b *Builder) remoteNodes(section *cibxml.Element) *cibxml.Element {
	if section == nil {
		return nil
	}
	resources := section.Children
	for i := 0; i < len(resources); i++ {
		e := resources[i]
		switch {
		case isRemoteXML(e):
			if b.m.NodeNamed(e.ID()) == nil && e.ID() != "" {
				b.addNode(e.ID(), e.ID(), "remote", 0)
			}
		case e.IsTag("primitive"):
			resources = b.guest(e, resources)
		case e.IsTag("group"):
			for p := range e.Tags("primitive") {
				resources = b.guest(p, resources)
			}
		}
	}
	if len(resources) == len(section.Children) {
		return section
	}
	return section.WithChildren(resources)
}

func isRemoteXML(e *cibxml.Element) bool {
	return e.IsTag("primitive") && strings.EqualFold(e.Get("class"), "ocf") &&
		strings.EqualFold(e.Get("provider"), "pacemaker") && strings.EqualFold(e.Get("type"), "remote")
}

func (b *Builder) guest(e *cibxml.Element, resources []*cibxml.Element) []*cibxml.Element {
	g := guestMeta{timeout: "60s"}
	for meta := range e.Tags("meta_attributes") {
		for p := range meta.Tags("nvpair") {
			g.read(p.Get("name"), p.Get("value"))
		}
	}
	known := slices.ContainsFunc(resources, func(o *cibxml.Element) bool { return o.Kind == cibxml.Tag && o.ID() == g.node })
	if g.node == "" || known {
		return resources
	}
	if b.m.NodeNamed(g.node) == nil {
		b.addNode(g.node, g.node, "remote", 0)
	}
	b.internal[g.node] = true
	return append(slices.Clip(resources), g.connection(e.ID()))
}

func (g *guestMeta) read(name, value string) {
	switch name {
	case "remote-node":
		g.node = value
	case "remote-addr":
		g.addr = value
	case "remote-port":
		g.port = value
	case "remote-connect-timeout":
		g.timeout = value
	case "remote-allow-migrate":
		g.migrate, g.hasMigrate = value, true
	case "is-managed":
		g.managed, g.hasManaged = value, true
	}
}

// connection is the primitive through which a guest node is reached.
func (g *guestMeta) connection(container string) *cibxml.Element {
	e := cibxml.New("primitive", "id", g.node, "class", "ocf", "provider", "pacemaker", "type", "remote")
	meta := pairs.Table{{Name: "internal_rsc", Value: "true"}, {Name: "container", Value: container}}
	if g.hasMigrate {
		meta.Set("allow-migrate", g.migrate)
	}
	if g.hasManaged {
		meta.Set("is-managed", g.managed)
	}
	e.Append(block("meta_attributes", g.node+"-meta_attributes", meta))
	ops := cibxml.New("operations").Append(operation(g.node, "monitor", "30s", "30s"))
	if g.timeout != "" {
		ops.Append(operation(g.node, "start", "0", g.timeout))
	}
	var params pairs.Table
	if g.addr != "" {
		params.Set("addr", g.addr)
	}
	if g.port != "" {
		params.Set("port", g.port)
	}
	if len(params) > 0 {
		e.Append(block("instance_attributes", g.node+"-instance_attributes", params))
	}
	return e.Append(ops)
}

// block makes a block of pairs whose ids follow from the block's.
func block(name, id string, table pairs.Table) *cibxml.Element {
	e := cibxml.New(name, "id", id)
	for _, p := range table {
		e.Append(cibxml.New("nvpair", "id", id+"-"+p.Name, "name", p.Name, "value", p.Value))
	}
	return e
}

// operation makes an operation of an implied resource; an empty timeout is left out.
func operation(rsc, name, interval, timeout string) *cibxml.Element {
	e := cibxml.New("op", "id", rsc+"-"+name+"-"+interval, "name", name, "interval", interval)
	if timeout != "" {
		e.Set("timeout", timeout)
	}
	return e
}
