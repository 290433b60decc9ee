// Package crm reads the sections of a cluster file that describe resources as the configuration of a CIB.
package crm

import (
	"slices"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/clusterfile"
	"github.com/holdfast-ha/holdfast/clusterfile/agent"
	"github.com/holdfast-ha/holdfast/clusterfile/build"
	"github.com/holdfast-ha/holdfast/clusterfile/option"
	"github.com/holdfast-ha/holdfast/clusterfile/watch"
)

// Source is what reading needs besides the file.
type Source struct {
	// Agents are those of this machine; nil checks none.
	Agents agent.Catalogue
	// Secret reads the file behind a parameter that is written as { file = "..." }. nil leaves the path.
	Secret func(path string) (string, error)
}

// Config is what the file says to the CRM.
type Config struct {
	// Configuration is the CIB's section of that name.
	Configuration *cibxml.Element
	// Watch is how nodes are watched.
	Watch watch.Settings
	// Secrets are parameters whose values come from files, and are not shown.
	Secrets []Secret
	// Advice is what is allowed but probably not meant.
	Advice []Advice
}

// Secret names a parameter of a resource and the file that holds its value.
type Secret struct{ Resource, Param, File string }

// Advice is a remark on a line of the file.
type Advice struct {
	Line    int
	Key     string
	Message string
}

// Load reads a cluster file with all its sections. The error is clusterfile.Problems.
func Load(name string, text []byte, src Source) (*clusterfile.File, *Config, error) {
	var c *Config
	f, err := clusterfile.Parse(name, text, func(f *clusterfile.File) { c = Read(f, src) })
	if err != nil {
		return nil, nil, err
	}
	return f, c, nil
}

// Read reads the sections in f.Rest. Problems are noted in the file; the result means something only when there
// were none.
func Read(f *clusterfile.File, src Source) *Config {
	if src.Agents == nil {
		src.Agents = agent.Unknown{}
	}
	r := &reader{file: f, root: f.Rest, src: src, ids: build.NewIDs(nil), objects: map[string]object{}, out: &Config{}}
	r.out.Watch = watch.Read(f)
	nodes := r.nodes()
	properties := r.properties()
	resources := r.resources()
	topology := r.topology()
	tags := r.tags()
	constraints := r.constraints()
	conf := cibxml.New("configuration").Append(properties, nodes, resources, constraints)
	conf.Append(present(topology, tags, r.alerts(), r.acls(), r.defaults("rsc_defaults", "resource_defaults", option.Clone),
		r.defaults("op_defaults", "op_defaults", opDefaults))...)
	r.xml(conf)
	r.resolve(conf)
	r.advise(conf)
	r.timeouts(conf)
	slices.SortStableFunc(r.out.Advice, func(a, b Advice) int { return a.Line - b.Line })
	r.out.Configuration = conf
	return r.out
}

// present leaves out optional sections that are empty.
func present(sections ...*cibxml.Element) []*cibxml.Element {
	return slices.DeleteFunc(sections, func(e *cibxml.Element) bool { return len(e.Children) == 0 })
}

// opDefaults are the attributes of operations that may have a default for all.
var opDefaults = slices.DeleteFunc(slices.Clone(option.Operation), func(o option.Option) bool {
	return o.Name == "interval" || o.Name == "role" || o.Name == "description" || o.Name == "interval-origin"
})

// reader collects the configuration while it walks the file.
type reader struct {
	file    *clusterfile.File
	root    *clusterfile.Section
	src     Source
	ids     *build.IDs
	objects map[string]object // by id: what other sections may refer to
	refs    []reference
	groups  []*group
	devices []*device
	told    bool // the worst case of fencing
	out     *Config
}

// advice notes a remark.
func (r *reader) advice(s *clusterfile.Section, key, message string) {
	r.out.Advice = append(r.out.Advice, Advice{s.Line(key), s.Path(key), message})
}

// options reads a table of options of which the names and types are known.
func (r *reader) options(s *clusterfile.Section, key string, table option.Table) []build.Pair {
	if !s.Has(key) {
		return nil
	}
	return r.optionsIn(s.Table(key), table)
}

// optionsIn reads every key of a section as an option, except those in the list.
func (r *reader) optionsIn(sub *clusterfile.Section, table option.Table, except ...string) []build.Pair {
	var list []build.Pair
	for _, name := range sub.Keys() {
		if slices.Contains(except, name) {
			continue
		}
		o := table.Find(name)
		if o == nil {
			unknown(sub, name, "option", table.Suggest(name))
			continue
		}
		text, ok := sub.Scalar(name)
		if !ok {
			continue
		}
		if err := o.Check(text); err != nil {
			sub.Problem(name, "%v", err)
			continue
		}
		list = append(list, build.Pair{Name: name, Value: text})
	}
	return list
}

// free reads a table of any names.
func (r *reader) free(s *clusterfile.Section, key string) []build.Pair {
	if !s.Has(key) {
		return nil
	}
	sub := s.Table(key)
	var list []build.Pair
	for _, name := range sub.Keys() {
		if text, ok := sub.Scalar(name); ok {
			list = append(list, build.Pair{Name: name, Value: text})
		}
	}
	return list
}

func unknown(s *clusterfile.Section, key, what, near string) {
	if near != "" {
		s.Problem(key, "there is no %s of this name; did you mean %q?", what, near)
		return
	}
	s.Problem(key, "there is no %s of this name", what)
}
