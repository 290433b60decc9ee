// Package agent is the part of crm_resource that deals with the agents of this node: lists of them, what they
// say of themselves, and running one by hand.
package agent

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/executor"
	"github.com/holdfast-ha/holdfast/internal/paths"
	"github.com/holdfast-ha/holdfast/tools/cli"
	"github.com/holdfast-ha/holdfast/tools/output"
	"github.com/holdfast-ha/holdfast/tools/program"
)

// ocfRoot may be moved by the environment, as agents and their test suites do.
func ocfRoot(env *cli.Env) string {
	if dir := env.Getenv("OCF_ROOT"); dir != "" {
		return dir
	}
	return "/usr/lib/ocf"
}

// with runs fn with an executor of its own, whose notes are in a directory of its own: those of the cluster's
// executor on this node are none of its business.
func with(ctx context.Context, env *cli.Env, extra map[string]string, fn func(context.Context, *executor.Executor) error) error {
	dir, err := os.MkdirTemp("", "crm_resource-")
	if err != nil {
		return fmt.Errorf("run an agent: %w", err)
	}
	defer os.RemoveAll(dir)
	e, err := executor.New(executor.Config{Dirs: paths.Dirs{Run: dir}, OCFRoot: ocfRoot(env), Env: extra,
		RscTmp: rscTmp(dir), Report: func(executor.Result) {}})
	if err != nil {
		return fmt.Errorf("run an agent: %w", err)
	}
	ctx, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	err = fn(ctx, e)
	stop()
	<-ended // what it says is that it was told to end
	return err
}

// rscTmp is where agents keep their state. Who may not write there, as an ordinary user who only wants an
// agent's metadata, gets a directory that vanishes.
func rscTmp(fallback string) string {
	const usual = "/run/resource-agents"
	if os.Geteuid() == 0 {
		return usual
	}
	return filepath.Join(fallback, "resource-agents")
}

// Show performs one of the commands that list agents or show what they say of themselves.
func Show(ctx context.Context, env *cli.Env, out *output.Out, command, argument string) error {
	return with(ctx, env, nil, func(ctx context.Context, e *executor.Executor) error {
		switch command {
		case "list-standards":
			return list(out, "standards", e.Standards(ctx))
		case "list-ocf-providers":
			return providers(out, cibxml.New("providers", "standard", "ocf"), e.Providers())
		case "list-ocf-alternatives":
			return alternatives(out, e, env, argument)
		case "list-agents":
			return agents(ctx, out, e, argument)
		}
		return metadataOf(ctx, out, e, argument)
	})
}

func list(out *output.Out, name string, items []string) error {
	if out.IsXML() {
		e := cibxml.New("list", "name", name, "count", fmt.Sprint(len(items)))
		for _, i := range items {
			e.Append(output.TextElement("item", i))
		}
		out.Add(e)
		return nil
	}
	lines(out, items)
	return nil
}

func lines(out *output.Out, items []string) {
	for _, i := range items {
		out.Printf("%s\n", i)
	}
}

func providers(out *output.Out, e *cibxml.Element, names []string) error {
	for _, n := range names {
		e.Append(output.TextElement("provider", n))
	}
	if out.IsXML() {
		out.Add(e)
		return nil
	}
	lines(out, names)
	return nil
}

// alternatives lists the providers that have an agent of that name.
func alternatives(out *output.Out, e *executor.Executor, env *cli.Env, typ string) error {
	have := slices.DeleteFunc(e.Providers(), func(p string) bool {
		info, err := os.Stat(filepath.Join(ocfRoot(env), "resource.d", p, typ))
		return typ != filepath.Base(typ) || err != nil || !info.Mode().IsRegular()
	})
	if len(have) == 0 {
		return program.Faultf(api.CodeNoSuchObject, "No OCF providers found for %s", typ)
	}
	return providers(out, cibxml.New("providers", "for", typ), have)
}

func agents(ctx context.Context, out *output.Out, e *executor.Executor, spec string) error {
	class, provider, _ := strings.Cut(spec, ":")
	of := []string{provider}
	if class == "ocf" && provider == "" {
		of = e.Providers() // one list after the other
	}
	var names []string
	var err error
	for _, p := range of {
		list, failed := e.Agents(ctx, class, p)
		names, err = append(names, list...), cmp.Or(err, failed)
	}
	if err != nil || len(names) == 0 {
		what := "standard '" + class + "'"
		if provider != "" {
			what += " and provider '" + provider + "'"
		}
		return program.Faultf(api.CodeError, "No agents found for %s", what)
	}
	if !out.IsXML() {
		lines(out, names)
		return nil
	}
	x := cibxml.New("agents", "standard", class)
	if provider != "" {
		x.Set("provider", provider)
	}
	for _, n := range names {
		x.Append(output.TextElement("agent", n))
	}
	out.Add(x)
	return nil
}

// metadataOf shows what an agent says of itself.
func metadataOf(ctx context.Context, out *output.Out, e *executor.Executor, spec string) error {
	class, provider, typ, ok := split(spec)
	if !ok {
		return program.Faultf(api.CodeNoSuchObject, "'%s' is not a valid agent specification", spec)
	}
	a, err := e.Metadata(ctx, class, provider, typ)
	if err != nil {
		return program.Faultf(api.CodeNoSuchObject, "Metadata query for %s failed: %v", spec, err)
	}
	text := a.XML
	if class == "stonith" {
		if text, err = forFencer(text); err != nil {
			return program.Faultf(api.CodeNoSuchObject, "Metadata query for %s failed: %v", spec, err)
		}
	}
	if out.IsXML() {
		out.Add(output.CDataElement("metadata", text))
		return nil
	}
	out.Printf("%s\n", strings.TrimSuffix(text, "\n"))
	return nil
}

// split takes CLASS:TYPE or, for ocf, CLASS:PROVIDER:TYPE apart.
func split(spec string) (class, provider, typ string, ok bool) {
	class, rest, found := strings.Cut(spec, ":")
	if !found || class == "" {
		return "", "", "", false
	}
	if class == "ocf" || strings.Count(rest, ":") > 0 && class != "stonith" && class != "systemd" {
		if provider, rest, found = strings.Cut(rest, ":"); !found || provider == "" {
			return "", "", "", false
		}
	}
	return class, provider, rest, rest != ""
}

// forFencer is the metadata of a fence agent as the cluster sees it: the fencer fills in the action and the
// port, and the device can be started and stopped.
func forFencer(text string) (string, error) {
	root, err := cibxml.ParseText(text)
	if err != nil {
		return "", err
	}
	for p := range root.Child("parameters").Tags("parameter") {
		if slices.Contains([]string{"action", "plug", "port"}, p.Get("name")) {
			p.Set("required", "0")
		}
	}
	actions := root.Child("actions")
	for _, name := range []string{"stop", "start"} {
		if actions != nil && !slices.ContainsFunc(actions.Children, func(a *cibxml.Element) bool { return a.Get("name") == name }) {
			actions.Append(cibxml.New("action", "name", name, "timeout", "20s"))
		}
	}
	return output.Document(root), nil
}
