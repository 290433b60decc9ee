package vm

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/holdfast-ha/holdfast/tests/vm/machine"
)

// modules are what every machine loads.
var modules = []string{"virtio_pci", "virtio_blk", "virtio_net", "virtio_console", "virtio_rng", "softdog"}

// image is what an initramfs holds besides init, which carries out orders.
type image struct {
	name    string
	modules []string // besides those of every machine
	ours    []string // programs of Holdfast
	// programs are this machine's, with their libraries; shell adds a shell and what its scripts use.
	programs []string
	shell    bool
	files    []machine.File
}

var (
	cluster    = []string{"holdfast-tools", "corosyncd", "crmd", "fenced", "hcs", "holdfast-agents"}
	dropIns    = []machine.File{{Path: "/usr/sbin/crm_mon", Link: "holdfast-tools"}}
	agentLinks = []machine.File{
		{Path: "/usr/lib/ocf/resource.d/holdfast/vip", Link: "/usr/sbin/holdfast-agents"},
		{Path: "/usr/lib/ocf/resource.d/holdfast/vg", Link: "/usr/sbin/holdfast-agents"},
	}
)

// The images.
var (
	// withSBD has only sbd of ours.
	withSBD = &image{name: "guarded", ours: []string{"holdfast-tools"}, files: []machine.File{{Path: "/usr/sbin/sbd", Link: "holdfast-tools"}}}
	// clustered has all of Holdfast.
	clustered = &image{name: "clustered", ours: cluster, files: append(dropIns, agentLinks...)}
	// initiator is that with a disk by iSCSI.
	initiator = &image{name: "initiator", ours: cluster, files: append(dropIns, agentLinks...),
		modules: []string{"crc32c_generic", "iscsi_tcp", "sd_mod", "sg"}, programs: []string{"/usr/sbin/iscsistart", "/usr/bin/sg_persist"}}
	// volumes is that with LVM, a file system and the agent for that.
	volumes = &image{name: "volumes", ours: cluster, shell: true, modules: []string{"crc32c_generic", "dm_mod", "ext4"},
		programs: []string{"/usr/sbin/lvm", "/usr/sbin/dmsetup", "/usr/sbin/mkfs.ext4", "/usr/bin/fuser", "/usr/bin/gawk"},
		files:    slices.Concat(dropIns, agentLinks, lvmFiles, shellAgent("heartbeat", "Filesystem"))}
	// beating has the heartbeat, in a network that can be made worse.
	beating = &image{name: "beating", ours: []string{"corosyncd"}, modules: []string{"sch_netem"}}
	// target offers a disk by iSCSI.
	target = &image{name: "target", modules: []string{"crc32c_generic", "target_core_iblock", "iscsi_target_mod"}}
)

// lvmFiles are the names of LVM's commands, and a configuration for a machine without udev.
var lvmFiles = []machine.File{
	{Path: "/usr/sbin/vgs", Link: "lvm"}, {Path: "/usr/sbin/vgchange", Link: "lvm"}, {Path: "/usr/sbin/vgcreate", Link: "lvm"},
	{Path: "/usr/sbin/pvcreate", Link: "lvm"}, {Path: "/usr/sbin/lvcreate", Link: "lvm"},
	{Path: "/etc/lvm/lvm.conf", Text: `global { system_id_source = "uname" }
activation { udev_sync = 0 udev_rules = 0 verify_udev_operations = 0 }
devices { use_devicesfile = 0 obtain_device_list_from_udev = 0 external_device_info_source = "none" }
backup { backup = 0 archive = 0 }
`},
}

// shellAgent is an agent of the package resource-agents with its library.
func shellAgent(provider, name string) []machine.File {
	path := "/usr/lib/ocf/resource.d/" + provider + "/" + name
	files := []machine.File{{Path: path, From: path}}
	library, _ := filepath.Glob("/usr/lib/ocf/lib/heartbeat/ocf-*") // without it the image is not built
	for _, path := range library {
		files = append(files, machine.File{Path: path, From: path})
	}
	return files
}

// file builds the archive when it is needed first.
func (i *image) file(t *testing.T) string {
	t.Helper()
	if path, ok := kit.images[i]; ok {
		return path
	}
	files := []machine.File{{Path: "/init", From: filepath.Join(kit.bin, "guest")}}
	for _, d := range []string{"/proc", "/sys", "/run", "/tmp", "/mnt"} {
		files = append(files, machine.File{Path: d + "/.keep", From: os.DevNull})
	}
	list, err := kit.kernel.Modules(append(modules, i.modules...)...)
	if err != nil {
		t.Fatal(err)
	}
	for n, path := range list {
		files = append(files, machine.File{Path: fmt.Sprintf("/modules/%03d-%s", n, filepath.Base(path)), From: path})
	}
	for _, name := range i.ours {
		files = append(files, machine.File{Path: "/usr/sbin/" + name, From: filepath.Join(kit.bin, name)})
	}
	programs := i.programs
	if i.shell {
		programs = append(programs, "/bin/dash", "/bin/busybox")
		files = append(files, shellFiles(t)...)
	}
	found, err := machine.Programs(programs...)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(kit.bin, i.name+".cpio")
	if err := machine.WriteInitramfs(path, append(append(files, found...), i.files...)); err != nil {
		t.Fatal(err)
	}
	kit.images[i] = path
	return path
}

// shellFiles makes a shell of dash, because busybox's own prefers its applets to the programs in the PATH, and
// applets of busybox for what is not there.
func shellFiles(t *testing.T) []machine.File {
	t.Helper()
	out, err := exec.Command("busybox", "--list").Output()
	if err != nil {
		t.Fatalf("the applets of busybox: %v", err)
	}
	files := []machine.File{{Path: "/bin/sh", Link: "dash"}}
	for _, applet := range strings.Fields(string(out)) {
		if applet != "sh" && applet != "busybox" && applet != "init" {
			files = append(files, machine.File{Path: "/bin/" + applet, Link: "/bin/busybox"})
		}
	}
	return files
}
