package define

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/clusterfile/agent"
	"github.com/holdfast-ha/holdfast/clusterfile/export"
	"github.com/holdfast-ha/holdfast/clusterfile/option"
	"github.com/holdfast-ha/holdfast/clusterfile/outline"
	"github.com/holdfast-ha/holdfast/crmd/executor/metadata"
	"github.com/holdfast-ha/holdfast/hcs/agents"
	"github.com/holdfast-ha/holdfast/hcs/complete"
	"github.com/holdfast-ha/holdfast/hcs/edit"
	"github.com/holdfast-ha/holdfast/hcs/render"
	"github.com/holdfast-ha/holdfast/hcs/session"
	"github.com/holdfast-ha/holdfast/hcs/verb"
)

// Config is "resource config" and "stonith config".
func Config(s *session.Session, stonith bool) *cobra.Command {
	secrets := false
	v := verb.Verb{
		Use: "config [ID]...", Short: "Show how resources are configured", Min: 0, Max: -1, Complete: complete.Each(complete.Resources(s)),
		Long:  "The notation is that of the cluster file. Passwords are shown only with --secrets.",
		Flags: func(f *pflag.FlagSet) { f.BoolVar(&secrets, "secrets", false, "show passwords too") },
		Run: func(ctx context.Context, args []string) error {
			doc, err := s.Document(ctx)
			if err != nil {
				return err
			}
			part, err := selected(doc.Child("configuration"), args, stonith)
			if err != nil {
				return err
			}
			if !secrets {
				part = masked(ctx, s, part)
			}
			if s.JSON {
				return s.PrintJSON(objects(part))
			}
			fmt.Fprint(s.Out, export.Sections(export.Input{Configuration: part}))
			return nil
		},
	}
	if stonith {
		v.Short, v.Complete = "Show how fence devices are configured", complete.Each(complete.Devices(s))
	}
	return verb.New(v)
}

// selected is a configuration with nothing but the resources asked for, or all of the kind.
func selected(conf *cibxml.Element, ids []string, stonith bool) (*cibxml.Element, error) {
	list := cibxml.New("resources")
	for _, id := range ids {
		e, err := edit.Resource(conf, id)
		if err != nil {
			return nil, err
		}
		list.Append(e)
	}
	if len(ids) == 0 {
		for e := range conf.Child("resources").Tags() {
			if (e.Get("class") == "stonith") == stonith {
				list.Append(e)
			}
		}
	}
	return cibxml.New("configuration").Append(list), nil
}

// masked replaces the values of secret parameters.
func masked(ctx context.Context, s *session.Session, conf *cibxml.Element) *cibxml.Element {
	c := agents.New(ctx, s.Getenv)
	conf = conf.Clone()
	conf.Walk(func(e *cibxml.Element) bool {
		if !e.IsTag("primitive") {
			return true
		}
		a, _ := c.Describe(agent.Ref{Class: e.Get("class"), Provider: e.Get("provider"), Type: e.Get("type")})
		hidden := map[string]bool{}
		for _, n := range agent.Secret(a) {
			hidden[n] = n != "user"
		}
		for set := range e.Tags("instance_attributes") {
			for nv := range set.Tags("nvpair") {
				if hidden[nv.Get("name")] || agent.LooksSecret(nv.Get("name")) {
					nv.Set("value", "********")
				}
			}
		}
		return false
	})
	return conf
}

// Object is a resource's configuration as JSON.
type Object struct {
	Kind     string            `json:"kind"`
	ID       string            `json:"id"`
	Settings map[string]string `json:"settings"`
}

func objects(conf *cibxml.Element) []Object {
	list := []Object{}
	for _, o := range outline.Read(conf) {
		settings := map[string]string{}
		for _, x := range o.Settings {
			settings[x.Key] = x.Value
		}
		list = append(list, Object{o.Kind, o.ID, settings})
	}
	return list
}

// List is "resource list" and "stonith list": the agents that are installed.
func List(s *session.Session, stonith bool) *cobra.Command {
	what, classes := "resource agents", []string{"ocf", "systemd", "lsb"}
	if stonith {
		what, classes = "fence agents", []string{"stonith"}
	}
	return verb.New(verb.Verb{
		Use: "list [TEXT]", Short: "List the installed " + what, Min: 0, Max: 1,
		Long: "With TEXT only those whose name contains it.",
		Run: func(ctx context.Context, args []string) error {
			c := agents.New(ctx, s.Getenv)
			names := []string{}
			for _, class := range classes {
				for _, r := range c.Installed(class) {
					name := r.String()
					if stonith {
						name = r.Type
					}
					if len(args) == 0 || strings.Contains(strings.ToLower(name), strings.ToLower(args[0])) {
						names = append(names, name)
					}
				}
			}
			if s.JSON {
				return s.PrintJSON(names)
			}
			for _, n := range names {
				s.Say("%s", n)
			}
			return nil
		},
	})
}

