// Package property is the command "property".
package property

import (
	"context"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/clusterfile/build"
	"github.com/holdfast-ha/holdfast/clusterfile/option"
	"github.com/holdfast-ha/holdfast/hcs/complete"
	"github.com/holdfast-ha/holdfast/hcs/edit"
	"github.com/holdfast-ha/holdfast/hcs/render"
	"github.com/holdfast-ha/holdfast/hcs/session"
	"github.com/holdfast-ha/holdfast/hcs/verb"
)

// Command is "property".
func Command(s *session.Session) *cobra.Command {
	return verb.Noun("property", "Show and change properties of the cluster", "", list(s), set(s), unset(s), describe(s))
}

// names completes property names, with a suffix.
func names(suffix string) complete.Words {
	var words []string
	for _, o := range option.Cluster {
		if !o.Own {
			words = append(words, o.Name+suffix)
		}
	}
	return complete.Each(complete.Fixed(words...))
}

// Value is a property as JSON.
type Value struct {
	Name    string `json:"name"`
	Value   string `json:"value"`
	Default string `json:"default,omitempty"`
	Set     bool   `json:"set"`
}

func list(s *session.Session) *cobra.Command {
	all := false
	return verb.New(verb.Verb{
		Use: "list [NAME]...", Short: "Show properties", Min: 0, Max: -1, Complete: names(""),
		Long:  "Without names, those that are set.",
		Flags: func(f *pflag.FlagSet) { f.BoolVar(&all, "all", false, "also those that have their default") },
		Run: func(ctx context.Context, args []string) error {
			doc, err := s.Document(ctx)
			if err != nil {
				return err
			}
			values, err := values(doc.Child("configuration").Child("crm_config"), args, all)
			if err != nil {
				return err
			}
			if s.JSON {
				return s.PrintJSON(values)
			}
			if len(values) == 0 {
				s.Say("No property is set; see --all.")
				return nil
			}
			t := render.NewTable(s, "property", "value", "default")
			for _, v := range values {
				tone := render.Quiet
				if v.Set {
					tone = render.Strong
				}
				t.Row(render.C(v.Name), render.T(tone, v.Value), render.T(render.Quiet, v.Default))
			}
			t.Write(s.Out)
			return nil
		},
	})
}

func values(section *cibxml.Element, only []string, all bool) ([]Value, error) {
	list := []Value{}
	seen := map[string]bool{}
	wanted := func(name string) bool {
		for _, n := range only {
			if n == name {
				return true
			}
		}
		return len(only) == 0
	}
	for _, p := range edit.Pairs(section, "cluster_property_set") {
		if seen[p.Name] || !wanted(p.Name) {
			continue
		}
		seen[p.Name] = true
		v := Value{Name: p.Name, Value: p.Value, Set: true}
		if o := option.Cluster.Find(p.Name); o != nil {
			v.Default = o.Default
		}
		list = append(list, v)
	}
	for _, o := range option.Cluster {
		if !seen[o.Name] && (all && !o.Own || len(only) > 0) && wanted(o.Name) {
			seen[o.Name] = true
			list = append(list, Value{Name: o.Name, Value: o.Default, Default: o.Default})
		}
	}
	for _, n := range only {
		if !seen[n] {
			return nil, noSuch(n)
		}
	}
	return list, nil
}

func noSuch(name string) error {
	msg := "there is no property " + name
	if near := option.Cluster.Suggest(name); near != "" {
		msg += "; did you mean " + near + "?"
	}
	return session.Fail(api.CodeNoSuchObject, "%s", msg)
}

func set(s *session.Session) *cobra.Command {
	force := false
	return verb.New(verb.Verb{
		Use: "set NAME=VALUE...", Short: "Set properties", Min: 1, Max: -1, Complete: names("="),
		Long:     "An empty value (NAME=) brings the default back.",
		Examples: "  hcs property set no-quorum-policy=freeze stonith-timeout=90s",
		Flags: func(f *pflag.FlagSet) {
			f.BoolVar(&force, "force", false, "set it although the name is not known, the cluster sets it by itself, or timeouts of fencing contradict each other then")
			verb.Wait(s, f)
		},
		Run: func(ctx context.Context, args []string) error {
			pairs, err := verb.Pairs(args)
			if err != nil {
				return err
			}
			if !force {
				if err := verb.Check("property", option.Cluster, pairs); err != nil {
					return err
				}
				for _, p := range pairs {
					if option.Cluster.Find(p.Name).Own {
						return session.Fail(api.CodeUnsafe, "the cluster sets %s by itself; --force overrides it", p.Name)
					}
				}
			}
			return change(ctx, s, force, "Set "+strings.Join(args, ", ")+".", pairs)
		},
	})
}

func unset(s *session.Session) *cobra.Command {
	force := false
	return verb.New(verb.Verb{
		Use: "unset NAME...", Short: "Bring properties back to their defaults", Min: 1, Max: -1, Complete: names(""),
		Flags: func(f *pflag.FlagSet) {
			f.BoolVar(&force, "force", false, "do it although timeouts of fencing contradict each other then")
			verb.Wait(s, f)
		},
		Run: func(ctx context.Context, args []string) error {
			doc, err := s.Document(ctx)
			if err != nil {
				return err
			}
			var pairs []build.Pair
			for _, n := range args {
				_, there := edit.Pair(doc.Child("configuration").Child("crm_config"), "cluster_property_set", n)
				if !there && option.Cluster.Find(n) == nil {
					return noSuch(n)
				}
				pairs = append(pairs, build.Pair{Name: n})
			}
			return change(ctx, s, force, "Brought "+strings.Join(args, ", ")+" back to the default.", pairs)
		},
	})
}

func change(ctx context.Context, s *session.Session, force bool, said string, pairs []build.Pair) error {
	_, err := s.Change(ctx, said, s.Timely(ctx, force, func(conf *cibxml.Element) (*cibxml.Element, error) { return edit.SetProperties(conf, pairs), nil }))
	return err
}

// Description is a property as "describe" prints it with --json.
type Description struct {
	Name     string   `json:"name"`
	Type     string   `json:"type"`
	Default  string   `json:"default"`
	Values   []string `json:"values,omitempty"`
	Help     string   `json:"help"`
	Advanced bool     `json:"advanced,omitempty"`
}

func describe(s *session.Session) *cobra.Command {
	return verb.New(verb.Verb{
		Use: "describe [NAME]...", Short: "Explain what properties do", Min: 0, Max: -1, Complete: names(""),
		Run: func(_ context.Context, args []string) error {
			list := []Description{}
			for _, n := range args {
				if option.Cluster.Find(n) == nil {
					return noSuch(n)
				}
			}
			for _, o := range option.Cluster {
				if len(args) > 0 && !has(args, o.Name) || len(args) == 0 && o.Own {
					continue
				}
				list = append(list, Description{o.Name, o.TypeName(), o.Default, o.Values, o.Help, o.Advanced})
			}
			if s.JSON {
				return s.PrintJSON(list)
			}
			paint := render.NewPainter(s)
			for _, d := range list {
				name := paint.Paint(render.Strong, d.Name)
				if d.Advanced {
					name += paint.Paint(render.Quiet, " (advanced)")
				}
				s.Say("%s", name)
				for _, l := range render.Wrap(d.Help, 96) {
					s.Say("    %s", l)
				}
				s.Say("    %s", paint.Paint(render.Quiet, "Default: "+orNone(d.Default)+". Takes "+d.Type+"."))
			}
			return nil
		},
	})
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

func has(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}
