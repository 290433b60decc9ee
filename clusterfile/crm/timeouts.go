package crm

import (
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/clusterfile"
	"github.com/holdfast-ha/holdfast/clusterfile/build"
	"github.com/holdfast-ha/holdfast/crmd/devices"
	"github.com/holdfast-ha/holdfast/fenced/budget"
)

// fencingTimeout is the cluster property that the budget decides where it is not set.
const fencingTimeout = "stonith-timeout"

// timeouts refuses timeouts that contradict each other, with the inequality, and derives stonith-timeout from the
// budget of [fencing].
func (r *reader) timeouts(conf *cibxml.Element) {
	f := r.file
	cfg := devices.From(cibxml.New("cib").Append(conf), nil)
	if !cfg.Enabled {
		return
	}
	derive := f.Fencing.Budget > 0 && devices.Option(conf, fencingTimeout) == ""
	if derive {
		cfg.Timeout = 0
	}
	derived, conflicts := budget.Check(sections(f).Add(cfg))
	for _, c := range conflicts {
		s, key := r.blame(c)
		if c.Fatal {
			s.Problem(key, "%s", c)
			r.worst(s, key, &derived)
		} else {
			r.advice(s, key, c.String())
		}
	}
	if derive && len(cfg.Devices) > 0 {
		set := conf.Child("crm_config").Child("cluster_property_set")
		if set == nil {
			r.ids.New(BootstrapOptions)
			set = build.Set("cluster_property_set", BootstrapOptions, nil)
			conf.Child("crm_config").Append(set)
		}
		set.Append(cibxml.New("nvpair", "id", r.ids.New(set.ID()+"-"+fencingTimeout), "name", fencingTimeout, "value", budget.Text(derived.Fence)))
	}
}

// sections are the timeouts of the file's own sections.
func sections(f *clusterfile.File) budget.Cluster {
	return budget.Cluster{Token: f.Totem.Effective(), Consensus: f.Totem.Consensus, Grace: f.Totem.StallGrace, TwoNode: f.Quorum.TwoNode,
		Goal: f.Fencing.Budget, SBD: f.Fencing.SBD}
}

// Timeouts are those of a file whose configuration was read without problems.
func Timeouts(f *clusterfile.File, c *Config) budget.Cluster {
	return sections(f).Add(devices.From(cibxml.New("cib").Append(c.Configuration), nil))
}

// blame finds the line of the setting that is most likely wrong.
func (r *reader) blame(c budget.Conflict) (*clusterfile.Section, string) {
	for _, d := range r.devices {
		if c.Device != "" && d.id == c.Device {
			return d.section, "params"
		}
	}
	if properties := r.root.Table("properties"); r.root.Has("properties") && properties.Has(c.Key) {
		return properties, c.Key
	}
	if totem := r.root.Table("totem"); c.Key == "consensus" && r.root.Has("totem") {
		return totem, c.Key
	}
	fencing := r.root.Table("fencing")
	switch {
	case strings.Contains(c.Key, "budget"):
		return fencing, "budget"
	case r.root.Has("fencing") && fencing.Has("sbd"):
		return fencing, "sbd"
	}
	return r.root, "properties"
}

// worst adds the worst case to a problem, so that it can be seen what takes so long.
func (r *reader) worst(s *clusterfile.Section, key string, c *budget.Cluster) {
	if r.told {
		return
	}
	r.told = true
	for _, t := range c.Timelines() {
		var b strings.Builder
		for _, m := range t.Moments {
			b.WriteString("\n    " + budget.Text(m.At) + ": " + m.What)
		}
		of := ""
		if t.Target != "" {
			of = " for " + t.Target
		}
		s.Problem(key, "the worst case%s is:%s", of, b.String())
	}
}
