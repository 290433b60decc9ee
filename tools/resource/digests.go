package resource

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/cib/lrm"
	"github.com/holdfast-ha/holdfast/crmd/sched/hashorder"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/crmd/sched/opconf"
	"github.com/holdfast-ha/holdfast/crmd/sched/scalar"
	"github.com/holdfast-ha/holdfast/tools/program"
)

// digest is one of the digests of an operation's parameters.
type digest struct {
	kind, text string
	params     map[string]string
}

// digests shows the digests by which the cluster notices that parameters have changed.
func (c *call) digests(context.Context) error {
	if c.rsc.Kind != model.Primitive {
		return program.Faultf(int(lrm.RCUnimplemented), "")
	}
	overrides := map[string]string{}
	for _, o := range c.operands {
		name, value, ok := strings.Cut(o, "=")
		if !ok {
			return program.Faultf(api.CodeUsage, "Error parsing '%s' as a name=value pair", o)
		}
		overrides[name] = value
	}
	op := c.lastOperation(overrides)
	list := c.digestsOf(op, overrides)
	if c.out.IsXML() {
		order := c.parameterOrder(overrides)
		e := cibxml.New("digests", "resource", c.rsc.ID, "node", c.host.Name, "task", op.task, "interval", itoa(int(op.interval))+"ms")
		for _, d := range list {
			x := cibxml.New("digest", "type", d.kind, "hash", lrm.Digest(d.params))
			params := cibxml.New("parameters")
			for _, name := range slices.Concat(order, slices.Sorted(maps.Keys(d.params))) {
				if value, ok := d.params[name]; ok {
					params.Set(name, value)
				}
			}
			e.Append(x.Append(params))
		}
		c.out.Add(e)
		return nil
	}
	for _, d := range list {
		c.out.Printf("%s (%s)\n", lrm.Digest(d.params), d.text)
	}
	return nil
}

// parameterOrder is the order in which Pacemaker shows parameters.
func (c *call) parameterOrder(overrides map[string]string) []string {
	var names []string
	for _, p := range opconf.New(c.m, c.m.World).Params(c.rsc, c.host) {
		names = append(names, p.Name)
	}
	return append(hashorder.Of(slices.Sorted(maps.Keys(overrides))), hashorder.Of(names)...)
}

// recordedOp is the operation whose digests are wanted.
type recordedOp struct {
	task     string
	interval int64
	record   *model.Op
}

// lastOperation is the last operation on the node that has said what state the resource is in, else the last of
// any kind or, without any history, a start that has not happened.
func (c *call) lastOperation(overrides map[string]string) recordedOp {
	last := recordedOp{task: "start"}
	for _, h := range c.host.Records {
		if h.ID != c.rsc.ID { // as in Pacemaker, instances of anonymous clones have no history of their own
			continue
		}
		telling := false
		for _, o := range h.Sorted {
			tells := o.IntervalMs == 0 && slices.Contains([]string{"monitor", "start", "migrate_from"}, o.Task)
			if tells || !telling {
				last, telling = recordedOp{o.Task, o.IntervalMs, o}, tells
			}
		}
	}
	if text, ok := overrides["CRM_meta_interval"]; ok {
		if ms, err := strconv.ParseInt(text, 10, 64); err == nil && ms >= 0 {
			last.interval = ms
		}
	}
	return last
}

// digestsOf are all parameters, those that are not private, and those that need a restart, as far as the record
// says which these are.
func (c *call) digestsOf(op recordedOp, overrides map[string]string) []digest {
	conf := opconf.New(c.m, c.m.World)
	input := conf.Input(c.rsc, conf.Op(c.rsc, op.task, op.interval, c.host), c.host, "")
	maps.Copy(input, overrides)
	all := lrm.DigestParams(input, op.interval)
	list := []digest{{"all", "all parameters", all}}
	var record *cibxml.Element
	if op.record != nil {
		record = op.record.XML
	}
	old := record == nil || scalar.CompareVersions(record.Get("crm_feature_set"), "3.16.0") < 0
	private, ok := record.Lookup("op-secure-params")
	if !ok && old {
		private = " passwd password user "
	}
	if !old {
		private += " CRM_meta_timeout "
	}
	list = append(list, digest{"nonprivate", "non-private parameters", without(all, private, true)})
	if _, ok := record.Lookup("op-restart-digest"); ok {
		list = append(list, digest{"nonreloadable", "non-reloadable parameters", without(all, record.Get("op-force-restart"), false)})
	}
	return list
}

// without keeps the parameters that are not in a list of words, or with listed false only those that are.
func without(params map[string]string, words string, listed bool) map[string]string {
	kept := map[string]string{}
	for name, value := range params {
		if strings.Contains(words, " "+name+" ") != listed {
			kept[name] = value
		}
	}
	return kept
}
