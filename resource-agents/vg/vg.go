// Package vg is the resource agent ocf:holdfast:vg: an LVM volume group that is active on one node.
package vg

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/resource-agents/ocf"
)

// Agent describes the agent.
func Agent() *ocf.Agent {
	return &ocf.Agent{
		Name: "vg", Version: "1.0",
		Short: "Activates an LVM volume group on one node",
		Long: `This agent activates the logical volumes of an LVM volume group on shared storage on the node where the resource
runs, and keeps the other nodes from activating them.

With vg_access_mode=system_id, the default, the volume group carries the system ID of the node that may use it, and a start
writes that node's own into it. Every node needs a system ID of its own: set system_id_source = "uname" in the section global
of /etc/lvm/lvm.conf. With vg_access_mode=tagging the volume group carries a tag while it is active, and volume_list in the
section activation of /etc/lvm/lvm.conf has to leave it out on every node, so that it is not activated at boot.

Neither protects against a node that only seems to be dead: fencing does.`,
		Params: []ocf.Param{
			{Name: "vgname", Type: ocf.Text, Required: true, UniqueGroup: "vgname", Check: checkName, Short: "Name of the volume group",
				Long: "The name of the volume group."},
			{Name: "vg_access_mode", Type: ocf.Select, Values: []string{systemID, tagging}, Default: systemID, Short: "How other nodes are kept away",
				Long: "How the other nodes are kept from activating the volume group: system_id or tagging."},
			{Name: "tag", Type: ocf.Text, Default: "pacemaker", Check: checkTag, Short: "Tag of the active volume group",
				Long: "The tag that the volume group carries while it is active. It has a meaning with vg_access_mode=tagging only."},
			{Name: "partial_activation", Type: ocf.Boolean, Default: "false", Short: "Activate although physical volumes are missing",
				Long: `Whether the volume group is activated although some of its physical volumes are missing. What lies on them cannot be read; logical volumes
with copies elsewhere go on. Without it a start fails when physical volumes are missing.`},
		},
		Actions: []ocf.Action{
			{Name: "start", Timeout: "90s", Run: start},
			{Name: "stop", Timeout: "90s", Run: stop},
			{Name: "monitor", Timeout: "90s", Interval: "30s", Depth: "0", Run: monitor},
			{Name: "monitor", Timeout: "90s", Interval: "60s", Depth: "10"},
			{Name: "status", Timeout: "90s", Interval: "30s", Run: monitor},
		},
		Validate: validate,
	}
}

const (
	systemID = "system_id"
	tagging  = "tagging"
)

// checkName accepts what LVM accepts as a name.
func checkName(s string) error {
	if strings.Trim(s, nameBytes) != "" || strings.HasPrefix(s, "-") || s == "." || s == ".." || len(s) > 127 {
		return errors.New("that cannot be the name of a volume group")
	}
	return nil
}

func checkTag(s string) error {
	if strings.Trim(s, nameBytes+"/=!:&#") != "" || strings.HasPrefix(s, "-") || len(s) > 1024 {
		return errors.New("that cannot be a tag")
	}
	return nil
}

const nameBytes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+_.-"

func validate(c *ocf.Call) error {
	for _, name := range []string{"lvm", "vgs", "vgchange", "dmsetup"} {
		if _, err := exec.LookPath(name); err != nil {
			if c.Probe {
				return ocf.ErrNotRunning // what cannot be started here does not run here
			}
			return ocf.Errorf(ocf.ErrInstalled, "the command %s is not installed (package lvm2)", name)
		}
	}
	return nil
}

func start(ctx context.Context, c *ocf.Call) error {
	l := lvm{c}
	name := c.Text("vgname")
	g, err := l.inspect(ctx, name)
	if err != nil {
		return err
	}
	partial := c.Bool("partial_activation")
	switch {
	case g == nil:
		return ocf.Errorf(ocf.ErrInstalled, "this node sees no volume group %s", name)
	case g.exported:
		return ocf.Errorf(ocf.ErrGeneric, "the volume group %s is exported; run vgimport %s", name, name)
	case g.missing > 0 && !partial:
		return ocf.Errorf(ocf.ErrGeneric, "%d physical volumes of %s are missing; repair it or set partial_activation=true", g.missing, name)
	case g.volumes == 0:
		return ocf.Errorf(ocf.ErrInstalled, "the volume group %s has no logical volumes that could be activated", name)
	}
	own := l.claimSystemID
	if c.Text("vg_access_mode") == tagging {
		own = l.claimTag
	}
	config, err := own(ctx, g)
	if err != nil {
		return err
	}
	mode := "degraded"
	if partial {
		mode = "partial"
	}
	if _, err := l.run(ctx, "vgchange", append(config, "-ay", "--activationmode", mode, name)...); err != nil {
		return fmt.Errorf("activate %s: %w", name, err)
	}
	devices, err := l.active(ctx, name)
	if err == nil && len(devices) == 0 {
		err = ocf.Errorf(ocf.ErrGeneric, "no logical volume of %s became active; look at volume_list in /etc/lvm/lvm.conf", name)
	}
	return err
}

