// Package complete suggests words to the shell.
package complete

import (
	"context"
	"slices"
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/clusterfile/agent"
	"github.com/holdfast-ha/holdfast/hcs/agents"
	"github.com/holdfast-ha/holdfast/hcs/edit"
	"github.com/holdfast-ha/holdfast/hcs/session"
)

// Words suggests words for the next operand; args are the ones before it.
type Words func(ctx context.Context, args []string) []string

// none is "no suggestions", which is not the same as files.
var none = []string{}

// fromConfiguration suggests what a function finds in the configuration.
func fromConfiguration(s *session.Session, find func(conf *cibxml.Element) []string) Words {
	return func(ctx context.Context, _ []string) []string {
		doc, err := s.Document(ctx)
		if err != nil {
			return none
		}
		return append(none, find(doc.Child("configuration"))...)
	}
}

// Resources suggests every resource.
func Resources(s *session.Session) Words { return fromConfiguration(s, edit.Resources) }

// Devices suggests fence devices.
func Devices(s *session.Session) Words {
	return fromConfiguration(s, func(conf *cibxml.Element) []string {
		return slices.DeleteFunc(edit.Resources(conf), func(id string) bool { return edit.Find(conf, id).Get("class") != "stonith" })
	})
}

// Nodes suggests nodes.
func Nodes(s *session.Session) Words { return fromConfiguration(s, edit.Nodes) }

// Elements suggests the ids in a section.
func Elements(s *session.Session, section string) Words {
	return fromConfiguration(s, func(conf *cibxml.Element) []string {
		var ids []string
		for e := range conf.Child(section).Tags() {
			ids = append(ids, e.ID())
		}
		return ids
	})
}

// Agents suggests resource agents, with stonith also fence agents by their bare names.
func Agents(s *session.Session, stonith bool) Words {
	return func(ctx context.Context, _ []string) []string {
		c := agents.New(ctx, s.Getenv)
		list := none
		if stonith {
			for _, r := range c.Installed("stonith") {
				list = append(list, r.Type)
			}
			return list
		}
		for _, class := range []string{"ocf", "systemd", "lsb"} {
			for _, r := range c.Installed(class) {
				list = append(list, r.String())
			}
		}
		return list
	}
}

// Params suggests the parameters of an agent.
func Params(s *session.Session, ref agent.Ref) Words {
	return func(ctx context.Context, _ []string) []string {
		a, _ := agents.New(ctx, s.Getenv).Describe(ref)
		list := none
		if a != nil {
			for _, p := range a.Params {
				list = append(list, p.Name+"=")
			}
		}
		return list
	}
}

// Fixed suggests words that are always the same.
func Fixed(words ...string) Words { return func(context.Context, []string) []string { return words } }

// Each suggests for the first operand what the first function says, for the second the second and so on. The last
// one also serves all further operands, without repeating words that are there.
func Each(list ...Words) Words {
	return func(ctx context.Context, args []string) []string {
		words := list[min(len(args), len(list)-1)](ctx, args)
		return slices.DeleteFunc(slices.Clone(words), func(w string) bool { return slices.Contains(args, w) })
	}
}

// First suggests only for the first operand.
func First(w Words) Words {
	return func(ctx context.Context, args []string) []string {
		if len(args) > 0 {
			return none
		}
		return w(ctx, args)
	}
}

// Create suggests for "resource create ID AGENT ...".
func Create(s *session.Session, stonith bool) Words {
	return func(ctx context.Context, args []string) []string {
		switch len(args) {
		case 0:
			return none
		case 1:
			return Agents(s, stonith)(ctx, args)
		}
		name := args[1]
		if stonith {
			name = "stonith:" + strings.TrimPrefix(name, "stonith:")
		}
		words := []string{"op", "meta"}
		if !stonith {
			words = append(words, "clone", "promotable")
		}
		if ref, err := agent.Find(agents.New(ctx, s.Getenv), name); err == nil {
			words = append(words, Params(s, ref)(ctx, args)...)
		}
		return words
	}
}
