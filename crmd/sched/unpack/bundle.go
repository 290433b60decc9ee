package unpack

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/crmd/sched/pairs"
	"github.com/holdfast-ha/holdfast/crmd/sched/scalar"
)

// remotePort is where pacemaker-remoted listens when nothing else is configured.
const remotePort = "3121"

// bundle reads a bundle and makes the resources that it implies: for each replica a container, an address
// and a connection, and a clone of the primitive whose instances run inside.
func (b *Builder) bundle(r *model.Resource) bool {
	var technology *cibxml.Element
	for _, name := range []string{"docker", "rkt", "podman"} {
		if technology = r.XML.Child(name); technology != nil {
			break
		}
	}
	if technology == nil {
		return false
	}
	c := b.bundleConfig(r, technology)
	r.Bundle = c
	if c.PerHost == 1 {
		r.Unique = false
	}
	child := r.XML.Child("primitive")
	if child == nil {
		hosts := newAddresses(c)
		for i := range c.Replicas {
			c.List = append(c.List, &model.Replica{Offset: i, Address: hosts.next(r.ID, i)})
		}
		return b.replicas(r, hosts.entries)
	}
	if !b.controllable(r, c) {
		b.log.Error("Cannot control %s inside %s without either ip-range-start or control-port", r.ID, child.ID())
		return false
	}
	inner, ok := b.resource(innerClone(r, c, child), r)
	if !ok {
		return false
	}
	c.Child = inner
	return b.innerInstances(r, c)
}

func (b *Builder) bundleConfig(r *model.Resource, technology *cibxml.Element) *model.BundleConfig {
	attr := technology.Get
	promoted := attr("promoted-max")
	if promoted == "" {
		promoted = attr("masters")
	}
	c := &model.BundleConfig{
		Agent: technology.Name, PromotedMax: scalar.MinInt(promoted, 0), PerHost: scalar.MinInt(attr("replicas-per-host"), 1),
		Image: attr("image"), RunCommand: attr("run-command"), Network: attr("network"), AddHost: true,
	}
	c.Options, c.HasOptions = technology.Lookup("options")
	c.Replicas = scalar.MinInt(attr("replicas"), 1)
	if attr("replicas") == "" && c.PromotedMax > 0 {
		c.Replicas = c.PromotedMax
	}
	c.Replicas = b.bounded(r, "replicas", c.Replicas)
	if net := r.XML.Child("network"); net != nil {
		c.IPRange, c.Mask = net.Get("ip-range-start"), net.Get("host-netmask")
		c.Interface, c.ControlPort = net.Get("host-interface"), net.Get("control-port")
		c.AddHost = !scalar.IsFalse(net.Get("add-host"))
		for p := range net.Tags() {
			b.port(c, p)
		}
	}
	for s := range r.XML.Child("storage").Tags() {
		m := model.Mount{Source: s.Get("source-dir"), Target: s.Get("target-dir"), Options: s.Get("options")}
		if m.Source == "" {
			m.Source, m.Subdir = s.Get("source-dir-root"), true
		}
		if m.Source == "" || m.Target == "" {
			b.log.Error("Invalid mount directive %s", s.ID())
			continue
		}
		c.Mounts = append(c.Mounts, m)
	}
	return c
}

func (b *Builder) port(c *model.BundleConfig, e *cibxml.Element) {
	p := model.Port{Source: e.Get("port")}
	if p.Source == "" {
		p.Source = e.Get("range")
	} else {
		p.Target = e.Get("internal-port")
	}
	if p.Target == "" {
		p.Target = p.Source
	}
	if p.Source == "" {
		b.log.Error("Invalid port directive %s", e.ID())
		return
	}
	c.Ports = append(c.Ports, p)
}

// controllable reports whether the cluster can talk to what is inside the containers.
func (b *Builder) controllable(r *model.Resource, c *model.BundleConfig) bool {
	if c.IPRange != "" {
		return true
	}
	if c.ControlPort != "" && c.PerHost > 1 {
		b.log.Error("Specifying the 'control-port' for %s requires 'replicas-per-host=1'", r.ID)
		c.PerHost = 1
	}
	return c.ControlPort != ""
}

// innerClone is the clone that a bundle with a primitive implies.
func innerClone(r *model.Resource, c *model.BundleConfig, child *cibxml.Element) *cibxml.Element {
	// the old word stays in the name so that a bundle keeps its history
	id := r.ID + "-clone"
	if c.PromotedMax > 0 {
		id = r.ID + "-master"
	}
	meta := pairs.Table{
		{Name: "ordered", Value: "true"}, {Name: "clone-max", Value: strconv.Itoa(c.Replicas)},
		{Name: "clone-node-max", Value: strconv.Itoa(c.PerHost)},
		{Name: "globally-unique", Value: strconv.FormatBool(c.PerHost > 1)},
	}
	if c.PromotedMax > 0 {
		meta.Set("promotable", "true")
		meta.Set("promoted-max", strconv.Itoa(c.PromotedMax))
	}
	return cibxml.New("clone", "id", id).Append(block("meta_attributes", r.ID+"-clone-meta", meta), child)
}

