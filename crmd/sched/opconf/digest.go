package opconf

import (
	"slices"
	"strconv"
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/cib/lrm"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/crmd/sched/pairs"
	"github.com/holdfast-ha/holdfast/crmd/sched/scalar"
)

// Change is how an operation's parameters differ from those it was run with.
type Change uint8

const (
	Same Change = iota
	// Unknown means that the record says nothing of its parameters.
	Unknown
	// Changed parameters can be applied without a restart.
	Changed
	// Restart means that a parameter changed that only a restart applies.
	Restart
)

// opKey names an operation as history does.
func opKey(r *model.Resource, c *Conf) string {
	return r.ID + "_" + c.Name + "_" + strconv.FormatInt(c.IntervalMs, 10)
}

// Digests are the digests of one operation's parameters as they are configured now.
type Digests struct {
	All, Restart, Secure string
	Extra                bool // the operation has parameters of its own

	op *model.Op // the record that they were made for
}

// Input is what an operation is run with: the resource's parameters, the operation's own, and its meta
// attributes. addr replaces the parameter of that name of a bundle's connection; "" leaves it.
func (v *Resolver) Input(r *model.Resource, c *Conf, n *model.Node, addr string) map[string]string {
	out := map[string]string{}
	if addr != "" {
		out["addr"] = addr
	}
	add := func(t pairs.Table, prefix string) {
		for _, p := range t {
			name := p.Name
			if prefix != "" {
				if strings.ContainsAny(name, "#:") {
					continue
				}
				name = prefix + strings.ReplaceAll(name, "-", "_")
			}
			if _, ok := out[name]; !ok {
				out[name] = p.Value
			}
		}
	}
	add(v.Params(r, n), "")
	if n != nil {
		add(v.Extra(c, n), "")
	}
	add(c.Meta, "CRM_meta_")
	return out
}

// Compute works out the digests of an operation. op is the record to compare with, which says which
// parameters need a restart and which are secret; it may be nil. The digest without the secret ones is only
// made when it is asked for.
func (v *Resolver) Compute(r *model.Resource, c *Conf, n *model.Node, addr string, op *model.Op, secure bool) Digests {
	input := v.Input(r, c, n, addr)
	all := lrm.DigestParams(input, scalar.IntOr(input["CRM_meta_interval"], 0))
	d := Digests{All: lrm.Digest(all)}
	if n != nil {
		d.Extra = len(v.Extra(c, n)) > 0
	}
	var xml *cibxml.Element
	if op != nil {
		xml = op.XML
	}
	if op != nil && op.RestartDigest != "" {
		list, listed := xml.Lookup("op-force-restart")
		d.Restart = lrm.Digest(keep(all, func(name string) bool { return !listed || inList(list, name) }))
	}
	if secure {
		d.Secure = v.secure(r, c, n, xml, all)
	}
	return d
}

// secure is the digest without the parameters that must not be shown.
func (v *Resolver) secure(r *model.Resource, c *Conf, n *model.Node, xml *cibxml.Element, all map[string]string) string {
	hidden, version := " passwd password user ", v.m.FeatureSet
	if xml != nil {
		hidden, version = xml.Get("op-secure-params"), xml.Get("crm_feature_set")
	}
	if xml == nil && version == "" || scalar.CompareVersions(version, "3.16.0") >= 0 {
		// nor the timeout, which is no parameter of the agent
		return lrm.Digest(keep(all, func(name string) bool { return !inList(hidden, name) && name != "CRM_meta_timeout" }))
	}
	// older versions left the operation's own parameters and those of the fencer out
	plain := map[string]string{}
	for _, p := range v.Params(r, n) {
		plain[p.Name] = p.Value
	}
	return lrm.Digest(lrm.DigestParams(keep(plain, func(name string) bool {
		return !inList(hidden, name) && !(r.FenceDevice && fencerOwn(name))
	}), 0))
}

// fencerOwn reports whether a parameter of a fence device is for the fencer and not for the agent.
func fencerOwn(name string) bool {
	switch name {
	case "provides", "stonith-timeout", "pcmk_action_limit", "pcmk_delay_base", "pcmk_delay_max", "pcmk_host_argument",
		"pcmk_host_check", "pcmk_host_list", "pcmk_host_map":
		return true
	}
	rest, ok := strings.CutPrefix(name, "pcmk_")
	if !ok {
		return false
	}
	_, what, ok := strings.Cut(rest, "_")
	return ok && slices.Contains([]string{"action", "timeout", "retries"}, what)
}

func keep(in map[string]string, want func(name string) bool) map[string]string {
	out := make(map[string]string, len(in))
	for name, value := range in {
		if want(name) {
			out[name] = value
		}
	}
	return out
}

func inList(list, name string) bool { return strings.Contains(list, " "+name+" ") }

// Compare tells how the parameters of a recorded operation have changed.
func (d Digests) Compare(op *model.Op) Change {
	recorded := op.XML.Get("op-digest")
	switch {
	case d.Restart != "" && op.RestartDigest != "" && d.Restart != op.RestartDigest:
		return Restart
	case recorded == "":
		return Unknown
	case recorded == d.All:
		return Same
	case op.IntervalMs == 0 && d.Extra:
		return Restart
	}
	return Changed
}
