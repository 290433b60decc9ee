package crm

import (
	"strconv"
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/clusterfile"
	"github.com/holdfast-ha/holdfast/clusterfile/agent"
	"github.com/holdfast-ha/holdfast/clusterfile/build"
	"github.com/holdfast-ha/holdfast/clusterfile/option"
	"github.com/holdfast-ha/holdfast/crmd/executor/metadata"
)

// device is a [[stonith]] section, for advice about what is covered.
type device struct {
	id      string
	section *clusterfile.Section
	params  map[string]string
}

// resources reads [[stonith]], [[group]] and [[resource]]. Groups stand where their first member does.
func (r *reader) resources() *cibxml.Element {
	list := cibxml.New("resources")
	for _, s := range r.root.Tables("stonith") {
		list.Append(r.stonith(s))
	}
	r.readGroups()
	for _, s := range r.root.Tables("resource") {
		if e := r.resource(s); e != nil {
			list.Append(e)
		}
	}
	for _, g := range r.groups {
		r.finishGroup(g, list)
	}
	return list
}

// resource reads one [[resource]]. A member of a group goes into the group, and nil is returned unless it is the
// first.
func (r *reader) resource(s *clusterfile.Section) *cibxml.Element {
	p := build.Primitive{ID: s.Str("id", ""), Description: s.Str("description", "")}
	r.identify(s, p.ID, kindResource)
	ref, a := r.agent(s, p.ID)
	p.Class, p.Provider, p.Type = ref.Class, ref.Provider, ref.Type
	p.Params = r.params(s, p.ID, ref, a)
	p.Meta = r.options(s, "meta", option.Resource)
	p.Ops = r.operations(s, ref, a)
	p.Utilities = r.utilization(s)
	group := s.Str("group", "")
	meta, clone := r.clone(s, p.ID)
	s.Done()
	e := p.Element()
	r.ids.Add(e)
	if clone != "" && group != "" {
		s.Problem("clone", "a member of a group cannot be a clone; write clone in the [[group]] %q", group)
		clone = ""
	}
	switch {
	case group != "":
		return r.join(s, group, e)
	case clone != "":
		return build.Clone(clone, meta, e)
	}
	return e
}

// identify checks and notes the id of a section.
func (r *reader) identify(s *clusterfile.Section, id, kind string) {
	if !s.Has("id") {
		s.Problem("id", "is missing")
		return
	}
	r.define(id, kind, s, "id")
}

// agent reads and checks the agent of a resource. The metadata is nil when nothing is known of the agent.
func (r *reader) agent(s *clusterfile.Section, id string) (agent.Ref, *metadata.Agent) {
	text := s.Str("agent", "")
	if !s.Has("agent") {
		s.Problem("agent", "is missing; write for example agent = \"ocf:heartbeat:IPaddr2\"")
		return agent.Ref{}, nil
	}
	ref, err := agent.ParseRef(text)
	if err != nil {
		if found, ferr := agent.Find(r.src.Agents, text); ferr == nil {
			s.Problem("agent", "%v; did you mean %q?", err, found)
		} else {
			s.Problem("agent", "%v", err)
		}
		return agent.Ref{}, nil
	}
	if ref.Class == "stonith" {
		s.Problem("agent", "%s is a fence agent; write it in a section [[stonith]] with agent = %q", ref, ref.Type)
		return ref, nil
	}
	return ref, r.describe(s, ref)
}

func (r *reader) describe(s *clusterfile.Section, ref agent.Ref) *metadata.Agent {
	a, known := r.src.Agents.Describe(ref)
	if known && a == nil {
		s.Problem("agent", "%s", agent.Missing(r.src.Agents, ref))
	}
	return a
}

// params reads the parameters of an agent and checks them against its metadata.
func (r *reader) params(s *clusterfile.Section, id string, ref agent.Ref, a *metadata.Agent) []build.Pair {
	values := map[string]string{}
	sub := s
	if s.Has("params") {
		sub = s.Table("params")
		for _, name := range sub.Keys() {
			if text, ok := r.param(sub, id, name); ok {
				values[name] = text
			}
		}
	}
	if a != nil {
		for _, f := range agent.CheckParams(ref, a, values) {
			if f.Name == "" {
				s.Problem("", "%s", f.Message)
				continue
			}
			sub.Problem(f.Name, "%s", f.Message)
		}
	}
	return build.Pairs(values)
}

// param reads a value, or the file that holds it.
func (r *reader) param(s *clusterfile.Section, id, name string) (string, bool) {
	if _, isTable := s.Raw(name).(map[string]any); !isTable {
		return s.Scalar(name)
	}
	sub := s.Table(name)
	path := sub.Str("file", "")
	if !sub.Has("file") {
		s.Problem(name, "must be a value, or { file = \"PATH\" } for a secret")
	}
	sub.Done()
	if path != "" && path[0] != '/' {
		s.Problem(name, "%q must be a full path: the cluster file is copied to every node, and a path beside it means something else there", path)
		return "", false
	}
	r.out.Secrets = append(r.out.Secrets, Secret{id, name, path})
	if r.src.Secret == nil || path == "" {
		return path, path != ""
	}
	text, err := r.src.Secret(path)
	if err != nil {
		s.Problem(name, "the secret cannot be read: %v", err)
		return "", false
	}
	text = strings.TrimRight(text, "\r\n")
	if text == "" || strings.ContainsAny(text, "\r\n") {
		s.Problem(name, "%s must hold exactly one line", path)
		return "", false
	}
	return text, true
}

// provides is the meta attribute that tells the cluster to unfence nodes with a device when they join.
const provides = "provides"

// stonith reads a fence device.
func (r *reader) stonith(s *clusterfile.Section) *cibxml.Element {
	p := build.Primitive{ID: s.Str("id", ""), Class: "stonith", Description: s.Str("description", "")}
	r.identify(s, p.ID, kindDevice)
	p.Type = strings.TrimPrefix(s.Str("agent", ""), "stonith:")
	ref := agent.Ref{Class: "stonith", Type: p.Type}
	var a *metadata.Agent
	switch {
	case !s.Has("agent"):
		s.Problem("agent", "is missing; write for example agent = \"fence_ipmilan\"")
	case strings.Contains(p.Type, ":"):
		s.Problem("agent", "%q is not a fence agent; the agents of services belong into [[resource]]", p.Type)
	default:
		a = r.describe(s, ref)
	}
	p.Params = r.params(s, p.ID, ref, a)
	p.Meta = r.options(s, "meta", option.Stonith)
	if s.Has("driver") {
		p.Meta = append(p.Meta, build.Pair{Name: "driver", Value: s.Word("driver", "legacy", "legacy", "native")})
	}
	if agent.Unfences(a) && build.Get(p.Meta, provides) == "" && build.Get(p.Params, provides) == "" {
		p.Meta = append(p.Meta, build.Pair{Name: provides, Value: "unfencing"})
	}
	p.Ops = r.operations(s, ref, a)
	s.Done()
	d := &device{id: p.ID, section: s, params: map[string]string{}}
	for _, x := range p.Params {
		d.params[x.Name] = x.Value
	}
	r.devices = append(r.devices, d)
	e := p.Element()
	r.ids.Add(e)
	return e
}

func itoa(n int) string { return strconv.Itoa(n) }
