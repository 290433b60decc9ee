package machine

import (
	"fmt"
	"os/exec"
	"regexp"
	"slices"
)

// library is how ldd tells where a library is: behind an arrow, or alone.
var library = regexp.MustCompile(`(?m)^\s(?:\S+ => )?(/\S+) \(0x`)

// Programs are programs of this machine with the libraries that they need, each at the path that it has here.
func Programs(paths ...string) ([]File, error) {
	var files []File
	add := func(path string) {
		if !slices.ContainsFunc(files, func(f File) bool { return f.Path == path }) {
			files = append(files, File{Path: path, From: path})
		}
	}
	for _, path := range paths {
		add(path)
		out, err := exec.Command("ldd", path).CombinedOutput()
		if err != nil && !regexp.MustCompile("not a dynamic executable").Match(out) {
			return nil, fmt.Errorf("the libraries of %s: %w: %s", path, err, out)
		}
		for _, m := range library.FindAllSubmatch(out, -1) {
			add(string(m[1]))
		}
	}
	return files, nil
}
