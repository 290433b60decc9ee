// Package cibcmd is the command "cib": the configuration in Pacemaker's XML.
package cibcmd

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/clusterfile/outline"
	"github.com/holdfast-ha/holdfast/hcs/complete"
	"github.com/holdfast-ha/holdfast/hcs/rollout"
	"github.com/holdfast-ha/holdfast/hcs/session"
	"github.com/holdfast-ha/holdfast/hcs/verb"
)

// sections are the scopes that a command can be restricted to.
var sections = []string{"configuration", "crm_config", "nodes", "resources", "constraints", "rsc_defaults", "op_defaults", "acls", "tags", "fencing-topology", "alerts", "status"}

// Command is "cib".
func Command(s *session.Session) *cobra.Command {
	return verb.Noun("cib", "Read and change the configuration as Pacemaker's XML", "cibadmin does the same with other words.",
		query(s),
		change(s, "create", "Add XML to a section", cib.OpCreate), change(s, "modify", "Merge XML into what is there", cib.OpModify),
		change(s, "replace", "Replace an element or a section by XML", cib.OpReplace), change(s, "delete", "Remove what XML or an XPath describes", cib.OpDelete),
		simple(s, "upgrade", "Bring the configuration to the newest schema", cib.OpUpgrade),
		simple(s, "bump", "Raise the epoch of the configuration without changing it", cib.OpBump),
		push(s))
}

// scope are the options that say what a command works on.
type scope struct{ section, xpath string }

func (c *scope) flags(f *pflag.FlagSet) {
	f.StringVar(&c.section, "section", "", "only this `section`: "+strings.Join(sections, ", "))
	f.StringVar(&c.xpath, "xpath", "", "only what this XPath `expression` finds")
}

func (c *scope) check() error {
	if c.section == "" {
		return nil
	}
	for _, s := range sections {
		if s == c.section {
			return nil
		}
	}
	return session.Fail(api.CodeUsage, "there is no section %q, only %s", c.section, strings.Join(sections, ", "))
}

// completeSection suggests sections.
func completeSection(c *cobra.Command) *cobra.Command {
	// An error means that the option does not exist, which is a mistake of the programmer.
	if err := c.RegisterFlagCompletionFunc("section", cobra.FixedCompletions(sections, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err)
	}
	return c
}

func query(s *session.Session) *cobra.Command {
	var c scope
	var bare, local bool
	return completeSection(verb.New(verb.Verb{
		Use: "query", Short: "Print the CIB or a part of it", Min: 0, Max: 0, Complete: complete.Fixed(),
		Flags: func(f *pflag.FlagSet) {
			c.flags(f)
			f.BoolVar(&bare, "no-children", false, "only the elements themselves")
			f.BoolVar(&local, "local", false, "this node's copy, even when there is no DC")
		},
		Run: func(ctx context.Context, _ []string) error {
			if err := c.check(); err != nil {
				return err
			}
			reply, err := s.CIB(ctx, api.CIBRequest{Op: string(cib.OpQuery), Section: c.section, XPath: c.xpath, NoChildren: bare, Local: local})
			if err != nil {
				return err
			}
			if s.JSON {
				return s.PrintJSON(map[string]string{"version": reply.Version, "xml": reply.XML})
			}
			fmt.Fprint(s.Out, reply.XML)
			return nil
		},
	}))
}

// input reads XML from an operand, or with - from standard input.
func input(s *session.Session, args []string) (string, error) {
	if len(args) == 0 {
		return "", nil
	}
	text := args[0]
	if text == "-" {
		raw, err := io.ReadAll(io.LimitReader(s.In, cibxml.MaxSize))
		if err != nil {
			return "", err
		}
		text = string(raw)
	} else if raw, ok := strings.CutPrefix(text, "@"); ok {
		file, err := os.ReadFile(raw)
		if err != nil {
			return "", session.Fail(api.CodeNoInput, "%v", err)
		}
		text = string(file)
	}
	if _, err := cibxml.Parse(text); err != nil {
		return "", session.Fail(api.CodeBadData, "the XML cannot be read: %v", err)
	}
	return text, nil
}

