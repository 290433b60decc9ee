package vm

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/holdfast-ha/holdfast/tests/blockdev"
	"github.com/holdfast-ha/holdfast/tests/vm/order"
)

const (
	mounted = "/srv/data"
	journal = mounted + "/journal"

	volumeGroup = `
[properties]
stonith-action = "off"

[[group]]
id = "data"

[[resource]]
id = "vg"
agent = "ocf:holdfast:vg"
group = "data"
params = { vgname = "vg_data" }
op.monitor = { interval = "30s", timeout = "90s" }
op.start = { timeout = "120s" }
op.stop = { timeout = "120s" }

[[resource]]
id = "fs"
agent = "ocf:heartbeat:Filesystem"
group = "data"
params = { device = "/dev/vg_data/data", directory = "` + mounted + `", fstype = "ext4" }
op.monitor = { interval = "20s", timeout = "90s" }
op.start = { timeout = "120s" }
op.stop = { timeout = "120s" }
`
)

// mounting are machines of which one has the file system on the volume group on the disk that they share.
func mounting(t *testing.T) layout {
	t.Helper()
	needMachines(t)
	for _, path := range []string{"/usr/sbin/lvm", "/usr/sbin/mkfs.ext4", "/usr/bin/gawk", "/usr/lib/ocf/resource.d/heartbeat/Filesystem"} {
		if _, err := os.Stat(path); err != nil {
			t.Skipf("the machines get it from here: %v", err)
		}
	}
	disk := blockdev.New(t, 128<<20, 0)
	return layout{image: volumes, memoryMB: 768, cards: true, disks: []string{disk.File}, resources: volumeGroup, started: 4,
		has: func(n *node) (bool, error) {
			a, err := n.Do(order.Order{Read: "/proc/mounts"})
			return strings.Contains(string(a.Output), " "+mounted+" "), err
		},
		prepare: func(n *node) {
			if n.Name != "n1" {
				return
			}
			for _, command := range []string{"pvcreate -y /dev/vda", "vgcreate vg_data /dev/vda", "lvcreate -y -an -Zn -L 64M -n data vg_data", "vgchange -ay vg_data",
				"mkfs.ext4 -q /dev/vg_data/data", "vgchange -an vg_data"} {
				in(t, n.Machine, order.Order{Run: strings.Fields(command)})
			}
		}}
}

var acknowledged = regexp.MustCompile(`acknowledged (\d+)\s`)

// lastAcknowledged is the number of the last record that the machine has told to be on the disk.
func (n *node) lastAcknowledged() int {
	last := 0
	for _, m := range acknowledged.FindAllStringSubmatch(n.Console(), -1) {
		number, _ := strconv.Atoi(m[1]) // digits; what is too large shows
		last = max(last, number)
	}
	return last
}

func TestVolumeGroup_WhatWasSyncedIsThereAfterTheTakeOver(t *testing.T) {
	p := newPair(t, mounting(t))
	p.form()
	victim, survivor := p.serving()
	in(t, victim.Machine, order.Order{Run: []string{"/init", "append", journal}, Background: true})
	p.until("some records are on the disk", func() (bool, error) { return victim.lastAcknowledged() >= 20, nil })
	// It writes on until its power is gone.
	in(t, victim.Machine, order.Order{Kill: victim.daemons["corosyncd"], Signal: int(unix.SIGSTOP)})
	p.until("the file system is mounted on the other node", func() (bool, error) { return p.has(survivor) })
	victim.mu.Lock()
	defer victim.mu.Unlock()
	if len(victim.deaths) != 1 || victim.early != nil {
		t.Fatalf("%s has the file system, and the power of %s was cut at %v: %v", survivor.Name, victim.Name, victim.deaths, victim.early)
	}
	last := victim.lastAcknowledged()
	lines := strings.Split(string(in(t, survivor.Machine, order.Order{Read: journal}).Output), "\n")
	for number := 1; number <= last; number++ {
		if number > len(lines) || lines[number-1] != fmt.Sprintf("record %d", number) {
			t.Fatalf("%s has told that %d records are on the disk, and record %d of %d is lost", victim.Name, last, number, len(lines)-1)
		}
	}
	t.Logf("%d records were acknowledged, and %d are on the disk", last, len(lines)-1)
	in(t, survivor.Machine, order.Order{Write: mounted + "/new", Data: []byte("x"), Mode: 0o600})
}
