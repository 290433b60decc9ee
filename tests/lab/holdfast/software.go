package holdfast

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/holdfast-ha/holdfast/tests/lab"
	"github.com/holdfast-ha/holdfast/tests/lab/room"
)

// buildDir is where the programs under test are compiled to, below the repository's root.
const buildDir = ".tools/lab/bin"

// Main is lab.Main for a package that runs Holdfast: it compiles the daemons and commands first.
func Main(work func() int) {
	lab.Main(work, func() error { return room.Build(buildDir, "./cmd/...") })
}

// Software is Holdfast as `make install` lays it out.
func Software() (*lab.Layer, error) {
	root, err := room.Root()
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(root, buildDir)
	layer := &lab.Layer{}
	programs, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(programs) == 0 {
		return nil, fmt.Errorf("there are no programs in %s (%v): holdfast.Main builds them", dir, err)
	}
	for _, p := range programs {
		layer.File("/usr/sbin/"+filepath.Base(p), p)
	}
	for _, links := range []struct{ program, list, dir, to string }{
		{"holdfast-tools", "--list", "/usr/sbin/", "holdfast-tools"},
		{"holdfast-tools", "--list-daemons", "/usr/lib/pacemaker/", "/usr/sbin/holdfast-tools"},
		{"holdfast-agents", "--list", "/usr/lib/ocf/resource.d/holdfast/", "/usr/sbin/holdfast-agents"},
	} {
		out, err := exec.Command(filepath.Join(dir, links.program), links.list).Output()
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", links.program, links.list, err)
		}
		for _, name := range strings.Fields(string(out)) {
			layer.Link(links.dir+name, links.to)
		}
	}
	return layer, nil
}
