package lab

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/holdfast-ha/holdfast/tests/lab/room"
)

// Layer is the software of the nodes: files by their path in a node. The zero value is empty. What it names is
// copied when the cluster is made.
type Layer struct {
	entries []layerEntry
}

type layerEntry struct {
	path string // in the node
	from string // file or tree of the machine, "" when content or link says
	link string
	data []byte
	mode os.FileMode
}

// Tree adds a directory of the machine with all that is in it, such as the result of make install DESTDIR=.
func (l *Layer) Tree(from string) *Layer {
	l.entries = append(l.entries, layerEntry{path: "/", from: from})
	return l
}

// File adds a file of the machine.
func (l *Layer) File(path, from string) *Layer {
	l.entries = append(l.entries, layerEntry{path: path, from: from})
	return l
}

// Link adds a symbolic link.
func (l *Layer) Link(path, to string) *Layer {
	l.entries = append(l.entries, layerEntry{path: path, link: to})
	return l
}

// Text adds a file with that content.
func (l *Layer) Text(path, content string, mode os.FileMode) *Layer {
	l.entries = append(l.entries, layerEntry{path: path, data: []byte(content), mode: mode})
	return l
}

// installLayer writes the layer, with the lab's own agents, to the cluster's directory.
func (c *Cluster) installLayer(software *Layer) error {
	program := room.Init()
	own := (&Layer{}).File("/usr/sbin/fence_lab", program).Link("/usr/sbin/holdfast-hello", "fence_lab").
		Link("/usr/lib/ocf/resource.d/lab/journal", "../../../../sbin/fence_lab")
	if software != nil {
		own.entries = append(own.entries, software.entries...)
	}
	top := filepath.Join(c.dir, "layer")
	for _, e := range own.entries {
		if err := e.install(top); err != nil {
			return fmt.Errorf("install %s: %w", e.path, err)
		}
	}
	return nil
}

func (e layerEntry) install(top string) error {
	to := filepath.Join(top, e.path)
	if e.from == "" || e.path != "/" {
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
	}
	switch {
	case e.link != "":
		return os.Symlink(e.link, to)
	case e.from == "":
		return os.WriteFile(to, e.data, e.mode)
	}
	fi, err := os.Stat(e.from)
	if err != nil {
		return err
	}
	if fi.IsDir() {
		return copyTree(e.from, to)
	}
	return copyFile(e.from, to, fi.Mode())
}

// copyTree copies directories, files and links.
func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		info, err := d.Info()
		if err != nil {
			return err
		}
		switch {
		case d.IsDir():
			return os.MkdirAll(target, 0o755)
		case d.Type()&fs.ModeSymlink != 0:
			link, err := os.Readlink(path)
			if err != nil {
				return err
			}
			return os.Symlink(link, target)
		default:
			return copyFile(path, target, info.Mode())
		}
	})
}

func copyFile(from, to string, mode os.FileMode) error {
	raw, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, raw, mode.Perm())
}
