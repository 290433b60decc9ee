// Package sketch makes whole CIBs of short descriptions of clusters, so that a test shows only what it is about.
//
// A description is a txtar archive. Its comment says in one sentence which behaviour it is about, then in lines
// of "key: value" what is not as usual:
//
//	args: arguments for crm_simulate
//	probed: no, when it is not known where resources run
//	quorum: no, or lost when there was quorum before
//	schema: none, when the CIB is not to be checked
//
// Its sections are
//
//	nodes        a node per line: NAME [STATE] [ATTRIBUTE=VALUE...] [+CAPACITY=VALUE...], see states
//	options      a cluster option per line: NAME=VALUE. stonith-enabled is false unless it is set
//	resources    elements, with the shorthand of Expand
//	constraints, tags, fencing-topology, rsc_defaults, op_defaults: elements
//	history      an operation per line: NODE RESOURCE TASK[/INTERVAL] [RC] [ATTRIBUTE=VALUE...]
//	attributes   transient attributes of a node per line: NODE NAME=VALUE...
//	tickets      a ticket per line: NAME ATTRIBUTE=VALUE...
//
// or cib.xml, a whole CIB. Other sections are what a test expects.
package sketch

import (
	"fmt"
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/rogpeppe/go-internal/txtar"
)

// Now is the present in every sketch, in seconds since the epoch: 2026-01-01 12:00 UTC.
const Now = 1767268800

// Case is a description that has been read.
type Case struct {
	// Behaviour is the sentence that says what it is about.
	Behaviour string
	// Args are arguments for crm_simulate.
	Args []string
	// CIB is the cluster.
	CIB *cibxml.Element
	// Archive is what was read.
	Archive *txtar.Archive
}

// Read makes a CIB of a description.
func Read(archive *txtar.Archive) (*Case, error) {
	c := &Case{Archive: archive}
	s := sketch{now: Now, probed: true, schema: "pacemaker-3.9", sections: map[string]string{}}
	for line := range strings.Lines(string(archive.Comment)) {
		line = strings.TrimSpace(line)
		key, value, found := strings.Cut(line, ": ")
		switch {
		case found && key == "args":
			c.Args = strings.Fields(value)
		case found && key == "probed":
			s.probed = value != "no"
		case found && key == "schema":
			s.schema = value
		case found && key == "quorum":
			s.quorum = value
		case line != "":
			c.Behaviour = strings.TrimSpace(c.Behaviour + " " + line)
		}
	}
	for _, f := range archive.Files {
		s.sections[f.Name] = string(f.Data)
	}
	var err error
	if whole, ok := s.sections["cib.xml"]; ok {
		c.CIB, err = cibxml.Parse(whole)
	} else {
		c.CIB, err = s.cib()
	}
	return c, err
}

// sketch is a description that is being made a CIB of.
type sketch struct {
	now       int64
	probed    bool
	quorum    string // "" when there is quorum
	schema    string
	sections  map[string]string
	resources *cibxml.Element
	states    map[string]*cibxml.Element // node_state by node
	order     []string                   // of the nodes
	calls     int
}

func (s *sketch) cib() (*cibxml.Element, error) {
	nodes, err := s.nodes()
	if err != nil {
		return nil, err
	}
	if s.resources, err = s.elements("resources", "resources"); err != nil {
		return nil, err
	}
	configuration := cibxml.New("configuration").Append(s.options(), nodes, Expand(s.resources))
	for _, name := range []string{"constraints", "tags", "fencing-topology", "rsc_defaults", "op_defaults"} {
		e, err := s.elements(name, name)
		if err != nil {
			return nil, err
		}
		if name == "constraints" || len(e.Children) > 0 {
			configuration.Append(e)
		}
	}
	status, err := s.status()
	if err != nil {
		return nil, err
	}
	quorum := "1"
	if s.quorum != "" {
		quorum = "0"
	}
	cib := cibxml.New("cib", "crm_feature_set", "3.16.1", "validate-with", s.schema, "epoch", "1", "num_updates", "0",
		"admin_epoch", "0", "have-quorum", quorum, "dc-uuid", "1", "execution-date", fmt.Sprint(s.now))
	if s.quorum == "lost" {
		cib.Set("no-quorum-panic", "1")
	}
	return cib.Append(configuration, status), nil
}

// elements is a section as a tree.
func (s *sketch) elements(section, name string) (*cibxml.Element, error) {
	e, err := cibxml.Parse("<" + name + ">" + s.sections[section] + "</" + name + ">")
	if err != nil {
		return nil, fmt.Errorf("section %s: %w", section, err)
	}
	return e, nil
}

// options are in the order of the description.
func (s *sketch) options() *cibxml.Element {
	set := cibxml.New("cluster_property_set", "id", "options")
	text := s.sections["options"]
	if !strings.Contains(text, "stonith-enabled") {
		text += "\nstonith-enabled=false\n"
	}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			set.Append(cibxml.New("nvpair", "id", "option-"+name, "name", name, "value", value))
		}
	}
	return cibxml.New("crm_config").Append(set)
}