// innerInstances pairs the instances of the inner clone with replicas.
func (b *Builder) innerInstances(r *model.Resource, c *model.BundleConfig) bool {
	log := true
	for _, m := range c.Mounts {
		log = log && m.Target != "/var/log"
	}
	const authkey = "/etc/pacemaker/authkey"
	c.Mounts = append(c.Mounts, model.Mount{Source: authkey, Target: authkey})
	if log {
		c.Mounts = append(c.Mounts, model.Mount{Source: "/var/log/pacemaker/bundles", Target: "/var/log", Subdir: true})
	}
	port := c.ControlPort
	if port == "" {
		port = remotePort
	}
	c.Ports = append(c.Ports, model.Port{Source: port, Target: port})
	hosts := newAddresses(c)
	target, hasTarget := "", false
	for i, inst := range c.Child.Children {
		b.st.Rsc(inst).Exclusive = true
		if inst.Notify {
			c.Child.Notify = true
		}
		c.List = append(c.List, &model.Replica{Offset: i, Child: inst, Address: hosts.next(r.ID, i)})
		target, hasTarget = inst.Meta.Lookup("container-attribute-target")
	}
	if hasTarget {
		r.Meta.Set("container-attribute-target", target)
		c.Child.Meta.Set("container-attribute-target", target)
	}
	return b.replicas(r, hosts.entries)
}

func (b *Builder) replicas(r *model.Resource, hosts string) bool {
	c := r.Bundle
	for _, rep := range c.List {
		if !b.container(r, rep, hosts) || !b.address(r, rep) || rep.Child != nil && !b.connection(r, rep) {
			b.log.Error("Failed unpacking resource %s", r.ID)
			return false
		}
		if rep.Child != nil && rep.Address != "" {
			rep.Child.Meta.Add("external-ip", rep.Address)
			rep.Child.ExternalIP = rep.Address
		}
		if rep.Remote != nil {
			rep.Remote.AllowsRemotes = true
		}
	}
	if c.Child != nil {
		r.Children = append(r.Children, c.Child)
	}
	return true
}

// connection makes the connection to the container, and the node that it leads to. The node is closed to
// everything but the instance inside.
func (b *Builder) connection(r *model.Resource, rep *model.Replica) bool {
	id := fmt.Sprintf("%s-%d", r.ID, rep.Offset)
	if b.m.Resource(id) != nil {
		id = fmt.Sprintf("pcmk-internal-%s-remote-%d", rep.Child.ID, rep.Offset)
	}
	g := guestMeta{node: id, addr: rep.Address, port: r.Bundle.ControlPort}
	if g.addr == "" {
		g.addr = "#uname" // the node on which the container runs
	}
	if g.port == "" {
		g.port = remotePort
	}
	n := b.m.NodeNamed(id)
	if n == nil {
		n = b.addNode(id, id, "remote", -scalar.Inf)
	}
	node := b.st.Node(n)
	node.Score, node.Discover = -scalar.Inf, model.DiscoverNever
	for _, other := range b.m.Resources {
		other.Walk(func(x *model.Resource) {
			if e := b.st.Rsc(x).Allowed.At(n); e != nil {
				e.Score, e.Mode = -scalar.Inf, model.DiscoverNever
			}
		})
	}
	rep.Node = n
	inst := b.st.Rsc(rep.Child)
	inst.Allowed = nil
	inst.Allowed.Put(n, model.Entry{Score: 500, Mode: model.DiscoverExclusive})
	b.st.Rsc(rep.Child.Parent).Allowed.Put(n, model.Entry{Score: -scalar.Inf, Mode: model.DiscoverExclusive})

	conn, ok := b.resource(g.connection(rep.Container.ID), r)
	if !ok {
		return false
	}
	rep.Remote = conn
	for _, o := range b.m.Nodes {
		if e := b.st.Rsc(conn).Allowed.At(o); e != nil && o.IsRemoteType() {
			e.Score = -scalar.Inf
		}
	}
	n.Connection, conn.Node, conn.Container = conn, n, rep.Container
	n.Attrs.Set("#kind", "container")
	r.Children = append(r.Children, conn)
	return true
}

// addresses hands out the addresses of a bundle's range and collects the entries that tell all containers
// about each other.
type addresses struct {
	c       *model.BundleConfig
	last    string
	entries string
}

func newAddresses(c *model.BundleConfig) *addresses { return &addresses{c: c} }

func (a *addresses) next(bundle string, offset int) string {
	if a.c.IPRange == "" {
		return ""
	}
	ip := a.c.IPRange
	if a.last != "" {
		ip = nextIP(a.last)
	}
	a.last = ip
	if a.c.Agent != "rkt" && a.c.AddHost {
		a.entries += fmt.Sprintf(" --add-host=%s-%d:%s", bundle, offset, ip)
	} else {
		a.entries += fmt.Sprintf(" --hosts-entry=%s=%s-%d", ip, bundle, offset)
	}
	return ip
}

// nextIP is the IPv4 address that follows, "" when there is none.
func nextIP(ip string) string {
	var o [4]int
	if n, _ := fmt.Sscanf(ip, "%d.%d.%d.%d", &o[0], &o[1], &o[2], &o[3]); n != 4 || o[2] > 253 {
		return ""
	}
	if o[3] > 253 {
		o[2]++
		o[3] = 1
	} else {
		o[3]++
	}
	parts := make([]string, 4)
	for i := range o {
		parts[i] = strconv.Itoa(o[i])
	}
	return strings.Join(parts, ".")
}