// claimSystemID makes this node the volume group's owner and returns the options with which LVM then lets it
// be activated.
func (l lvm) claimSystemID(ctx context.Context, g *group) ([]string, error) {
	own, err := l.systemID(ctx)
	switch {
	case err != nil:
		return nil, err
	case own == "":
		return nil, ocf.Errorf(ocf.ErrInstalled, `this node has no LVM system ID; set system_id_source = "uname" in the section global of /etc/lvm/lvm.conf`)
	case own == g.systemID:
		return nil, nil
	}
	args := []string{"-y", "--systemid", own, g.name}
	if g.systemID != "" {
		args = append([]string{"--config", "local{extra_system_ids=[" + quote(g.systemID) + "]}"}, args...)
	}
	_, err = l.run(ctx, "vgchange", args...)
	if err == nil {
		l.call.Logf("the volume group %s belongs to system ID %s now, before to %q", g.name, own, g.systemID)
		return nil, nil
	}
	if g.missing == 0 || g.systemID == "" {
		return nil, fmt.Errorf("make %s the system ID of %s: %w", own, g.name, err)
	}
	// LVM changes no owner while physical volumes are missing. It activates for the owner that the volume
	// group has, and whether that one is dead was decided by the cluster.
	l.call.Logf("activating %s as system ID %s, which cannot be changed while physical volumes are missing", g.name, g.systemID)
	return []string{"--config", `global{system_id_source="lvmlocal"} local{system_id=` + quote(g.systemID) + "}"}, nil
}

// claimTag tags the volume group and returns the options that allow to activate what has the tag.
func (l lvm) claimTag(ctx context.Context, g *group) ([]string, error) {
	tag := l.call.Text("tag")
	if !g.hasTag(tag) {
		if _, err := l.run(ctx, "vgchange", "--addtag", tag, g.name); err != nil {
			return nil, fmt.Errorf("tag %s with %s: %w", g.name, tag, err)
		}
	}
	return []string{"--config", "activation{volume_list=[" + quote("@"+tag) + "]}"}, nil
}

func stop(ctx context.Context, c *ocf.Call) error {
	l := lvm{c}
	name := c.Text("vgname")
	if devices, err := l.active(ctx, name); err != nil || len(devices) == 0 {
		return err
	}
	// A quarter of the time is left for LVM itself, which may wait for locks and slow disks.
	limit := time.Now().Add(c.Timeout() * 3 / 4)
	told := false
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		left, err := l.deactivate(ctx, name)
		if len(left) == 0 && err == nil {
			return l.untag(ctx, name)
		}
		if users := describeUsers(left); !told && users != "" {
			told = true
			c.Logf("waiting for the users of %s: %s", name, users)
		}
		if time.Now().After(limit) {
			return stillActive(name, left, err)
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// deactivate returns what stays active, and why as the error.
func (l lvm) deactivate(ctx context.Context, name string) ([]device, error) {
	_, why := l.run(ctx, "vgchange", "-an", name)
	left, err := l.active(ctx, name)
	if why != nil && len(left) > 0 && !anyOpen(left) {
		l.removeDevices(ctx, left)
		left, err = l.active(ctx, name)
	}
	switch {
	case err != nil:
		return nil, err
	case len(left) == 0:
		return nil, nil
	}
	return left, why
}

func stillActive(name string, left []device, err error) error {
	if users := describeUsers(left); users != "" {
		return ocf.Errorf(ocf.ErrGeneric, "%s cannot be deactivated: %s", name, users)
	}
	return ocf.Errorf(ocf.ErrGeneric, "%s is still active: %v", name, err)
}

// untag takes the tag off again. A volume group whose disks are gone keeps it, which does no harm: it is
// not active here.
func (l lvm) untag(ctx context.Context, name string) error {
	if l.call.Text("vg_access_mode") != tagging {
		return nil
	}
	tag := l.call.Text("tag")
	if _, err := l.run(ctx, "vgchange", "--deltag", tag, name); err != nil {
		l.call.Logf("%s keeps the tag %s: %v", name, tag, err)
	}
	return nil
}

func monitor(ctx context.Context, c *ocf.Call) error {
	l := lvm{c}
	name := c.Text("vgname")
	devices, err := l.active(ctx, name)
	switch {
	case err != nil:
		return err
	case len(devices) == 0:
		return ocf.ErrNotRunning
	case c.Level < 10:
		return nil
	}
	for _, d := range devices {
		if d.top() {
			if err := readable(d); err != nil {
				return ocf.Errorf(ocf.ErrGeneric, "%s/%s cannot be read: %v", name, d.volume, err)
			}
		}
	}
	return nil
}
