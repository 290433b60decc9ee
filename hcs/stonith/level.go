package stonith

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/clusterfile/build"
	"github.com/holdfast-ha/holdfast/hcs/complete"
	"github.com/holdfast-ha/holdfast/hcs/edit"
	"github.com/holdfast-ha/holdfast/hcs/render"
	"github.com/holdfast-ha/holdfast/hcs/session"
	"github.com/holdfast-ha/holdfast/hcs/verb"
)

func level(s *session.Session) *cobra.Command {
	return verb.Noun("level", "Say which fence devices are tried in which order",
		"The levels of a node are tried from 1 to 9 until one succeeds. All devices of a level must succeed, as for a node with two power supplies.",
		levelList(s), levelAdd(s), levelRemove(s))
}

// Level is a fencing level as JSON.
type Level struct {
	ID      string   `json:"id"`
	Target  string   `json:"target"`
	Level   int      `json:"level"`
	Devices []string `json:"devices"`
}

func levels(conf *cibxml.Element) []Level {
	list := []Level{}
	for e := range conf.Child("fencing-topology").Tags("fencing-level") {
		l := Level{ID: e.ID(), Target: e.Get("target"), Devices: strings.Split(e.Get("devices"), ",")}
		l.Level, _ = strconv.Atoi(e.Get("index")) // the schema wants a number
		if p := e.Get("target-pattern"); p != "" {
			l.Target = "regexp%" + p
		}
		if a := e.Get("target-attribute"); a != "" {
			l.Target = "attrib%" + a + "=" + e.Get("target-value")
		}
		list = append(list, l)
	}
	slices.SortStableFunc(list, func(a, b Level) int {
		if c := strings.Compare(a.Target, b.Target); c != 0 {
			return c
		}
		return a.Level - b.Level
	})
	return list
}

func levelList(s *session.Session) *cobra.Command {
	return verb.New(verb.Verb{
		Use: "list", Short: "List the fencing levels", Min: 0, Max: 0,
		Run: func(ctx context.Context, _ []string) error {
			doc, err := s.Document(ctx)
			if err != nil {
				return err
			}
			list := levels(doc.Child("configuration"))
			if s.JSON {
				return s.PrintJSON(list)
			}
			if len(list) == 0 {
				s.Say("There are no levels: any device that can fence a node is used.")
				return nil
			}
			t := render.NewTable(s, "target", "level", "devices")
			for _, l := range list {
				t.Text(l.Target, strconv.Itoa(l.Level), strings.Join(l.Devices, ", "))
			}
			t.Write(s.Out)
			return nil
		},
	})
}

// target reads NODE, regexp%PATTERN or attrib%NAME=VALUE.
func target(conf *cibxml.Element, text string) (build.FencingLevel, error) {
	if p, ok := strings.CutPrefix(text, "regexp%"); ok {
		return build.FencingLevel{Pattern: p}, nil
	}
	if a, ok := strings.CutPrefix(text, "attrib%"); ok {
		name, value, ok := strings.Cut(a, "=")
		if !ok {
			return build.FencingLevel{}, session.Fail(api.CodeUsage, "%q is not attrib%%NAME=VALUE", text)
		}
		return build.FencingLevel{Attribute: name, Value: value}, nil
	}
	_, err := edit.Node(conf, text)
	return build.FencingLevel{Target: text}, err
}

func index(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > 9 {
		return 0, session.Fail(api.CodeUsage, "%q is not a level: a number from 1 to 9", text)
	}
	return n, nil
}

func levelAdd(s *session.Session) *cobra.Command {
	return verb.New(verb.Verb{
		Use: "add LEVEL TARGET DEVICE...", Short: "Add a fencing level", Min: 3, Max: -1,
		Complete: complete.Each(complete.Fixed("1", "2", "3"), complete.Nodes(s), complete.Devices(s)),
		Long:     "TARGET is a node, a regular expression for nodes (regexp%PATTERN) or a node attribute (attrib%NAME=VALUE).",
		Examples: "  hcs stonith level add 1 n1 power-n1\n  hcs stonith level add 2 n1 pdu-a pdu-b",
		Run: func(ctx context.Context, args []string) error {
			n, err := index(args[0])
			if err != nil {
				return err
			}
			said := "Level " + args[0] + " of " + args[1] + " is " + strings.Join(args[2:], ", ") + "."
			_, err = s.Change(ctx, said, func(conf *cibxml.Element) (*cibxml.Element, error) {
				l, err := target(conf, args[1])
				if err != nil {
					return nil, err
				}
				for _, old := range levels(conf) {
					if old.Level == n && old.Target == args[1] {
						return nil, session.Fail(api.CodeExists, "%s has a level %d already (%s); remove it first", args[1], n, strings.Join(old.Devices, ", "))
					}
				}
				for _, d := range args[2:] {
					e, err := edit.Resource(conf, d)
					if err != nil {
						return nil, err
					}
					if e.Get("class") != "stonith" {
						return nil, session.Fail(api.CodeUsage, "%s is not a fence device", d)
					}
				}
				l.Index, l.Devices = n, args[2:]
				return edit.Append(conf, "fencing-topology", l.Element(build.NewIDs(conf))), nil
			})
			return err
		},
	})
}

func levelRemove(s *session.Session) *cobra.Command {
	return verb.New(verb.Verb{
		Use: "remove LEVEL TARGET", Short: "Remove a fencing level", Min: 2, Max: 2,
		Complete: complete.Each(complete.Fixed("1", "2", "3"), complete.Nodes(s)),
		Run: func(ctx context.Context, args []string) error {
			n, err := index(args[0])
			if err != nil {
				return err
			}
			_, err = s.Change(ctx, "Removed level "+args[0]+" of "+args[1]+".", func(conf *cibxml.Element) (*cibxml.Element, error) {
				for _, l := range levels(conf) {
					if l.Level == n && l.Target == args[1] {
						return edit.RemoveByID(conf, "fencing-topology", l.ID)
					}
				}
				return nil, session.Fail(api.CodeNoSuchObject, "%s has no level %d", args[1], n)
			})
			return err
		},
	})
}
