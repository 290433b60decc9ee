package agent

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/holdfast-ha/holdfast/cib/value"
	"github.com/holdfast-ha/holdfast/clusterfile/option"
	"github.com/holdfast-ha/holdfast/crmd/executor/metadata"
)

// Finding is something about a parameter; Name is "" when it is about none in particular.
type Finding struct{ Name, Message string }

// CheckParams finds parameters that the agent does not have or whose value it cannot read, and required ones
// that are missing. For fence devices the pcmk_* parameters count as the agent's.
func CheckParams(ref Ref, a *metadata.Agent, params map[string]string) []Finding {
	var found []Finding
	for _, name := range sorted(params) {
		if msg := checkParam(ref, a, name, params[name]); msg != "" {
			found = append(found, Finding{name, msg})
		}
	}
	for i := range a.Params {
		p := &a.Params[i]
		if _, given := params[p.Name]; given || !p.Required || p.HasDefault && p.Default != "" || FilledIn(ref, p.Name) ||
			replacedBy(a, p, params) || givenInOldForm(a, p, params) {
			continue
		}
		msg := fmt.Sprintf("agent %s needs the parameter %s", ref, p.Name)
		if p.Short != "" && !strings.EqualFold(p.Short, p.Name) {
			msg += fmt.Sprintf(" (%s)", oneLine(p.Short))
		}
		found = append(found, Finding{"", msg})
	}
	return found
}

func checkParam(ref Ref, a *metadata.Agent, name, text string) string {
	if ref.Class == "stonith" {
		if o := option.Fence.Find(name); o != nil {
			if err := o.Check(text); err != nil {
				return err.Error()
			}
			return ""
		}
	}
	p := a.Param(name)
	if p == nil {
		names := paramNames(a)
		if ref.Class == "stonith" {
			names = append(names, option.Fence.Names()...)
		}
		msg := fmt.Sprintf("agent %s has no parameter of this name", ref)
		if near := option.Nearest(name, names); near != "" {
			msg += fmt.Sprintf("; did you mean %q?", near)
		}
		return msg
	}
	if p.Type == "select" && len(p.Values) > 0 && !slices.Contains(p.Values, text) {
		return fmt.Sprintf("is %q, must be one of %s", text, strings.Join(p.Values, ", "))
	}
	// Agents are careless with types: one whose own default is not of the type does not mean it.
	if !fits(p.Type, text) && (p.Default == "" || fits(p.Type, p.Default)) {
		return fmt.Sprintf("is %q, agent %s wants %s here", text, ref, p.Type)
	}
	return ""
}

// fits reports whether a value is of a type of agent metadata.
func fits(kind, text string) bool {
	var err error
	switch kind {
	case "boolean":
		_, err = value.Bool(text)
	case "integer":
		_, err = strconv.ParseInt(text, 10, 64)
	}
	return err == nil
}

// FilledIn reports whether a parameter is one that the cluster fills in for each action of a fence agent.
func FilledIn(ref Ref, param string) bool {
	return ref.Class == "stonith" && slices.Contains([]string{"action", "port", "plug", "nodename", "nodeid"}, param)
}

// replacedBy reports whether p is an old name of something that is given.
func replacedBy(a *metadata.Agent, p *metadata.Param, params map[string]string) bool {
	for _, n := range p.ReplacedBy {
		if _, ok := params[n]; ok {
			return true
		}
	}
	// Fence agents list old names as parameters of their own without saying what replaces them.
	return p.Deprecated && len(p.ReplacedBy) == 0
}

// givenInOldForm reports whether an old name of p is given.
func givenInOldForm(a *metadata.Agent, p *metadata.Param, params map[string]string) bool {
	for i := range a.Params {
		old := &a.Params[i]
		if _, given := params[old.Name]; given && slices.Contains(old.ReplacedBy, p.Name) {
			return true
		}
	}
	return false
}

// Secret names the parameters whose values are not shown to people.
func Secret(a *metadata.Agent) []string {
	if a == nil {
		return nil
	}
	return a.SecureParams()
}

// LooksSecret guesses by its name whether a parameter is secret, where the agent is not there to be asked.
func LooksSecret(name string) bool {
	return strings.Contains(strings.ToLower(name), "passw") || name == "secret" || strings.HasSuffix(name, "_token")
}

func paramNames(a *metadata.Agent) []string {
	names := make([]string, len(a.Params))
	for i := range a.Params {
		names[i] = a.Params[i].Name
	}
	return names
}

func sorted(m map[string]string) []string {
	names := make([]string, 0, len(m))
	for n := range m {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
