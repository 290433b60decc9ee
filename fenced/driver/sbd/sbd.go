// Package sbd fences by messages on shared disks, in place of fence_sbd.
//
// A message counts when more than half of the devices took it, and as obeyed when the header's msgwait has
// passed: by then the target has read it, or its watchdog has reset it because it could not.
package sbd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/fenced/driver/catalogue"
	"github.com/holdfast-ha/holdfast/fenced/driver/native"
	"github.com/holdfast-ha/holdfast/fenced/driver/param"
	"github.com/holdfast-ha/holdfast/fenced/plan/device"
	"github.com/holdfast-ha/holdfast/fenced/sbddisk"
	"github.com/holdfast-ha/holdfast/fenced/sbdformat"
)

// Config is what the driver needs of the node.
type Config struct {
	// Node is this node's name, which messages carry.
	Node string
	// Devices are used where the device names none: SBD_DEVICE of this node.
	Devices    func() []string
	SecretsDir string
	Log        *slog.Logger
	// Disk are the options for opening devices.
	Disk sbddisk.Options
}

// Driver serves fence_sbd.
type Driver struct {
	native.Driver
	cfg Config
}

// New makes a driver and starts nothing.
func New(c Config) *Driver {
	d := &Driver{cfg: c}
	d.Driver = native.Driver{Agents: []*param.Agent{catalogue.SBD()}, SecretsDir: c.SecretsDir, Log: c.Log, Perform: d.perform, Check: d.check}
	return d
}

func (d *Driver) check(v *param.Values) error {
	paths := d.paths(v)
	if len(paths) > sbdformat.MaxDevices {
		return fmt.Errorf("%d devices are named, sbd uses at most %d", len(paths), sbdformat.MaxDevices)
	}
	if len(paths) == 0 {
		return errors.New("parameter devices is missing, and this node has no SBD_DEVICE in /etc/default/sbd")
	}
	return nil
}

func (d *Driver) paths(v *param.Values) []string {
	if list := v.List("devices"); len(list) > 0 || d.cfg.Devices == nil {
		return list
	}
	return d.cfg.Devices()
}

func (d *Driver) perform(ctx context.Context, call device.Call, v *param.Values) device.Result {
	disks := openAll(ctx, d.paths(v), d.cfg.Disk)
	defer disks.close()
	target := v.Str("plug")
	if target == "" {
		target = call.Target
	}
	switch call.Action {
	case device.Monitor:
		return disks.monitor(ctx)
	case device.List:
		return disks.list(ctx)
	}
	if target == "" {
		return native.Error(ctx, &native.Problem{Subject: "fence_sbd", Cause: "no target is named", Remedy: "set the parameter plug"})
	}
	if call.Action == device.Status {
		return disks.status(ctx, target)
	}
	order := map[string]sbdformat.Message{device.On: sbdformat.Clear, device.Off: sbdformat.Off, device.Reboot: sbdformat.Reset}[call.Action]
	if v.Bool("crashdump") && order.Ends() {
		order = sbdformat.Crashdump
	}
	if err := disks.send(ctx, target, sbdformat.Mailbox{Message: order, From: d.cfg.Node}); err != nil {
		return native.Error(ctx, err)
	}
	return device.Result{}
}

// disk is one device with its header and, where one was looked for, the target's slot.
type disk struct {
	path   string
	dev    *sbddisk.Disk
	header sbdformat.Header
	err    error
}

type diskSet []*disk

// openAll opens the devices at the same time and reads their headers.
func openAll(ctx context.Context, paths []string, o sbddisk.Options) diskSet {
	set := make(diskSet, len(paths))
	for i, path := range paths {
		set[i] = &disk{path: path}
	}
	set.each(func(d *disk) error {
		var err error
		if d.dev, err = sbddisk.Open(d.path, o); err != nil {
			return err
		}
		d.header, err = d.dev.Header(ctx)
		return err
	})
	return set
}

func (s diskSet) close() {
	for _, d := range s {
		if d.dev != nil {
			d.dev.Close()
		}
	}
}

// each does something with every device that works so far, at the same time, and waits for all. Reads and
// writes have deadlines of their own.
func (s diskSet) each(do func(d *disk) error) {
	done := make(chan struct{}, len(s))
	for _, d := range s {
		go func() {
			if d.err == nil {
				d.err = do(d)
			}
			done <- struct{}{}
		}()
	}
	for range s {
		<-done
	}
}

// good are the devices that work so far.
func (s diskSet) good() diskSet {
	return slices.DeleteFunc(slices.Clone(s), func(d *disk) bool { return d.err != nil })
}

// need reports whether enough devices work to deliver a message, and what is wrong with the others if not.
func (s diskSet) need(what string) error {
	if sbdformat.Delivered(len(s.good()), len(s)) {
		return nil
	}
	return &native.Problem{
		Subject: "sbd disks",
		Cause:   fmt.Sprintf("%s works on %d of %d, which is no majority: %s", what, len(s.good()), len(s), s.problems()),
		Remedy:  "check the paths of this node to the disks, and `sbd -d DEVICE dump`",
	}
}

func (s diskSet) problems() string {
	var list []string
	for _, d := range s {
		if d.err != nil {
			list = append(list, d.err.Error())
		}
	}
	return strings.Join(list, "; ")
}

// msgwait is the longest of the devices' headers. A device that could not be read does not count: what is
// written to it does not either.
func (s diskSet) msgwait() time.Duration {
	var longest time.Duration
	for _, d := range s.good() {
		longest = max(longest, d.header.Msgwait)
	}
	return longest
}

// monitor reports whether a message could be delivered now. A minority that does not work is a warning.
func (s diskSet) monitor(ctx context.Context) device.Result {
	if err := s.need("reading"); err != nil {
		return native.Error(ctx, err)
	}
	return device.Result{Warning: s.problems()}
}

func (s diskSet) list(ctx context.Context) device.Result {
	if err := s.need("reading"); err != nil {
		return native.Error(ctx, err)
	}
	var out strings.Builder
	entries, err := s.good()[0].dev.Entries(ctx)
	if err != nil {
		return native.Error(ctx, err)
	}
	for _, e := range entries {
		fmt.Fprintf(&out, "%s,%s\n", e.Name, e.Name)
	}
	return device.Result{Output: out.String()}
}
