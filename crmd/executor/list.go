package executor

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
)

// Standards lists the resource classes that this node has, in the order in which tools show them.
func (e *Executor) Standards(ctx context.Context) []string {
	found := []string{"ocf", "lsb", "service"}
	if units, err := e.systemd.List(ctx); err == nil && len(units) > 0 {
		found = append(found, "systemd")
	}
	if agents, err := e.Agents(ctx, "stonith", ""); err == nil && len(agents) > 0 {
		found = append(found, "stonith")
	}
	return found
}

// Providers lists the providers of OCF agents.
func (e *Executor) Providers() []string {
	found := map[string]string{}
	for _, dir := range e.cfg.OCFPath {
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, d := range entries {
			if info, err := os.Stat(filepath.Join(dir, d.Name())); err == nil && info.IsDir() && !strings.HasPrefix(d.Name(), ".") {
				found[d.Name()] = ""
			}
		}
	}
	return sortedKeys(found)
}

// Agents lists the agents of a class; for ocf those of one provider, or with "" of all. Some may be listed
// although their metadata cannot be read.
func (e *Executor) Agents(ctx context.Context, class, provider string) ([]string, error) {
	found := map[string]string{}
	switch class {
	case "ocf":
		for _, dir := range e.cfg.OCFPath {
			for _, p := range e.Providers() {
				if provider == "" || p == provider {
					executables(filepath.Join(dir, p), "", found)
				}
			}
		}
	case "lsb":
		executables(e.cfg.InitDir, "", found)
	case "stonith":
		executables(e.cfg.FenceDir, "fence_", found)
	case "systemd":
		return e.systemd.List(ctx)
	case "service":
		executables(e.cfg.InitDir, "", found)
		units, err := e.systemd.List(ctx)
		if err != nil {
			e.log.Info("list without systemd units", "err", err)
		}
		for _, u := range units {
			found[u] = ""
		}
	default:
		return nil, errors.New("there is no resource class " + class)
	}
	return sortedKeys(found), nil
}

// executables adds the executable files of a directory whose names have the prefix.
func executables(dir, prefix string, found map[string]string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, d := range entries {
		name := d.Name()
		if strings.HasPrefix(name, ".") || !strings.HasPrefix(name, prefix) {
			continue
		}
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			found[name] = ""
		}
	}
}
