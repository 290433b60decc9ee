// Package clusterfile reads cluster.toml, the file in which a person describes a cluster.
//
// Parse reports every problem at once, each with the file, the line and the key. A section is read through
// Section, which knows where its keys are; whoever adds a section adds a reader for it.
package clusterfile

import (
	"errors"
	"slices"

	"github.com/BurntSushi/toml"
)

// File is a cluster file without errors.
type File struct {
	Cluster Cluster
	Totem   Totem
	Nodes   []Node // by ascending id
	Quorum  Quorum
	Logging Logging
	Fencing Fencing
	System  System
	Metrics Metrics
	// Rest holds the sections that corosyncd does not look at, such as resource and stonith: the readers of
	// the CRM's sections start from it, and report into the same list of problems.
	Rest *Section
	// Ignored lists keys that are accepted because Corosync knows them, and have no effect here.
	Ignored []Ignored
}

// Ignored is a key without effect.
type Ignored struct {
	Line int
	Key  string
	Why  string
}

// Own are the top-level sections that do not become part of the CIB: the cluster file is the only place where they
// stand.
var Own = []string{"cluster", "totem", "quorum", "logging", "fencing", "system", "throttle", "detector", "vitals", "monitor", "supervise", "metrics"}

// restSections are the top-level keys that belong to the CRM.
var restSections = []string{
	"properties", "resource_defaults", "op_defaults", "resource", "group", "stonith", "fencing_level", "constraint",
	"tag", "alert", "acl", "xml", "throttle", "detector", "vitals", "monitor", "supervise",
}

// Parse reads a cluster file. name is used in problems. The error is Problems unless the text is not TOML at
// all, when it holds the one syntax error. The functions in more read the sections in File.Rest; what they find
// wrong is reported together with the rest.
func Parse(name string, text []byte, more ...func(*File)) (*File, error) {
	var tree map[string]any
	if err := toml.Unmarshal(text, &tree); err != nil {
		return nil, syntax(name, err)
	}
	doc := &document{name: name, lines: locate(string(text))}
	root := doc.section("", tree)
	f := &File{Rest: root}
	f.Cluster = readCluster(root)
	f.Nodes = readNodes(root)
	f.Totem = readTotem(root, len(f.Nodes))
	f.Quorum = readQuorum(root, f.Nodes)
	f.Logging = readLogging(root)
	f.Fencing = readFencing(root, f.Totem)
	f.System = readSystem(root)
	f.Metrics = readMetrics(root)
	for _, key := range restSections {
		root.use(key)
	}
	root.Done()
	for _, read := range more {
		read(f)
	}
	f.Ignored = doc.ignored
	slices.SortStableFunc(f.Ignored, func(a, b Ignored) int { return a.Line - b.Line })
	if err := doc.err(); err != nil {
		return nil, err
	}
	return f, nil
}

func syntax(name string, err error) error {
	var pe toml.ParseError
	if !errors.As(err, &pe) {
		return Problems{{File: name, Message: err.Error()}}
	}
	return Problems{{File: name, Line: pe.Position.Line, Key: pe.LastKey, Message: "syntax: " + pe.Message}}
}

// Node returns the node with that name, nil when there is none.
func (f *File) Node(name string) *Node {
	for i := range f.Nodes {
		if f.Nodes[i].Name == name {
			return &f.Nodes[i]
		}
	}
	return nil
}
