// Package agents finds the resource and fence agents of this machine and asks them for their metadata.
package agents

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/holdfast-ha/holdfast/clusterfile/agent"
	"github.com/holdfast-ha/holdfast/crmd/executor/metadata"
	"github.com/holdfast-ha/holdfast/fenced/driver/catalogue"
)

// Limits of an agent that is asked for its metadata.
const (
	metadataTimeout = 15 * time.Second
	maxMetadata     = 1 << 20
)

// Catalogue is what is installed here. It asks each agent once.
type Catalogue struct {
	ctx      context.Context
	ocf      string   // directories of providers
	fence    []string // directories of fence agents
	init     string
	units    []string // directories of unit files
	systemd  bool     // systemd runs here
	mu       sync.Mutex
	answered map[agent.Ref]*metadata.Agent
}

// New makes a catalogue. The environment may move the agents: OCF_ROOT, and as for fenced HOLDFAST_FENCE_AGENTS.
func New(ctx context.Context, getenv func(string) string) *Catalogue {
	or := func(name, fallback string) string {
		if v := getenv(name); v != "" {
			return v
		}
		return fallback
	}
	_, err := os.Stat("/run/systemd/system")
	return &Catalogue{ctx: ctx, ocf: filepath.Join(or("OCF_ROOT", "/usr/lib/ocf"), "resource.d"), fence: filepath.SplitList(or("HOLDFAST_FENCE_AGENTS", "/usr/sbin")),
		init: "/etc/init.d", units: []string{"/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"},
		systemd: err == nil, answered: map[agent.Ref]*metadata.Agent{}}
}

// Describe asks an agent about itself; see agent.Catalogue.
func (c *Catalogue) Describe(ref agent.Ref) (*metadata.Agent, bool) {
	switch ref.Class {
	case "systemd", "service":
		// Units have no metadata. A service may be an init script instead.
		return nil, ref.Class == "systemd" && c.systemd && !c.unit(ref.Type)
	case "lsb":
		return nil, !isProgram(filepath.Join(c.init, ref.Type)) && isDir(c.init)
	}
	path := c.path(ref)
	if !isProgram(path) {
		// Without the directory nothing is known: this may be a machine on which files are only written.
		if own := catalogue.Find(ref.Type); own != nil && ref.Class == "stonith" {
			a, err := metadata.Parse(own.Metadata())
			return a, err == nil
		}
		return nil, isDir(filepath.Dir(path))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if a, ok := c.answered[ref]; ok {
		return a, a != nil
	}
	a := c.ask(ref, path)
	c.answered[ref] = a
	return a, a != nil
}

func (c *Catalogue) path(ref agent.Ref) string {
	if ref.Class != "stonith" {
		return filepath.Join(c.ocf, ref.Provider, ref.Type)
	}
	for _, dir := range c.fence {
		if path := filepath.Join(dir, ref.Type); isProgram(path) {
			return path
		}
	}
	return filepath.Join(c.fence[0], ref.Type)
}

// ask runs the agent. One that does not answer properly is one of which nothing is known.
func (c *Catalogue) ask(ref agent.Ref, path string) *metadata.Agent {
	ctx, cancel := context.WithTimeout(c.ctx, metadataTimeout)
	defer cancel()
	action := "meta-data"
	cmd := exec.CommandContext(ctx, path, action)
	if ref.Class == "stonith" {
		cmd = exec.CommandContext(ctx, path, "-o", "metadata")
	}
	root := filepath.Dir(c.ocf)
	cmd.Env = []string{"OCF_ROOT=" + root, "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", "OCF_RA_VERSION_MAJOR=1", "OCF_RA_VERSION_MINOR=1",
		"OCF_RESOURCE_INSTANCE=" + ref.Type, "OCF_RESOURCE_TYPE=" + ref.Type, "OCF_RESOURCE_PROVIDER=" + ref.Provider, "__OCF_ACTION=" + action}
	cmd.WaitDelay = time.Second
	var out limited
	cmd.Stdout, cmd.Stderr = &out, io.Discard
	if err := cmd.Run(); err != nil {
		return nil
	}
	a, err := metadata.Parse(out.b.String())
	if err != nil {
		return nil
	}
	return a
}

// limited keeps the first maxMetadata bytes.
type limited struct{ b strings.Builder }

func (l *limited) Write(p []byte) (int, error) {
	if l.b.Len()+len(p) <= maxMetadata {
		l.b.Write(p)
	}
	return len(p), nil
}

// Installed lists the agents of a class.
func (c *Catalogue) Installed(class string) []agent.Ref {
	var list []agent.Ref
	switch class {
	case "ocf":
		for _, p := range names(c.ocf) {
			for _, t := range programs(filepath.Join(c.ocf, p)) {
				list = append(list, agent.Ref{Class: class, Provider: p, Type: t})
			}
		}
	case "stonith":
		for _, dir := range c.fence {
			for _, t := range programs(dir) {
				if strings.HasPrefix(t, "fence_") {
					list = append(list, agent.Ref{Class: class, Type: t})
				}
			}
		}
		for _, own := range catalogue.All() {
			if ref := (agent.Ref{Class: class, Type: own.Name}); !slices.Contains(list, ref) {
				list = append(list, ref)
			}
		}
		slices.SortFunc(list, func(a, b agent.Ref) int { return strings.Compare(a.Type, b.Type) })
	case "lsb":
		for _, t := range programs(c.init) {
			list = append(list, agent.Ref{Class: class, Type: t})
		}
	case "systemd":
		for _, t := range c.unitNames() {
			list = append(list, agent.Ref{Class: class, Type: t})
		}
	}
	return list
}
