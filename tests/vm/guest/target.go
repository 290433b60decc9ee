package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/holdfast-ha/holdfast/tests/vm/order"
)

// offer makes the kernel's iSCSI target (LIO) offer a block device to every initiator, through its configuration in
// configfs: offer(device).
func offer(args []string) error {
	if len(args) != 1 {
		return errors.New("target DEVICE")
	}
	if err := unix.Mount("configfs", "/sys/kernel/config", "configfs", 0, ""); err != nil && err != unix.EBUSY {
		return fmt.Errorf("mount configfs: %w", err)
	}
	portal := filepath.Join("/sys/kernel/config/target/iscsi", order.Target, "tpgt_1")
	// A registration fails where the target cannot keep it in a file below its own directory.
	dirs := []string{"/var/target/pr", order.Unit, portal + "/np/0.0.0.0:3260", portal + "/lun/lun_0"}
	for _, dir := range dirs {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	set := func(path, value string) error {
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		_, err = f.WriteString(value)
		return errors.Join(err, f.Close())
	}
	for _, s := range [][2]string{
		{order.Unit + "/control", "udev_path=" + args[0]},
		{order.Unit + "/enable", "1"},
		{order.Unit + "/wwn/vpd_unit_serial", "machines0"},
		{portal + "/attrib/authentication", "0"},
		{portal + "/attrib/generate_node_acls", "1"},
		{portal + "/attrib/cache_dynamic_acls", "1"},
		{portal + "/attrib/demo_mode_write_protect", "0"},
	} {
		if err := set(s[0], s[1]); err != nil {
			return err
		}
	}
	if err := os.Symlink(order.Unit, portal+"/lun/lun_0/unit"); err != nil {
		return err
	}
	return set(portal+"/enable", "1")
}
