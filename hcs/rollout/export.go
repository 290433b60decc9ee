package rollout

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/clusterfile"
	"github.com/holdfast-ha/holdfast/clusterfile/agent"
	"github.com/holdfast-ha/holdfast/clusterfile/crm"
	"github.com/holdfast-ha/holdfast/clusterfile/export"
	"github.com/holdfast-ha/holdfast/clusterfile/merge"
	"github.com/holdfast-ha/holdfast/clusterfile/outline"
	"github.com/holdfast-ha/holdfast/hcs/render"
	"github.com/holdfast-ha/holdfast/hcs/session"
	"github.com/holdfast-ha/holdfast/hcs/verb"
	"github.com/holdfast-ha/holdfast/internal/atomicfile"
)

func painter(s *session.Session) render.Painter { return render.NewPainter(s) }

// Config is "config".
func Config(s *session.Session) *cobra.Command {
	return verb.Noun("config", "Get the cluster's configuration as a cluster file", "", exportCommand(s))
}

func exportCommand(s *session.Session) *cobra.Command {
	force := false
	return verb.New(verb.Verb{
		Use: "export [FILE]", Short: "Write a cluster file that says what the cluster does", Min: 0, Max: 1,
		Long: `The sections of the membership stay as they are written, with their comments; resources, constraints and all that is in the CIB come from there.
What the cluster file has no notation for becomes [[xml]], so nothing is lost. Secrets are named by their files where the cluster file did so,
otherwise they are in the output. Without FILE the text is printed.`,
		Flags: func(f *pflag.FlagSet) { f.BoolVar(&force, "force", false, "replace FILE when it exists") },
		Run: func(ctx context.Context, args []string) error {
			text, err := exported(ctx, s)
			if err != nil {
				return err
			}
			if len(args) == 0 {
				if s.JSON {
					return s.PrintJSON(map[string]string{"text": text})
				}
				fmt.Fprint(s.Out, text)
				return nil
			}
			if _, err := os.Stat(args[0]); err == nil && !force {
				return session.Fail(api.CodeCantCreate, "%s exists; --force replaces it", args[0])
			}
			if err := atomicfile.Write(args[0], []byte(text), 0o640); err != nil {
				return session.Fail(api.CodeCantCreate, "%v", err)
			}
			s.Say("Wrote %s.", args[0])
			if s.JSON {
				return s.PrintJSON(map[string]string{"file": args[0]})
			}
			return nil
		},
	})
}

// exported writes the cluster as a file, and makes sure that applying it would change nothing.
func exported(ctx context.Context, s *session.Session) (string, error) {
	doc, err := s.Document(ctx)
	if err != nil {
		return "", err
	}
	file, err := agreed(ctx, s)
	if err != nil {
		return "", err
	}
	if s.CIBFile != "" { // a CIB in a file knows nothing of links and votes; this node's file may
		if file.Text, err = readText(s.Dirs.ClusterFile()); err != nil {
			return "", err
		}
	}
	conf := doc.Child("configuration")
	f, err := clusterfile.Parse("the cluster's file", []byte(file.Text))
	if err != nil {
		f, file.Text = nil, skeleton(conf)
		if f, err = clusterfile.Parse("the cluster's file", []byte(file.Text)); err != nil {
			return "", session.Fail(api.CodeConfig, "the nodes of the CIB cannot be written as a cluster file:\n%v", err)
		}
	}
	text := export.File(file.Text, f, export.Input{Configuration: conf, Secret: secretFiles(file.Text)})
	return text, verify(conf, text)
}

// Written is the cluster file of a CIB's configuration and the text of the membership's sections; without that the
// nodes are the CIB's, with addresses that have to be filled in.
func Written(membership string, conf *cibxml.Element) (string, error) {
	if membership == "" {
		membership = skeleton(conf)
	}
	f, err := clusterfile.Parse("the cluster file", []byte(membership))
	if err != nil {
		return "", session.Fail(api.CodeConfig, "the nodes of the CIB cannot be written as a cluster file:\n%v", err)
	}
	text := export.File(membership, f, export.Input{Configuration: conf, Secret: func(_, _, _ string) string { return "" }})
	return text, verify(conf, text)
}

// skeleton is a cluster file with the nodes of a CIB, for a CIB without one. The addresses have to be filled in.
func skeleton(conf *cibxml.Element) string {
	var b strings.Builder
	b.WriteString("[cluster]\nname = \"cluster\"\n")
	for n := range conf.Child("nodes").Tags("node") {
		if n.Get("type") != "remote" {
			// 192.0.2.0/24 is reserved for documentation: it stands for an address to be filled in.
			fmt.Fprintf(&b, "\n[[node]]\nname = %s\nid = %s\nlinks = [\"192.0.2.%s\"]\n", export.Quote(n.Get("uname")), n.ID(), n.ID())
		}
	}
	return b.String()
}

// secretFiles finds the file from which a secret came, as long as it still holds the same.
func secretFiles(text string) func(resource, param, value string) string {
	c := before(text)
	return func(resource, param, value string) string {
		if c == nil {
			return ""
		}
		for _, x := range c.Secrets {
			if x.Resource != resource || x.Param != param {
				continue
			}
			if v, err := secret(x.File); err == nil && strings.TrimRight(v, "\r\n") == value {
				return x.File
			}
		}
		return ""
	}
}

// verify loads what was written and compares it with the CIB.
func verify(conf *cibxml.Element, text string) error {
	_, c, err := crm.Load("the exported file", []byte(text), crm.Source{Agents: agent.Unknown{}, Secret: nil})
	if err != nil {
		return session.Fail(api.CodeSoftware, "the export cannot be read back, which is a mistake of hcs:\n%v", err)
	}
	files := map[string]string{} // secrets are named here, not read
	for _, x := range c.Secrets {
		files[x.Resource+"/params."+x.Param] = x.File
	}
	merged := merge.Merge(merge.Inputs{Live: conf, File: c.Configuration})
	for _, d := range outline.Diff(conf, merged.Configuration) {
		for _, x := range d.Settings {
			if files[d.ID+"/"+x.Key] != x.New || x.New == "" {
				return session.Fail(api.CodeSoftware, "the export would change %s (%s: %q, not %q), which is a mistake of hcs", d.Name(), x.Key, x.New, x.Old)
			}
		}
	}
	return nil
}
