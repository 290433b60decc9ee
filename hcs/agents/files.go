package agents

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

func isProgram(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// names lists a directory without hidden entries, sorted; nothing when it cannot be read.
func names(dir string) []string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	var list []string
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") {
			list = append(list, e.Name())
		}
	}
	return list
}

// programs lists the executable files of a directory.
func programs(dir string) []string {
	return slices.DeleteFunc(names(dir), func(n string) bool { return !isProgram(filepath.Join(dir, n)) })
}

// unitNames lists the services that systemd knows files of, without templates.
func (c *Catalogue) unitNames() []string {
	var list []string
	for _, dir := range c.units {
		for _, n := range names(dir) {
			if name, ok := strings.CutSuffix(n, ".service"); ok && !strings.HasSuffix(name, "@") {
				list = append(list, name)
			}
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// unit reports whether there is a file for a unit, or for its template.
func (c *Catalogue) unit(name string) bool {
	if template, _, ok := strings.Cut(name, "@"); ok {
		name = template + "@"
	}
	if !strings.Contains(name, ".") {
		name += ".service"
	}
	return slices.ContainsFunc(c.units, func(dir string) bool {
		_, err := os.Stat(filepath.Join(dir, name))
		return err == nil
	})
}
