package vg

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"

	"github.com/holdfast-ha/holdfast/resource-agents/ocf"
)

// lvm runs LVM's commands.
type lvm struct{ call *ocf.Call }

// group is a volume group as vgs describes it.
type group struct {
	name, systemID string
	tags           []string
	missing        int // physical volumes
	volumes        int // logical volumes
	exported       bool
}

func (g *group) hasTag(tag string) bool { return slices.Contains(g.tags, tag) }

// run runs a command and returns what it printed. Its complaints are the error, or go to the log when it
// succeeded all the same.
func (l lvm) run(ctx context.Context, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C", "LVM_SUPPRESS_FD_WARNINGS=1")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var lines []string
	for line := range strings.Lines(stderr.String()) {
		lines = append(lines, strings.TrimSpace(line))
	}
	said := strings.Join(lines, "; ")
	switch {
	case err != nil && said != "":
		return "", fmt.Errorf("%s: %s", name, said)
	case err != nil:
		return "", fmt.Errorf("%s: %w", name, err)
	case said != "":
		l.call.Logf("%s: %s", name, said)
	}
	return stdout.String(), nil
}

// inspect reads a volume group, whoever owns it; nil if this node does not see it.
func (l lvm) inspect(ctx context.Context, name string) (*group, error) {
	out, err := l.run(ctx, "vgs", "--noheadings", "--foreign", "--separator", "|",
		"-o", "vg_name,vg_systemid,vg_tags,vg_missing_pv_count,lv_count,vg_exported", name)
	if err != nil {
		if strings.Contains(err.Error(), "not found") {
			return nil, nil
		}
		return nil, err
	}
	f := strings.Split(strings.TrimSpace(out), "|")
	if len(f) != 6 || f[0] != name {
		return nil, fmt.Errorf("vgs describes %s with %q", name, out)
	}
	g := &group{name: f[0], systemID: f[1], exported: f[5] != ""}
	if f[2] != "" {
		g.tags = strings.Split(f[2], ",")
	}
	var err1, err2 error
	g.missing, err1 = strconv.Atoi(f[3])
	g.volumes, err2 = strconv.Atoi(f[4])
	if err1 != nil || err2 != nil {
		return nil, fmt.Errorf("vgs describes %s with %q", name, out)
	}
	return g, nil
}

// systemID is this node's own, as LVM's configuration has it.
func (l lvm) systemID(ctx context.Context) (string, error) {
	out, err := l.run(ctx, "lvm", "systemid")
	if err != nil {
		return "", err
	}
	_, id, _ := strings.Cut(out, "system ID:")
	return strings.TrimSpace(id), nil
}

// device is an active logical volume, or a part of one.
type device struct {
	name   string // for the device mapper
	open   int
	major  int
	minor  int
	volume string
}

func (d device) number() string { return fmt.Sprintf("%d:%d", d.major, d.minor) }

// active lists the volume group's devices in the kernel. It touches no disk, so that a monitor cannot hang
// on one.
func (l lvm) active(ctx context.Context, name string) ([]device, error) {
	out, err := l.run(ctx, "dmsetup", "info", "-c", "--noheadings", "--separator", "|",
		"-o", "name,open,major,minor,lv_name", "-S", "vg_name="+name)
	if err != nil {
		if strings.Contains(err.Error(), "Failure to communicate with kernel device-mapper driver") {
			return nil, nil // a kernel without device mapper has no active volumes
		}
		return nil, err
	}
	var devices []device
	for line := range strings.Lines(out) {
		line = strings.TrimSpace(line)
		if line == "" || line == "No devices found" {
			continue
		}
		f := strings.Split(line, "|")
		if len(f) != 5 {
			return nil, fmt.Errorf("dmsetup describes a device of %s with %q", name, line)
		}
		d := device{name: f[0], volume: f[4]}
		for i, dst := range []*int{&d.open, &d.major, &d.minor} {
			if *dst, err = strconv.Atoi(f[1+i]); err != nil {
				return nil, fmt.Errorf("dmsetup describes a device of %s with %q", name, line)
			}
		}
		devices = append(devices, d)
	}
	return devices, nil
}

// removeDevices takes volumes out of the kernel that LVM cannot deactivate because it does not find their
// disks any more. What lies on top goes first; the caller comes back for the rest.
func (l lvm) removeDevices(ctx context.Context, devices []device) {
	for _, d := range devices {
		if !d.top() {
			continue
		}
		if _, err := l.run(ctx, "dmsetup", "remove", d.name); err != nil {
			l.call.Logf("%s stays: %v", d.name, err)
		}
	}
}

// quote writes a string in LVM's configuration syntax.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
