package cluster

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/clusterfile"
	"github.com/holdfast-ha/holdfast/clusterfile/export"
	"github.com/holdfast-ha/holdfast/crmd/admission"
	"github.com/holdfast-ha/holdfast/hcs/rollout"
	"github.com/holdfast-ha/holdfast/hcs/session"
	"github.com/holdfast-ha/holdfast/hcs/verb"
	"github.com/holdfast-ha/holdfast/internal/atomicfile"
)

// initOptions are the options of init.
type initOptions struct {
	file, node string
	noStart    bool
	limit      time.Duration
}

func initCommand(s *session.Session) *cobra.Command {
	var o initOptions
	return verb.New(verb.Verb{
		Use: "init NAME NODE=ADDRESS[,ADDRESS]... | init -f FILE", Short: "Make a new cluster with this machine as its first node", Min: 0, Max: -1,
		Long: `Either names the cluster and its nodes, each with its address on every link, or takes a cluster file. Nodes that are not there yet join with the
command that is printed at the end. Makes the cluster's own CA and keys, starts the stack on this machine, and brings the resources of the file into effect.

Addresses are not looked up: DNS may fail when it matters.`,
		Examples: `  hcs cluster init shop n1=10.0.0.1
  hcs cluster init shop n1=10.0.0.1,10.1.0.1 n2=10.0.0.2,10.1.0.2
  hcs cluster init -f cluster.toml`,
		Flags: func(f *pflag.FlagSet) {
			f.StringVarP(&o.file, "file", "f", "", "take everything from this cluster `file`")
			f.StringVar(&o.node, "node", "", "which of the nodes this machine is; its host `name` unless given")
			startFlags(f, &o.noStart, &o.limit)
		},
		Run: func(ctx context.Context, args []string) error {
			if (o.file == "") == (len(args) == 0) {
				return session.Fail(api.CodeUsage, "write either hcs cluster init NAME NODE=ADDRESS... or hcs cluster init -f FILE")
			}
			return initialize(ctx, s, args, o)
		},
	})
}

func startFlags(f *pflag.FlagSet, noStart *bool, limit *time.Duration) {
	f.BoolVar(noStart, "no-start", false, "only write the files; hcs cluster start starts the stack")
	f.DurationVar(limit, "limit", startLimit, "how long to wait for the stack")
}

func initialize(ctx context.Context, s *session.Session, args []string, o initOptions) error {
	if configured(s) {
		return session.Fail(api.CodeExists, "%s exists: this machine belongs to a cluster already. hcs cluster destroy takes it out.", s.Dirs.ClusterFile())
	}
	text, path, err := fileText(args, o.file)
	if err != nil {
		return err
	}
	if o.file != "" { // all of it, agents and secrets included, before anything is written
		if err := rollout.Check(ctx, s, path, text); err != nil {
			return err
		}
	}
	node, err := thisNode(path, text, o.node)
	if err != nil {
		return err
	}
	m, err := admission.Create(node, text)
	if err != nil {
		return session.Fail(api.CodeConfig, "%v\nNothing was written.", err)
	}
	if err := begin(s, m); err != nil {
		return err
	}
	s.Say("Made the cluster %s with this machine as node %s.", clusterName(text), node)
	if o.noStart {
		s.Say("Start it with: hcs cluster start")
		return done(s, Made{Node: node, Cluster: clusterName(text)})
	}
	if err := startStack(ctx, s, o.limit); err != nil {
		return err
	}
	if o.file == "" {
		return next(ctx, s, node, text)
	}
	if err := contents(ctx, s, path, text, o.limit); err != nil {
		return session.Fail(session.Code(err), "the cluster runs, but the resources of %s are not in effect: %v\nTry again with: hcs apply %s", path, err, path)
	}
	return next(ctx, s, node, text)
}

// Made is what init and join print with --json.
type Made struct {
	Cluster string `json:"cluster"`
	Node    string `json:"node"`
	Started bool   `json:"started"`
	// Join is the command with which other machines join, "" when it was not asked for.
	Join string `json:"join,omitempty"`
}

func done(s *session.Session, m Made) error {
	if s.JSON {
		return s.PrintJSON(m)
	}
	return nil
}

