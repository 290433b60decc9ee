package sketch

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/cib/lrm"
)

// status makes the section of what is known about nodes and resources.
func (s *sketch) status() (*cibxml.Element, error) {
	status := cibxml.New("status")
	if err := s.attributes(); err != nil {
		return nil, err
	}
	if err := s.history(); err != nil {
		return nil, err
	}
	for _, name := range s.order {
		if e := s.states[name]; e != nil {
			status.Append(e)
		}
	}
	tickets := cibxml.New("tickets")
	for line := range strings.Lines(s.sections["tickets"]) {
		if words := strings.Fields(line); len(words) > 0 {
			t := cibxml.New("ticket_state", "id", words[0])
			for _, w := range words[1:] {
				k, v, _ := strings.Cut(w, "=")
				t.Set(k, v)
			}
			tickets.Append(t)
		}
	}
	if len(tickets.Children) > 0 {
		status.Append(tickets)
	}
	return status, nil
}

// attributes adds the transient attributes.
func (s *sketch) attributes() error {
	for line := range strings.Lines(s.sections["attributes"]) {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		e := s.states[words[0]]
		if e == nil {
			return fmt.Errorf("section attributes: there is no node %q with a state", words[0])
		}
		block := e.Child("transient_attributes")
		if block == nil {
			block = cibxml.New("transient_attributes", "id", e.ID())
			e.Append(block)
		}
		block.Append(pairs("instance_attributes", fmt.Sprintf("status-%s-%d", e.ID(), len(block.Children)), words[1:], "")...)
	}
	return nil
}

// history adds operations: first that nothing runs where no line says anything else, then the lines.
func (s *sketch) history() error {
	agent := map[string]*cibxml.Element{}
	var names []string
	primitives(s.resources, func(id string, p *cibxml.Element) {
		if t := s.resources.Find("template", p.Get("template")); t != nil && p.Get("template") != "" {
			p = t
		}
		agent[id], names = p, append(names, id)
	})
	lines := map[[2]string][][]string{}
	for line := range strings.Lines(s.sections["history"]) {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		if len(words) < 3 {
			return fmt.Errorf("section history: %q: NODE RESOURCE TASK are needed", strings.TrimSpace(line))
		}
		at := [2]string{words[0], words[1]}
		if s.states[words[0]] == nil {
			return fmt.Errorf("section history: there is no node %q with a state", words[0])
		}
		if agent[words[1]] == nil {
			agent[words[1]] = cibxml.New("primitive", "class", "ocf", "provider", "pacemaker", "type", "Dummy")
			names = append(names, words[1])
		}
		lines[at] = append(lines[at], words[2:])
	}
	for _, node := range s.order {
		for _, rsc := range names {
			ops := lines[[2]string{node, rsc}]
			online := s.states[node] != nil && s.states[node].Get("crmd") == "online"
			if ops == nil && s.probed && online {
				ops = [][]string{{"monitor", "7", "target=7"}}
			}
			if err := s.record(node, rsc, agent[rsc], ops); err != nil {
				return err
			}
		}
	}
	return nil
}

// record adds the history of a resource on a node.
func (s *sketch) record(node, rsc string, p *cibxml.Element, ops [][]string) error {
	if len(ops) == 0 {
		return nil
	}
	e := s.states[node]
	lrm := e.Child("lrm")
	if lrm == nil {
		lrm = cibxml.New("lrm", "id", e.ID()).Append(cibxml.New("lrm_resources"))
		e.Append(lrm)
	}
	r := cibxml.New("lrm_resource", "id", rsc, "class", p.Get("class"), "type", p.Get("type"))
	if v := p.Get("provider"); v != "" {
		r.Set("provider", v)
	}
	for _, words := range ops {
		op, err := s.operation(node, rsc, words)
		if err != nil {
			return fmt.Errorf("section history: %s %s %s: %w", node, rsc, strings.Join(words, " "), err)
		}
		if _, ok := op.Lookup("op-digest"); !ok {
			op.Set("op-digest", digest(p, op))
		}
		r.Append(op)
	}
	lrm.Child("lrm_resources").Append(r)
	return nil
}

// operation is one line: TASK[/INTERVAL] [RC] [ATTRIBUTE=VALUE...]. target is what was expected, at the time
// relative to now in seconds; every other attribute is taken as it is, with | for a blank.
func (s *sketch) operation(node, rsc string, words []string) (*cibxml.Element, error) {
	task, interval, _ := strings.Cut(words[0], "/")
	ms := int64(0)
	if interval != "" {
		n, err := strconv.ParseInt(strings.TrimSuffix(interval, "s"), 10, 64)
		if err != nil {
			return nil, fmt.Errorf("interval: %w", err)
		}
		ms = n * 1000
	}
	rc, target, at := 0, 0, int64(-600)
	more := cibxml.New("more")
	for i, w := range words[1:] {
		key, value, isAttr := strings.Cut(w, "=")
		n, err := strconv.Atoi(w[strings.IndexByte(w, '=')+1:])
		switch {
		case !isAttr && i == 0 && err == nil:
			rc = n
		case !isAttr:
			return nil, fmt.Errorf("%q is no RC and no ATTRIBUTE=VALUE", w)
		case key == "target" && err == nil:
			target = n
		case key == "at" && err == nil:
			at = int64(n)
		default:
			more.Set(key, strings.ReplaceAll(value, "|", " "))
		}
	}
	status := more.Get("op-status")
	if status == "" {
		status = "0"
	}
	s.calls++
	key := fmt.Sprintf("%s_%s_%d", rsc, task, ms)
	id := key
	if rc != target && status == "0" {
		id = rsc + "_last_failure_0"
	}
	transition := fmt.Sprintf("%d:1:%d:5a1f7f5e-0000-4000-8000-000000000001", s.calls, target)
	op := cibxml.New("lrm_rsc_op", "id", id, "operation_key", key, "operation", task, "crm-debug-origin", "sketch",
		"crm_feature_set", "3.16.1", "transition-key", transition,
		"transition-magic", fmt.Sprintf("%s:%d;%s", status, rc, transition), "exit-reason", "", "on_node", node,
		"call-id", strconv.Itoa(s.calls), "rc-code", strconv.Itoa(rc), "op-status", status, "interval", fmt.Sprint(ms),
		"last-rc-change", fmt.Sprint(s.now+at), "exec-time", "0", "queue-time", "0")
	for _, a := range more.Attrs {
		op.Set(a.Name, a.Value)
	}
	return op, nil
}

// digest is that of the parameters that the resource has now, so that the operation was done with them.
func digest(p, op *cibxml.Element) string {
	params := map[string]string{}
	for block := range p.Tags("instance_attributes") {
		for pair := range block.Tags("nvpair") {
			params[pair.Get("name")] = pair.Get("value")
		}
	}
	interval, _ := strconv.ParseInt(op.Get("interval"), 10, 64) // written above
	if interval > 0 {
		params["CRM_meta_timeout"] = "20000"
	}
	return lrm.Digest(lrm.DigestParams(params, interval))
}
