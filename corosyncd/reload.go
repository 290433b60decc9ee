package corosyncd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/clusterfile"
	"github.com/holdfast-ha/holdfast/internal/ipc"
)

// reload reads the cluster file again and takes over what can change at run time. On an error nothing changes.
func (d *Daemon) reload(ctx context.Context) error {
	file, err := d.readFile()
	if err != nil {
		return ipc.Errorf(api.CodeConfig, "%v", err)
	}
	if err := d.changeable(file); err != nil {
		return ipc.Errorf(api.CodeConfig, "%s: %v", d.cfg.Dirs.ClusterFile(), err)
	}
	cfg := d.engineConfig(file)
	err = d.core.do(ctx, func() {
		now := time.Now()
		d.core.act(now, d.core.engine.Reconfigure(now, cfg))
	})
	if err != nil {
		return err
	}
	d.gossip.SetNodes(gossipNodes(file))
	d.use(file)
	if err := d.device.Use(ctx, d.deviceSettings(file)); err != nil {
		return err
	}
	if err := d.reloadKeys(ctx); err != nil {
		return err
	}
	d.cfg.Log.Info("took over the changed cluster file", "nodes", len(file.Nodes), "token", file.Totem.Effective())
	return nil
}

// changeable says why a file cannot be taken over without a restart.
func (d *Daemon) changeable(next *clusterfile.File) error {
	var errs []error
	now := d.file.Load()
	if next.Cluster != now.Cluster {
		errs = append(errs, errors.New("the cluster's name and ports change only when every node is stopped"))
	}
	self := next.Node(d.self.Name)
	if self == nil || self.ID != d.self.ID || !slices.Equal(self.Links, d.self.Links) {
		errs = append(errs, fmt.Errorf("this node's name, id and links (%s, %d, %v) change only with a restart of its corosyncd", d.self.Name, d.self.ID, d.self.Links))
	}
	for _, m := range d.core.latest.Load().Members {
		n := next.Node(m.Name)
		switch {
		case n == nil:
			errs = append(errs, fmt.Errorf("node %s is missing although it is a member: stop it before it is removed", m.Name))
		case n.ID != m.ID:
			errs = append(errs, fmt.Errorf("node %s is a member with id %d and cannot get id %d while it runs", m.Name, m.ID, n.ID))
		}
	}
	return errors.Join(errs...)
}
