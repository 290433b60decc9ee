package gen

import (
	"strconv"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

func (b *builder) name(kind string) string {
	b.count++
	return kind + strconv.Itoa(b.count)
}

func (b *builder) resources() {
	r := b.r
	all := b.section("resources")
	if r.Chance(15) {
		t := b.agent(cibxml.New("template", "id", b.name("tmpl")), false)
		b.templates = append(b.templates, t.ID())
		all.Append(t)
	}
	b.theme = One(r, anything, anything, anything, bundles, connections, promotions, fencing, migrations)
	if r.Chance(70) || b.theme == fencing {
		for n := r.Between(1, 2+b.when(fencing, 2)); n > 0; n-- {
			all.Append(b.fence())
		}
	}
	if r.Chance(18 + b.when(connections, 70)) {
		for n := r.Between(1, 2); n > 0; n-- {
			all.Append(b.remote())
		}
	}
	if r.Chance(18 + b.when(connections, 70)) {
		for n := r.Between(1, 2); n > 0; n-- {
			all.Append(b.guest())
		}
	}
	for n := r.Between(1, 6); n > 0; n-- {
		all.Append(b.top())
	}
	if r.Chance(20) {
		r.shuffle(all.Children)
	}
}

func (r *Rand) shuffle(list []*cibxml.Element) {
	for i := len(list) - 1; i > 0; i-- {
		j := r.Intn(i + 1)
		list[i], list[j] = list[j], list[i]
	}
}

// theme is what a cluster has more of than others, so that things of one kind meet.
type theme int

const (
	anything theme = iota
	bundles
	connections
	promotions
	fencing
	migrations
)

// when is n in clusters with that theme, else 0.
func (b *builder) when(t theme, n int) int {
	if b.theme == t {
		return n
	}
	return 0
}

func (b *builder) top() *cibxml.Element {
	if r := b.r; r.Chance(60) {
		switch b.theme {
		case bundles:
			return b.bundle()
		case promotions:
			return b.clone(b.primitive(true), true)
		case migrations:
			e := One(r, b.primitive, b.group)(false)
			b.pair(b.block(e, "meta_attributes"), "allow-migrate", "true")
			if r.Chance(30) {
				e = b.clone(e, false)
			}
			return e
		}
	}
	switch r := b.r; r.Intn(20) {
	case 0, 1, 2, 3, 4, 5:
		return b.primitive(false)
	case 6, 7, 8:
		return b.group(false)
	case 9, 10, 11:
		return b.clone(b.primitive(false), false)
	case 12, 13:
		return b.clone(b.group(false), false)
	case 14, 15, 16:
		return b.clone(b.primitive(true), true)
	case 17:
		return b.clone(b.group(true), true)
	default:
		return b.bundle()
	}
}

// meta gives a resource a few meta attributes.
func (b *builder) meta(e *cibxml.Element, from []pairOf, n int) {
	for ; n > 0; n-- {
		p := from[b.r.Intn(len(from))]
		if p.name == "remote-node" || p.name == "target-role" && !b.r.Chance(40) || p.name == "is-managed" && !b.r.Chance(40) {
			continue
		}
		b.pair(b.block(e, "meta_attributes"), p.name, p.value(b.r))
	}
}

// agent chooses what a primitive is.
func (b *builder) agent(e *cibxml.Element, promotable bool) *cibxml.Element {
	r := b.r
	kinds := [][3]string{{"ocf", "pacemaker", "Dummy"}, {"ocf", "pacemaker", "Dummy"}, {"ocf", "heartbeat", "IPaddr2"}, {"ocf", "heartbeat", "apache"},
		{"systemd", "", "httpd"}, {"lsb", "", "exim"}, {"ocf", "heartbeat", "Filesystem"}, {"service", "", "cron"}}
	k := kinds[r.Intn(len(kinds))]
	if promotable {
		k = [3]string{"ocf", "pacemaker", "Stateful"}
	}
	e.Set("class", k[0])
	if k[1] != "" {
		e.Set("provider", k[1])
	}
	e.Set("type", k[2])
	return e
}

func (b *builder) primitive(promotable bool) *cibxml.Element {
	r := b.r
	e := cibxml.New("primitive", "id", b.name("rsc"))
	if len(b.templates) > 0 && !promotable && r.Chance(40) {
		e.Set("template", b.templates[0])
	} else {
		b.agent(e, promotable)
	}
	b.meta(e, rscMeta, One(r, 0, 0, 0, 1, 1, 2))
	if r.Chance(40) {
		b.pair(b.block(e, "instance_attributes"), One(r, "state", "ip", "fake", "passwd"), One(r, "a", "b", "192.168.1.1"))
	}
	if r.Chance(25) {
		b.pair(b.block(e, "utilization"), One(r, "cpu", "memory"), strconv.Itoa(r.Between(1, 6)))
	}
	b.operations(e, promotable)
	return e
}

func (b *builder) operations(e *cibxml.Element, promotable bool) {
	r := b.r
	ops := cibxml.New("operations")
	add := func(name, interval, role string) {
		op := cibxml.New("op", "id", b.id(), "name", name, "interval", interval)
		if role != "" {
			op.Set("role", role)
		}
		if r.Chance(30) {
			op.Set("timeout", One(r, "20s", "90s", "5min"))
		}
		if r.Chance(22) {
			op.Set("on-fail", One(r, "ignore", "block", "stop", "restart", "demote", "standby", "fence"))
		}
		if r.Chance(4) {
			op.Set("enabled", "false")
		}
		ops.Append(op)
	}
	if promotable && r.Chance(70) {
		add("monitor", "10s", "Master")
		add("monitor", "20s", "Slave")
	} else if r.Chance(75) {
		add("monitor", "10s", "")
	}
	if r.Chance(10) {
		add("monitor", "20s", One(r, "Stopped", "Started"))
	}
	for _, task := range []string{"start", "stop", "promote", "demote", "migrate_to"} {
		if r.Chance(12) && (promotable || task == "start" || task == "stop" || task == "migrate_to") {
			add(task, One(r, "0", "0s"), "")
		}
	}
	if len(ops.Children) > 0 {
		e.Append(ops)
	}
}

func (b *builder) group(promotable bool) *cibxml.Element {
	r := b.r
	g := cibxml.New("group", "id", b.name("grp"))
	b.meta(g, rscMeta, One(r, 0, 0, 0, 1, 2))
	if r.Chance(15) {
		b.pair(b.block(g, "meta_attributes"), One(r, "ordered", "collocated"), boolean(r))
	}
	for n := r.Between(1, 4); n > 0; n-- {
		g.Append(b.primitive(promotable))
	}
	return g
}

func (b *builder) clone(of *cibxml.Element, promotable bool) *cibxml.Element {
	r := b.r
	c := cibxml.New("clone", "id", of.ID()+"-clone")
	b.meta(c, cloneMeta, One(r, 0, 0, 1, 2, 3))
	b.meta(c, rscMeta, One(r, 0, 0, 0, 1))
	if promotable {
		b.pair(b.block(c, "meta_attributes"), "promotable", "true")
	}
	c.Append(of)
	return c
}

func (b *builder) fence() *cibxml.Element {
	r := b.r
	f := cibxml.New("primitive", "id", b.name("fence"), "class", "stonith", "type", One(r, "fence_xvm", "fence_ipmilan", "fence_scsi"))
	attrs := b.block(f, "instance_attributes")
	b.pair(attrs, "pcmk_host_list", b.node(r))
	if r.Chance(50) {
		b.pair(attrs, "ipaddr", "10.0.0.1")
	}
	if r.Chance(12) {
		b.pair(b.block(f, "meta_attributes"), "provides", "unfencing")
	}
	if r.Chance(60) {
		f.Append(cibxml.New("operations").Append(cibxml.New("op", "id", b.id(), "name", "monitor", "interval", "60s")))
	}
	return f
}

func (b *builder) remote() *cibxml.Element {
	r := b.r
	e := cibxml.New("primitive", "id", b.name("remote"), "class", "ocf", "provider", "pacemaker", "type", "remote")
	b.remotes = append(b.remotes, e.ID())
	b.nodes = append(b.nodes, e.ID())
	attrs := b.block(e, "instance_attributes")
	if r.Chance(60) {
		b.pair(attrs, "server", "10.1.1.1")
	}
	if r.Chance(30) {
		b.pair(attrs, "reconnect_interval", One(r, "60", "60s"))
	}
	if len(attrs.Children) == 0 {
		e.Children = e.Children[:0]
	}
	b.meta(e, rscMeta, One(r, 0, 0, 0, 1))
	if r.Chance(70) {
		e.Append(cibxml.New("operations").Append(cibxml.New("op", "id", b.id(), "name", "monitor", "interval", One(r, "20s", "60s"))))
	}
	return e
}

func (b *builder) guest() *cibxml.Element {
	e := b.primitive(false)
	e.Unset("template")
	e.Set("class", "ocf")
	e.Set("provider", "heartbeat")
	e.Set("type", "VirtualDomain")
	name := b.name("guest")
	b.remotes = append(b.remotes, name)
	b.nodes = append(b.nodes, name)
	b.pair(b.block(e, "meta_attributes"), "remote-node", name)
	return e
}

func (b *builder) bundle() *cibxml.Element {
	r := b.r
	e := cibxml.New("bundle", "id", b.name("bundle"))
	c := cibxml.New(One(r, "docker", "podman", "rkt"), "image", "pcmk:http")
	if r.Chance(70) {
		c.Set("replicas", One(r, "1", "2", "3"))
	}
	if r.Chance(20) {
		c.Set("replicas-per-host", One(r, "1", "2"))
	}
	promoted := r.Chance(40)
	if promoted {
		c.Set("promoted-max", One(r, "1", "1", "2"))
	}
	if r.Chance(20) {
		c.Set("options", "--log-driver=journald")
	}
	net := cibxml.New("network")
	if r.Chance(50) {
		net.Set("ip-range-start", "192.168.122."+One(r, "131", "254"))
		if r.Chance(40) {
			net.Set("host-netmask", "24")
		}
	}
	if r.Chance(30) {
		net.Set("add-host", boolean(r))
	}
	if len(net.Attrs) == 0 || r.Chance(60) {
		net.Set("control-port", One(r, "3121", "9999"))
	}
	if r.Chance(40) {
		net.Append(cibxml.New("port-mapping", "id", b.id(), "port", "80"))
	}
	if r.Chance(20) {
		b.meta(e, rscMeta, 1)
	}
	e.Append(c, net)
	if r.Chance(50) {
		e.Append(cibxml.New("storage").Append(cibxml.New("storage-mapping", "id", b.id(), One(r, "source-dir", "source-dir-root"), "/srv", "target-dir", "/var/www")))
	}
	if r.Chance(80) {
		e.Append(b.primitive(promoted))
	}
	return e
}
