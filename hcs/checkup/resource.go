package checkup

import "github.com/holdfast-ha/holdfast/hcs/state"

func (c *checker) resources() {
	for i := range c.Cluster.Resources {
		c.resource(&c.Cluster.Resources[i])
	}
}

// resource looks at a resource and what is in it. What is said of a collection is not repeated for its parts.
func (c *checker) resource(r *state.Resource) {
	switch {
	case r.Orphan:
		c.add(Attention, "", "%s was removed from the configuration and still runs", r.ID)
		return
	case r.Disabled:
		if !anyActive(r) {
			c.add(Note, "hcs resource enable "+r.ID, "%s is disabled", r.ID)
			return
		}
	case r.Maintenance && !c.Cluster.Maintenance:
		c.add(Note, "hcs resource update "+r.ID+" meta maintenance=", "%s is in maintenance", r.ID)
		return
	case !r.Managed && !c.Cluster.Maintenance && !c.nodesInMaintenance(r):
		c.add(Note, "hcs resource manage "+r.ID, "the cluster leaves %s alone (is-managed=false)", r.ID)
		return
	}
	if len(r.Members) > 0 {
		for i := range r.Members {
			c.resource(&r.Members[i])
		}
		return
	}
	c.primitive(r)
}

func (c *checker) primitive(r *state.Resource) {
	if r.Blocked {
		c.add(Bad, "make sure that it is stopped, then: hcs resource cleanup "+r.ID, "%s is blocked: it failed in a way that the cluster must not repair by itself", r.ID)
		return
	}
	if count := len(r.Active); count > 1 && !r.Unique && !c.cloned(r.ID) {
		c.add(Bad, "stop all but one", "%s is active on %d nodes", r.ID, count)
	}
	if len(r.Active) == 0 && !r.Disabled && !c.Cluster.Maintenance && !c.Cluster.StopAll {
		c.add(Bad, "hcs explain "+r.ID, "%s does not run", r.ID)
	}
}

func anyActive(r *state.Resource) bool {
	if len(r.Active) > 0 {
		return true
	}
	for i := range r.Members {
		if anyActive(&r.Members[i]) {
			return true
		}
	}
	return false
}

// cloned reports whether a resource is in a clone or a bundle, where several instances are as it should be.
func (c *checker) cloned(id string) bool {
	for _, r := range c.Cluster.Resources {
		if (r.Kind == "clone" || r.Kind == "bundle") && (&state.Cluster{Resources: r.Members}).Find(id) != nil {
			return true
		}
	}
	return false
}

// nodesInMaintenance reports whether the resource is left alone because of the nodes that it runs on.
func (c *checker) nodesInMaintenance(r *state.Resource) bool {
	for _, p := range r.Active {
		if n := c.Cluster.Node(p.Node); n != nil && n.Maintenance {
			return true
		}
	}
	for i := range r.Members {
		if c.nodesInMaintenance(&r.Members[i]) {
			return true
		}
	}
	return false
}