func change(s *session.Session, name, short string, op cib.Op) *cobra.Command {
	var c scope
	var all, create bool
	return completeSection(verb.New(verb.Verb{
		Use: name + " [XML|@FILE|-]", Short: short, Min: 0, Max: 1,
		Long: "The XML is the operand itself, a file (@FILE) or standard input (-).",
		Flags: func(f *pflag.FlagSet) {
			c.flags(f)
			if op == cib.OpModify {
				f.BoolVar(&create, "allow-create", false, "add what is not there")
			}
			if op != cib.OpCreate {
				f.BoolVar(&all, "all", false, "with --xpath: everything that it finds, not only the first")
			}
			verb.Wait(s, f)
		},
		Run: func(ctx context.Context, args []string) error {
			if err := c.check(); err != nil {
				return err
			}
			text, err := input(s, args)
			if err != nil {
				return err
			}
			if text == "" && (op != cib.OpDelete || c.xpath == "") {
				return session.Fail(api.CodeUsage, "there is no XML; usage: hcs cib %s XML|@FILE|-", name)
			}
			return perform(ctx, s, api.CIBRequest{Op: string(op), Section: c.section, XPath: c.xpath, Input: text, All: all, AllowCreate: create})
		},
	}))
}

func simple(s *session.Session, name, short string, op cib.Op) *cobra.Command {
	return verb.New(verb.Verb{Use: name, Short: short, Min: 0, Max: 0,
		Run: func(ctx context.Context, _ []string) error { return perform(ctx, s, api.CIBRequest{Op: string(op)}) }})
}

func perform(ctx context.Context, s *session.Session, req api.CIBRequest) error {
	before, err := s.Document(ctx)
	if err != nil {
		return err
	}
	reply, err := s.CIB(ctx, req)
	if err != nil {
		return err
	}
	if err := s.WaitIdle(ctx, reply.Version); err != nil {
		return err
	}
	after, err := s.Document(ctx)
	if err != nil {
		return err
	}
	changes := append([]outline.Change{}, outline.Diff(before.Child("configuration"), after.Child("configuration"))...)
	if s.JSON {
		return s.PrintJSON(session.Changed{Version: reply.Version, Changes: changes})
	}
	if reply.Note != "" {
		s.Say("%s", reply.Note)
	}
	rollout.Changes(s, changes)
	s.Say("The CIB is version %s.", reply.Version)
	return nil
}

func push(s *session.Session) *cobra.Command {
	return verb.New(verb.Verb{
		Use: "push FILE", Short: "Replace the configuration by that of a CIB file", Min: 1, Max: 1,
		Long:  "FILE is a CIB in XML, such as hcs cib query prints it. What changes is shown and a question asked first. The status section of the file is not used.",
		Flags: func(f *pflag.FlagSet) { verb.Wait(s, f) },
		Run: func(ctx context.Context, args []string) error {
			raw, err := os.ReadFile(args[0])
			if err != nil {
				return session.Fail(api.CodeNoInput, "%v", err)
			}
			doc, err := cibxml.Parse(string(raw))
			if err != nil {
				return session.Fail(api.CodeBadData, "%s: %v", args[0], err)
			}
			conf := doc.Child("configuration")
			if conf == nil {
				return session.Fail(api.CodeBadData, "%s has no <configuration>", args[0])
			}
			live, err := s.Document(ctx)
			if err != nil {
				return err
			}
			changes := outline.Diff(live.Child("configuration"), conf)
			if len(changes) > 0 && !s.JSON {
				rollout.Changes(s, changes)
			}
			if len(changes) > 0 {
				if err := s.Confirm("Replace the configuration?"); err != nil {
					return err
				}
			}
			_, err = s.Change(ctx, "Replaced the configuration.", func(*cibxml.Element) (*cibxml.Element, error) { return conf, nil })
			return err
		},
	})
}
