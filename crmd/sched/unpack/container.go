package unpack

import (
	"fmt"
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/crmd/sched/pairs"
)

// container makes the resource that runs a replica's container.
func (b *Builder) container(r *model.Resource, rep *model.Replica, hosts string) bool {
	c := r.Bundle
	id := cleanID(fmt.Sprintf("%s-%s-%d", r.ID, c.Agent, rep.Offset))
	options, points := runOptions(r.ID, c, rep, hosts)
	params := pairs.Table{{Name: "image", Value: c.Image}, {Name: "allow_pull", Value: "true"},
		{Name: "force_kill", Value: "false"}, {Name: "reuse", Value: "false"},
		{Name: "run_opts", Value: options}, {Name: "mount_points", Value: points}}
	switch {
	case c.RunCommand != "":
		params.Set("run_cmd", c.RunCommand)
	case rep.Child != nil:
		params.Set("run_cmd", "/usr/sbin/pacemaker-remoted")
	}
	params.Set("monitor_cmd", "/bin/true")
	e := cibxml.New("primitive", "id", id, "class", "ocf", "provider", "heartbeat", "type", c.Agent)
	e.Append(block("instance_attributes", fmt.Sprintf("%s-attributes-%d", r.ID, rep.Offset), params))
	e.Append(cibxml.New("operations").Append(operation(id, "monitor", "60s", "")))
	made, ok := b.resource(e, r)
	if !ok {
		return false
	}
	if rep.Child != nil {
		// what the primitive consumes, the container does
		made.Utilization, rep.Child.Utilization = rep.Child.Utilization, nil
	}
	rep.Container = made
	r.Children = append(r.Children, made)
	return true
}

// address makes the resource for a replica's address, if the bundle has a range of them.
func (b *Builder) address(r *model.Resource, rep *model.Replica) bool {
	c := r.Bundle
	if c.IPRange == "" {
		return true
	}
	id := cleanID(fmt.Sprintf("%s-ip-%s", r.ID, rep.Address))
	params := pairs.Table{{Name: "ip", Value: rep.Address}}
	if c.Interface != "" {
		params.Set("nic", c.Interface)
	}
	mask := c.Mask
	if mask == "" {
		mask = "32"
	}
	params.Set("cidr_netmask", mask)
	e := cibxml.New("primitive", "id", id, "class", "ocf", "provider", "heartbeat", "type", "IPaddr2")
	e.Append(block("instance_attributes", fmt.Sprintf("%s-attributes-%d", r.ID, rep.Offset), params))
	e.Append(cibxml.New("operations").Append(operation(id, "monitor", "60s", "")))
	made, ok := b.resource(e, r)
	if !ok {
		return false
	}
	rep.IP = made
	r.Children = append(r.Children, made)
	return true
}

// cleanID makes a text a valid XML id.
func cleanID(s string) string { return strings.NewReplacer(":", ".", "#", ".").Replace(s) }

// runOptions are the container's command line and the mount points that must exist on the host.
func runOptions(bundle string, c *model.BundleConfig, rep *model.Replica, hosts string) (options, points string) {
	name := fmt.Sprintf("%s-%d", bundle, rep.Offset)
	rkt := c.Agent == "rkt"
	pick := func(forRkt, forOthers string) string {
		if rkt {
			return forRkt
		}
		return forOthers
	}
	var o strings.Builder
	if c.Agent == "docker" {
		o.WriteString(" --restart=no")
	}
	if c.IPRange != "" {
		o.WriteString(pick(" --hostname=", " -h ") + name)
	}
	o.WriteString(pick(" --environment=", " -e ") + "PCMK_stderr=1")
	if c.Network != "" {
		o.WriteString(" --net=" + c.Network)
	}
	port := c.ControlPort
	if port == "" {
		port = remotePort
	}
	o.WriteString(pick(" --environment=", " -e ") + "PCMK_remote_port=" + port)
	points = mountOptions(&o, name, c, rkt)
	portOptions(&o, c, rep, rkt)
	if c.HasOptions {
		o.WriteString(" " + c.Options)
	}
	o.WriteString(" " + hosts)
	return o.String(), points
}

func mountOptions(o *strings.Builder, name string, c *model.BundleConfig, rkt bool) string {
	var subdirs []string
	for i, m := range c.Mounts {
		source := m.Source
		if m.Subdir {
			source += "/" + name
			subdirs = append(subdirs, source)
		}
		if rkt {
			fmt.Fprintf(o, " --volume vol%d,kind=host,source=%s", i, source)
			if m.Options != "" {
				o.WriteString("," + m.Options)
			}
			fmt.Fprintf(o, " --mount volume=vol%d,target=%s", i, m.Target)
			continue
		}
		fmt.Fprintf(o, " -v %s:%s", source, m.Target)
		if m.Options != "" {
			o.WriteString(":" + m.Options)
		}
	}
	return strings.Join(subdirs, ",")
}

func portOptions(o *strings.Builder, c *model.BundleConfig, rep *model.Replica, rkt bool) {
	for _, p := range c.Ports {
		switch {
		case rkt && rep.Address != "":
			fmt.Fprintf(o, " --port=%s:%s:%s", p.Target, rep.Address, p.Source)
		case rkt:
			fmt.Fprintf(o, " --port=%s:%s", p.Target, p.Source)
		case rep.Address != "":
			fmt.Fprintf(o, " -p %s:%s:%s", rep.Address, p.Source, p.Target)
		case c.Network != "host":
			fmt.Fprintf(o, " -p %s:%s", p.Source, p.Target)
		}
	}
}
