package corosyncconf

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/holdfast-ha/holdfast/clusterfile"
)

// Fate is what becomes of an option.
type Fate string

const (
	// Used: it stands in the cluster file under the same name.
	Used Fate = "used"
	// Mapped: it has become something else.
	Mapped Fate = "mapped"
	// NoMeaning: it has no meaning here.
	NoMeaning Fate = "no meaning"
	// Unknown: Corosync does not know it either, and ignores it.
	Unknown Fate = "unknown"
)

// Option is the fate of one line.
type Option struct {
	Line  int    `json:"line"`
	Key   string `json:"key"` // with the section
	Value string `json:"value"`
	Fate  Fate   `json:"fate"`
	Why   string `json:"why,omitempty"` // what it has become, or why it has no meaning
}

// Source is what is converted.
type Source struct {
	Name string // of the file, for problems
	Text string
	// Lookup finds the addresses of a host by name, because a cluster file has addresses only; nil finds none.
	Lookup func(host string) ([]netip.Addr, error)
	// Names are the nodes' names by id, for nodes that corosync.conf does not name.
	Names map[string]string
}

// Result is a converted file.
type Result struct {
	// Text is the cluster file's sections of the membership.
	Text string
	// Options are the fates of all options, by line.
	Options []Option
}

// Convert reads corosync.conf. The error is clusterfile.Problems, every one with its line, unless it is the one that
// Corosync's parser stops at.
func Convert(src Source) (*Result, error) {
	root, err := Parse(src.Name, src.Text)
	if err != nil {
		return nil, clusterfile.Problems{err.(clusterfile.Problem)} // Parse has no other errors
	}
	c := &converter{src: src, root: root}
	for _, k := range root.Keys {
		c.fate(root, k, Unknown, "options stand in sections")
	}
	nodes := c.nodes()
	c.quorum(nodes)
	totem := c.totem()
	cluster := c.cluster()
	c.readLogging()
	c.readSystem()
	c.rest()
	slices.SortStableFunc(c.options, func(a, b Option) int { return a.Line - b.Line })
	text := cluster + totem + c.loggingText + c.systemText + nodeText(nodes) + c.quorumText
	if len(c.problems) == 0 {
		c.reread(text)
	}
	if len(c.problems) > 0 {
		slices.SortStableFunc(c.problems, func(a, b clusterfile.Problem) int { return a.Line - b.Line })
		return nil, c.problems
	}
	return &Result{Text: text, Options: c.options}, nil
}

// reread reads what has been written. What a cluster file does not accept is a problem of the option from which it
// came, as far as that can be found by its name.
func (c *converter) reread(text string) {
	_, err := clusterfile.Parse("", []byte(text))
	var list clusterfile.Problems
	if !errors.As(err, &list) {
		return
	}
	for _, p := range list {
		key := p.Key
		if at := strings.LastIndexByte(key, '.'); at >= 0 {
			key = key[at+1:]
		}
		found := clusterfile.Problem{File: c.src.Name, Key: p.Key, Message: p.Message}
		for _, o := range c.options {
			if o.Key == p.Key || strings.HasSuffix(o.Key, "."+key) && found.Line == 0 {
				found.Line, found.Key = o.Line, o.Key
			}
		}
		c.problems = append(c.problems, found)
	}
}

// converter collects what is found.
type converter struct {
	src      Source
	root     *Section
	problems clusterfile.Problems
	options  []Option

	quorumText, loggingText, systemText string
}

func (c *converter) problem(s *Section, k *Key, format string, args ...any) {
	p := clusterfile.Problem{File: c.src.Name, Line: s.Line, Key: s.Path, Message: fmt.Sprintf(format, args...)}
	if k != nil {
		p.Line, p.Key = k.Line, strings.TrimPrefix(s.Path+"."+k.Name, ".")
	}
	c.problems = append(c.problems, p)
}

func (c *converter) fate(s *Section, k *Key, f Fate, why string) {
	value := k.Value
	if s.Path == "totem" && k.Name == "key" {
		value = "(secret)"
	}
	c.options = append(c.options, Option{Line: k.Line, Key: strings.TrimPrefix(s.Path+"."+k.Name, "."), Value: value, Fate: f, Why: why})
}

// all are the sections of that name, merged into one as Corosync does it: of an option that comes twice the last
// counts.
func (c *converter) all(name string) *Section {
	merged := &Section{Name: name, Path: name}
	for _, s := range c.root.Sections {
		if s.Name != name {
			continue
		}
		if merged.Line == 0 {
			merged.Line = s.Line
		}
		merged.Keys = append(merged.Keys, s.Keys...)
		merged.Sections = append(merged.Sections, s.Sections...)
	}
	c.dedupe(merged)
	return merged
}

// dedupe drops all but the last of the keys with one name.
func (c *converter) dedupe(s *Section) {
	last := map[string]*Key{}
	for _, k := range s.Keys {
		last[k.Name] = k
	}
	var kept []*Key
	for _, k := range s.Keys {
		if last[k.Name] == k {
			kept = append(kept, k)
			continue
		}
		c.fate(s, k, NoMeaning, fmt.Sprintf("line %d says it again", last[k.Name].Line))
	}
	s.Keys = kept
}

// find is the key with that name, nil when there is none.
func (s *Section) find(name string) *Key {
	for _, k := range s.Keys {
		if k.Name == name {
			return k
		}
	}
	return nil
}

// known are the top-level sections that are dealt with elsewhere.
var known = []string{"totem", "nodelist", "quorum", "logging", "system"}

// rest reports the sections that have no counterpart.
func (c *converter) rest() {
	for _, s := range c.root.Sections {
		if slices.Contains(known, s.Name) {
			continue
		}
		fate, why := Unknown, "Corosync does not know this section"
		switch s.Name {
		case "resources":
			fate, why = NoMeaning, "the watchdog is that of fenced, and load is looked at by the throttle"
		case "nozzle":
			fate, why = NoMeaning, "there is no tunnel over the links"
		case "uidgid":
			fate, why = NoMeaning, "root and the group haclient may administer the cluster; ACLs refine that"
		}
		c.below(s, fate, why)
	}
}

// below gives everything in a section one fate.
func (c *converter) below(s *Section, fate Fate, why string) {
	for _, k := range s.Keys {
		c.fate(s, k, fate, why)
	}
	for _, sub := range s.Sections {
		c.below(sub, fate, why)
	}
}
