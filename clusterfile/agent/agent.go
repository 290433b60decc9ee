// Package agent checks what a configuration says about resource and fence agents against what the agents say
// about themselves.
package agent

import (
	"fmt"
	"slices"
	"strings"

	"github.com/holdfast-ha/holdfast/clusterfile/option"
	"github.com/holdfast-ha/holdfast/crmd/executor/metadata"
)

// Ref names an agent: class:provider:type, or class:type where the class has no providers.
type Ref struct{ Class, Provider, Type string }

// String is the name as people write it.
func (r Ref) String() string {
	if r.Provider != "" {
		return r.Class + ":" + r.Provider + ":" + r.Type
	}
	return r.Class + ":" + r.Type
}

// Classes are the classes of agents.
var Classes = []string{"ocf", "systemd", "lsb", "service", "stonith"}

// ParseRef reads an agent's name.
func ParseRef(text string) (Ref, error) {
	class, rest, ok := strings.Cut(text, ":")
	if !ok || rest == "" {
		return Ref{}, fmt.Errorf("%q is not the full name of an agent, such as ocf:heartbeat:IPaddr2, systemd:nginx or lsb:postfix", text)
	}
	if !slices.Contains(Classes, class) {
		msg := fmt.Sprintf("%q: there is no class %q of agents, only %s", text, class, strings.Join(Classes, ", "))
		if near := option.Nearest(class, Classes); near != "" {
			msg += fmt.Sprintf("; did you mean %q?", near+":"+rest)
		}
		return Ref{}, fmt.Errorf("%s", msg)
	}
	if class != "ocf" {
		return Ref{Class: class, Type: rest}, nil
	}
	provider, name, ok := strings.Cut(rest, ":")
	if !ok || provider == "" || name == "" {
		return Ref{}, fmt.Errorf("%q has no provider; write ocf:PROVIDER:TYPE, such as ocf:heartbeat:%s", text, rest)
	}
	return Ref{Class: class, Provider: provider, Type: name}, nil
}

// Catalogue is what is installed on this machine.
type Catalogue interface {
	// Describe reads an agent's metadata. known is false when nothing can be said about the agent here, such
	// as a systemd unit on a machine without systemd; an agent of which it is known that it is not installed
	// is nil.
	Describe(ref Ref) (a *metadata.Agent, known bool)
	// Installed lists the agents of the same class, for suggestions.
	Installed(class string) []Ref
}

// Unknown is a catalogue of a machine that knows no agents; everything passes.
type Unknown struct{}

// Describe knows nothing.
func (Unknown) Describe(Ref) (*metadata.Agent, bool) { return nil, false }

// Installed lists nothing.
func (Unknown) Installed(string) []Ref { return nil }

// Missing says that an agent is not installed, with a suggestion.
func Missing(c Catalogue, ref Ref) string {
	msg := fmt.Sprintf("agent %s is not installed on this machine", ref)
	installed := c.Installed(ref.Class)
	names := make([]string, len(installed))
	for i, r := range installed {
		if strings.EqualFold(r.Type, ref.Type) {
			return msg + fmt.Sprintf("; did you mean %q?", r)
		}
		names[i] = r.String()
	}
	if near := option.Nearest(ref.String(), names); near != "" {
		msg += fmt.Sprintf("; did you mean %q?", near)
	}
	return msg
}

// Find completes an abbreviated name: the type alone, when one installed agent has it.
func Find(c Catalogue, text string) (Ref, error) {
	if strings.Contains(text, ":") {
		return ParseRef(text)
	}
	var found []Ref
	for _, class := range []string{"ocf", "stonith"} {
		for _, r := range c.Installed(class) {
			if strings.EqualFold(r.Type, text) {
				found = append(found, r)
			}
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return ParseRef(text)
	}
	names := make([]string, len(found))
	for i, r := range found {
		names[i] = r.String()
	}
	return Ref{}, fmt.Errorf("%q may mean %s; write the full name", text, strings.Join(names, " or "))
}

// Unfences reports whether a fence agent takes access away, so that a node must be given it back before it may run
// anything: its devices need the meta attribute provides=unfencing.
func Unfences(a *metadata.Agent) bool {
	return a != nil && slices.ContainsFunc(a.Actions, func(x metadata.Action) bool { return x.Name == "on" && x.Automatic })
}