// Describe is "resource describe" and "stonith describe".
func Describe(s *session.Session, stonith bool) *cobra.Command {
	return verb.New(verb.Verb{
		Use: "describe AGENT", Short: "Show what an agent does and which parameters it has", Min: 1, Max: 1,
		Complete: complete.First(complete.Agents(s, stonith)),
		Run: func(ctx context.Context, args []string) error {
			name := args[0]
			if stonith && !strings.Contains(name, ":") {
				name = "stonith:" + name
			}
			c := agents.New(ctx, s.Getenv)
			ref, err := agent.Find(c, name)
			if err != nil {
				return session.Fail(api.CodeUsage, "%v", err)
			}
			a, known := c.Describe(ref)
			if a == nil {
				if known {
					return session.Fail(api.CodeNoSuchObject, "%s", agent.Missing(c, ref))
				}
				return session.Fail(api.CodeNoSuchObject, "%s says nothing about itself", ref)
			}
			if s.JSON {
				return s.PrintJSON(describe(ref, a))
			}
			describeText(s, ref, a)
			return nil
		},
	})
}

// Description is an agent as JSON.
type Description struct {
	Agent   string             `json:"agent"`
	Short   string             `json:"short"`
	Long    string             `json:"long"`
	Params  []ParamDescription `json:"params"`
	Actions []Action           `json:"actions"`
}

// ParamDescription is a parameter of an agent.
type ParamDescription struct {
	Name     string   `json:"name"`
	Type     string   `json:"type,omitempty"`
	Default  string   `json:"default,omitempty"`
	Values   []string `json:"values,omitempty"`
	Required bool     `json:"required,omitempty"`
	Help     string   `json:"help"`
}

// Action is an action that an agent advertises.
type Action struct {
	Name     string `json:"name"`
	Timeout  string `json:"timeout,omitempty"`
	Interval string `json:"interval,omitempty"`
	Role     string `json:"role,omitempty"`
}

func describe(ref agent.Ref, a *metadata.Agent) Description {
	d := Description{Agent: ref.String(), Short: clean(a.Short), Long: a.Long, Params: []ParamDescription{}, Actions: []Action{}}
	for _, p := range a.Params {
		if !p.Deprecated {
			d.Params = append(d.Params, ParamDescription{p.Name, p.Type, p.Default, p.Values, p.Required && !agent.FilledIn(ref, p.Name), clean(firstOf(p.Long, p.Short))})
		}
	}
	if ref.Class == "stonith" {
		for _, o := range option.Fence {
			d.Params = append(d.Params, ParamDescription{Name: o.Name, Default: o.Default, Values: o.Values, Help: o.Help})
		}
	}
	for _, x := range a.Actions {
		d.Actions = append(d.Actions, Action{x.Name, x.Timeout, x.Interval, x.Role})
	}
	return d
}

func firstOf(a, b string) string {
	if strings.TrimSpace(a) != "" {
		return a
	}
	return b
}

func clean(s string) string { return strings.Join(strings.Fields(s), " ") }

func describeText(s *session.Session, ref agent.Ref, a *metadata.Agent) {
	d := describe(ref, a)
	paint := render.NewPainter(s)
	s.Say("%s: %s\n", paint.Paint(render.Strong, d.Agent), d.Short)
	if long := strings.TrimSpace(d.Long); long != "" {
		s.Say("%s\n", long)
	}
	s.Say("%s", paint.Paint(render.Strong, "Parameters"))
	for _, p := range d.Params {
		name := p.Name
		if p.Required {
			name += " (needed)"
		}
		more := ""
		if len(p.Values) > 0 {
			more += " One of " + strings.Join(p.Values, ", ") + "."
		}
		if p.Default != "" {
			more += " Default: " + p.Default + "."
		}
		s.Say("  %s", paint.Paint(render.Strong, name))
		help := p.Help
		if help != "" && more != "" && !strings.HasSuffix(help, ".") {
			help += "."
		}
		for _, line := range render.Wrap(help+more, 96) {
			s.Say("      %s", line)
		}
	}
	s.Say("\n%s", paint.Paint(render.Strong, "Operations"))
	t := render.NewTable(s, "action", "interval", "timeout", "role")
	for _, x := range d.Actions {
		t.Text(x.Name, x.Interval, x.Timeout, x.Role)
	}
	t.Write(s.Out)
}
