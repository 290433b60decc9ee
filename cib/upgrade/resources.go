package upgrade

import (
	"slices"
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

// commands are parameters of fence devices that say which action stands for another.
var commands = []string{"list", "monitor", "off", "on", "reboot", "status"}

// ofOperation are names that were allowed among the parameters of an operation but concern how it is run.
var ofOperation = []string{"interval-origin", "start-delay", "enabled", "on-fail", "record-pending", "role", "timeout"}

// settleResource brings a primitive or a template to its new form.
func settleResource(rsc *cibxml.Element) {
	for b := range rsc.Tags("instance_attributes") {
		convert(b, settleParameter)
	}
	for b := range rsc.Tags("meta_attributes") {
		convert(b, settleMeta)
	}
	need := requirement{}
	for ops := range rsc.Tags("operations") {
		for op := range ops.Tags("op") {
			settleOperation(op, &need)
		}
	}
	if need.pair == nil || defines(rsc, "meta_attributes", "requires") {
		return
	}
	rsc.Append(cibxml.New("meta_attributes", "id", need.block(rsc)).Append(need.pair))
}

// settleParameter renames parameters of fence devices.
func settleParameter(p *cibxml.Element) bool {
	name := p.Get("name")
	for _, c := range commands {
		if name == "pcmk_"+c+"_cmd" {
			p.Set("name", "pcmk_"+c+"_action")
		}
	}
	if name == "pcmk_arg_map" {
		arg, ok := strings.CutPrefix(p.Get("value"), "port:")
		if !ok || strings.Contains(arg, ",") {
			return false
		}
		p.Set("name", "pcmk_host_argument")
		p.Set("value", arg)
	}
	return true
}

// settleMeta replaces options that are no more: a resource that was to be isolated is stopped, because running
// it without would be wrong.
func settleMeta(p *cibxml.Element) bool {
	switch dashes(p.Get("name")) {
	case "isolation", "isolation-host", "isolation-instance", "isolation-wrapper":
		p.Set("name", "target-role")
		p.Set("value", "Stopped")
	case "resource-failure-stickiness":
		if !isMinusInfinity(p.Get("value")) {
			return false
		}
		p.Set("name", "migration-threshold")
		p.Set("value", "1")
	}
	return true
}

// requirement is what a resource needs, which operations said once. A later operation overrules an earlier one.
type requirement struct {
	pair *cibxml.Element
	from string // block of the operation that it comes from, "" for the operation itself
}

// block is the id of the block that says it for the resource.
func (r *requirement) block(rsc *cibxml.Element) string {
	if r.from != "" {
		return prefix + r.from
	}
	return prefix + rsc.ID() + "-meta"
}

// settleOperation moves what concerns the operation from its parameters to its options, and what it requires to
// the resource.
func settleOperation(op *cibxml.Element, need *requirement) {
	matters := op.Get("name") == "start" || op.Get("name") == "promote"
	var own requirement
	take := func(block, p *cibxml.Element) {
		if matters {
			q := *p
			own = requirement{&q, block.ID()}
		}
	}
	var options []*cibxml.Element
	dropEmptied(op, "instance_attributes", func(b, p *cibxml.Element) bool {
		switch name := p.Get("name"); {
		case name == "requires":
			take(b, p)
		case slices.Contains(ofOperation, name):
			options = append(options, p)
		default:
			return true
		}
		return false
	})
	dropEmptied(op, "meta_attributes", func(b, p *cibxml.Element) bool {
		if p.Get("name") == "requires" {
			take(b, p)
			return false
		}
		return true
	})
	if value, ok := op.Lookup("requires"); ok {
		op.Unset("requires")
		if matters {
			own = requirement{pair: cibxml.New("nvpair", "id", prefix+op.ID()+"-meta-requires", "name", "requires", "value", value)}
		}
	}
	if own.pair != nil {
		*need = own
	}
	if len(options) > 0 {
		optionsOf(op).Append(options...)
	}
}

// optionsOf is the block of options that always hold for an operation.
func optionsOf(op *cibxml.Element) *cibxml.Element {
	for b := range op.Tags("meta_attributes") {
		if plain(b) {
			return b
		}
	}
	b := cibxml.New("meta_attributes", "id", prefix+op.ID()+"-meta")
	op.Append(b)
	return b
}