// begin writes the first node's files. The order makes an interrupted init harmless: the cluster file, which makes
// this machine a node, comes last.
func begin(s *session.Session, m *admission.Membership) error {
	dir := s.Dirs.State("crmd")
	if _, err := os.Stat(filepath.Join(dir, "raft")); err == nil {
		return session.Fail(api.CodeExists, "%s has the configuration of an earlier cluster; remove it with: hcs cluster destroy", dir)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the cluster: %w", err)
	}
	// crmd begins a new configuration log with the voters in this file, and removes it.
	if err := atomicfile.Write(filepath.Join(dir, "bootstrap"), []byte(m.Node+"\n"), 0o600); err != nil {
		return fmt.Errorf("make the cluster: %w", err)
	}
	if err := m.Write(s.Dirs); err != nil {
		return errors.Join(fmt.Errorf("make the cluster: %w", err), os.Remove(filepath.Join(dir, "bootstrap")))
	}
	return nil
}

// fileText is the text of the cluster file that is to be, and its name in messages.
func fileText(args []string, path string) (text, name string, err error) {
	if path != "" {
		raw, err := os.ReadFile(path)
		if err != nil {
			return "", "", session.Fail(api.CodeNoInput, "%v", err)
		}
		return string(raw), path, nil
	}
	text, err = written(args[0], args[1:])
	return text, "the new cluster file", err
}

// written writes a cluster file for a name and nodes.
func written(name string, nodes []string) (string, error) {
	if len(nodes) == 0 {
		return "", session.Fail(api.CodeUsage, "which addresses does this machine have? Write: hcs cluster init %s NODE=ADDRESS", name)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "[cluster]\nname = %s\n", export.Quote(name))
	for i, word := range nodes {
		node, list, ok := strings.Cut(word, "=")
		if !ok {
			return "", session.Fail(api.CodeUsage, "%q is not NODE=ADDRESS", word)
		}
		var links []string
		for _, a := range strings.Split(list, ",") {
			if _, err := netip.ParseAddr(a); err != nil {
				return "", session.Fail(api.CodeUsage, "%q is not an IP address; names are not looked up, because DNS may fail when it matters", a)
			}
			links = append(links, export.Quote(a))
		}
		fmt.Fprintf(&b, "\n[[node]]\nname = %s\nid = %d\nlinks = [%s]\n", export.Quote(node), i+1, strings.Join(links, ", "))
	}
	if len(nodes) == 2 {
		b.WriteString("\n[quorum]\ntwo_node = true\n")
	}
	return b.String(), nil
}

// thisNode finds out which node of the file this machine is.
func thisNode(path, text, node string) (string, error) {
	f, err := clusterfile.Parse(path, []byte(text))
	if err != nil {
		return "", session.Fail(api.CodeConfig, "%v\nNothing was written.", err)
	}
	names := make([]string, len(f.Nodes))
	for i, n := range f.Nodes {
		names[i] = n.Name
	}
	if node == "" {
		if node, err = hostname(); err != nil {
			return "", err
		}
		if len(names) == 1 && !slices.Contains(names, node) {
			return names[0], nil // there is no other machine that it could be
		}
	}
	if !slices.Contains(names, node) {
		return "", session.Fail(api.CodeUsage, "which node is this machine? %s is none of %s; say --node NAME", node, strings.Join(names, ", "))
	}
	return node, nil
}

func clusterName(text string) string {
	f, err := clusterfile.Parse("", []byte(text))
	if err != nil {
		return ""
	}
	return f.Cluster.Name
}

// contents brings the resources of the file into effect as soon as the configuration can be written.
func contents(ctx context.Context, s *session.Session, path, text string, limit time.Duration) error {
	var last error
	ok := session.Until(ctx, limit, func() bool {
		st, err := crmStatus(ctx, s)
		if err != nil || st.DC == "" || st.ReadOnly != "" {
			last = err
			if err == nil {
				last = fmt.Errorf("there is no DC that can write: %s", st.ReadOnly)
			}
			return false
		}
		last = rollout.ApplyText(ctx, s, path, text)
		return last == nil
	})
	if !ok {
		return last
	}
	return nil
}

// tokenTTL is how long the token lives that init makes.
const tokenTTL = 2 * time.Hour
