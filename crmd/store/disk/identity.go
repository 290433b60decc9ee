package disk

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/holdfast-ha/holdfast/internal/atomicfile"
)

const identityName = "identity"

// layout is the version of everything in the state directory.
const layout = 1

// identity says whose state it is, so that a copied or left-over directory is not taken for this node's.
type identity struct {
	Layout  int    `json:"layout"`
	Cluster string `json:"cluster"`
	Node    string `json:"node"`
}

func (d *Disk) writeIdentity(path string) error {
	raw, err := json.Marshal(identity{Layout: layout, Cluster: d.cfg.Cluster, Node: d.cfg.Node})
	if err != nil {
		return err
	}
	return atomicfile.Write(path, append(raw, '\n'), 0o600)
}

func (d *Disk) checkIdentity() error {
	raw, err := os.ReadFile(d.path(identityName))
	if errors.Is(err, os.ErrNotExist) {
		return d.damaged(fmt.Errorf("it has no file %s", identityName))
	}
	if err != nil {
		return d.damaged(err)
	}
	var id identity
	if err := json.Unmarshal(raw, &id); err != nil {
		return d.damaged(fmt.Errorf("file %s: %w", identityName, err))
	}
	away := filepath.Join(d.cfg.Dir, stateName)
	switch {
	case id.Layout != layout:
		return fmt.Errorf("raft directory %s has layout %d, this version of crmd knows %d: upgrade Holdfast on this node",
			away, id.Layout, layout)
	case id.Cluster != d.cfg.Cluster:
		return fmt.Errorf("raft directory %s is of cluster %s, this node is configured for %s: "+
			"move %s away if the node has changed clusters, or restore the old configuration", away, id.Cluster, d.cfg.Cluster, away)
	case id.Node != d.cfg.Node:
		return fmt.Errorf("raft directory %s is of node %s, this is %s: "+
			"move %s away if the node was renamed or its disk was copied", away, id.Node, d.cfg.Node, away)
	}
	return nil
}
