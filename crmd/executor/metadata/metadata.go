// Package metadata reads what agents say about themselves and derives from it which of their parameters
// need a restart and which are secret.
package metadata

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

// Agent is the metadata of a resource or fence agent.
type Agent struct {
	Name        string
	Version     string // of the agent
	OCF         string // of the standard that it follows: "1.0" unless it says otherwise
	Short, Long string // descriptions
	Params      []Param
	Actions     []Action
	// XML is the text as the agent printed it.
	XML string
}

// Param is a parameter of an agent.
type Param struct {
	Name        string
	Short, Long string
	Type        string // string, integer, boolean, time, percentage, select, ... "" if not said
	Default     string
	HasDefault  bool
	Values      []string // of a select
	Required    bool
	// Unique is the mark of OCF 1.0, UniqueGroup that of 1.1; either means that two resources must differ.
	Unique      bool
	UniqueGroup string
	Reloadable  bool
	Private     bool
	Deprecated  bool
	ReplacedBy  []string
}

// Action is an operation that an agent advertises. Times are as written, such as "20s" or "20".
type Action struct {
	Name, Timeout, Interval, StartDelay, Depth, Role string
	// Automatic and OnTarget belong to fence agents: unfence without being asked, and on the node itself.
	Automatic, OnTarget bool
}

// Parse reads metadata. It is lenient where agents in use are careless, but there must be one
// resource-agent element.
func Parse(text string) (*Agent, error) {
	root, err := cibxml.ParseText(text)
	if err != nil {
		return nil, fmt.Errorf("agent metadata: %w", err)
	}
	if !root.IsTag("resource-agent") {
		return nil, fmt.Errorf("agent metadata: the document is <%s>, not <resource-agent>", root.Name)
	}
	a := &Agent{Name: root.Get("name"), Version: root.Get("version"), OCF: "1.0", XML: text,
		Short: description(root, "shortdesc"), Long: description(root, "longdesc")}
	if v := root.Child("version"); v != nil && content(v) != "" {
		a.OCF = content(v)
	}
	if params := root.Child("parameters"); params != nil {
		for p := range params.Tags("parameter") {
			a.Params = append(a.Params, param(p))
		}
	}
	if actions := root.Child("actions"); actions != nil {
		for x := range actions.Tags("action") {
			a.Actions = append(a.Actions, Action{Name: x.Get("name"), Timeout: x.Get("timeout"), Interval: x.Get("interval"),
				StartDelay: x.Get("start-delay"), Depth: x.Get("depth"), Role: x.Get("role"),
				Automatic: isTrue(x.Get("automatic")) || isTrue(x.Get("required")), OnTarget: isTrue(x.Get("on_target"))})
		}
	}
	return a, nil
}

func param(e *cibxml.Element) Param {
	p := Param{Name: e.Get("name"), Short: description(e, "shortdesc"), Long: description(e, "longdesc"),
		Required: isTrue(e.Get("required")), Unique: isTrue(e.Get("unique")), UniqueGroup: e.Get("unique-group"),
		Reloadable: isTrue(e.Get("reloadable")), Private: isTrue(e.Get("private"))}
	if c := e.Child("content"); c != nil {
		p.Type = c.Get("type")
		p.Default, p.HasDefault = c.Lookup("default")
		for o := range c.Tags("option") {
			p.Values = append(p.Values, o.Get("value"))
		}
	}
	// Fence agents of before 1.1 mark old names with an attribute, later ones with an element.
	p.Deprecated = isTrue(e.Get("deprecated"))
	if d := e.Child("deprecated"); d != nil {
		p.Deprecated = true
		for r := range d.Tags("replaced-with") {
			p.ReplacedBy = append(p.ReplacedBy, r.Get("name"))
		}
	}
	return p
}

// description prefers English among several languages.
func description(e *cibxml.Element, name string) string {
	var text string
	for d := range e.Tags(name) {
		if lang := d.Get("lang"); text == "" || strings.HasPrefix(lang, "en") {
			text = content(d)
		}
	}
	return text
}

// content is the text of an element without surrounding blanks.
func content(e *cibxml.Element) string {
	var b strings.Builder
	e.Walk(func(x *cibxml.Element) bool {
		if x.Kind == cibxml.Text || x.Kind == cibxml.CData {
			b.WriteString(x.Text)
		}
		return true
	})
	return strings.TrimSpace(b.String())
}

// isTrue reads a boolean with the words that Pacemaker accepts.
func isTrue(s string) bool {
	switch strings.ToLower(s) {
	case "1", "true", "yes", "y", "on":
		return true
	}
	return false
}

// Param finds a parameter by name; nil if the agent does not declare it.
func (a *Agent) Param(name string) *Param {
	for i := range a.Params {
		if a.Params[i].Name == name {
			return &a.Params[i]
		}
	}
	return nil
}

// Supports reports whether the agent advertises an action.
func (a *Agent) Supports(action string) bool {
	for _, x := range a.Actions {
		if x.Name == action {
			return true
		}
	}
	return false
}

// atLeast11 reports whether the agent follows OCF 1.1 or later.
func (a *Agent) atLeast11() bool {
	major, minor, _ := strings.Cut(a.OCF, ".")
	minor, _, _ = strings.Cut(minor, ".")
	x, err1 := strconv.Atoi(major)
	y, err2 := strconv.Atoi(minor)
	return err1 == nil && (x > 1 || x == 1 && err2 == nil && y >= 1)
}

// RestartParams names the parameters whose change needs a restart, for op-force-restart. ok is false when
// the agent cannot reload at all. Pacemaker lists them in the reverse of the declared order.
func (a *Agent) RestartParams() (names []string, ok bool) {
	modern := a.atLeast11()
	switch {
	case modern && a.Supports("reload-agent"):
		return a.names(func(p *Param) bool { return !p.Reloadable }), true
	case !modern && a.Supports("reload"):
		return a.names(func(p *Param) bool { return p.Unique }), true
	}
	return nil, false
}

// SecureParams names the secret parameters, for op-secure-params. Where the agent marks none, those with
// the names that agents use for secrets count.
func (a *Agent) SecureParams() []string {
	if names := a.names(func(p *Param) bool { return p.Private }); len(names) > 0 {
		return names
	}
	return a.names(func(p *Param) bool { return p.Name == "password" || p.Name == "passwd" || p.Name == "user" })
}

func (a *Agent) names(keep func(*Param) bool) []string {
	var names []string
	for i := len(a.Params) - 1; i >= 0; i-- {
		if keep(&a.Params[i]) {
			names = append(names, a.Params[i].Name)
		}
	}
	return names
}

// WordList writes names as the op-force-restart and op-secure-params attributes hold them: between pairs
// of blanks, so that a name can be searched for with a blank on each side.
func WordList(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return "  " + strings.Join(names, " ") + "  "
}
