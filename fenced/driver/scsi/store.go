package scsi

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/holdfast-ha/holdfast/fenced/scsipr"
	"github.com/holdfast-ha/holdfast/internal/atomicfile"
)

// Stores are where fence_scsi keeps this node's key (.key) and its devices (.dev); which it is depends on the
// distribution. They are gone after a boot. The first one is written, all are read: the check scripts for the
// watchdog daemon and fence_scsi itself find there what we have done, and the reverse.
var Stores = []string{"/var/run/cluster", "/var/run/cluster/fence_scsi"}

// storedKey is the key with which this node was unfenced, 0 when it was not.
func (d *Driver) storedKey() scsipr.Key {
	for _, store := range d.cfg.Stores {
		if raw, err := os.ReadFile(store + ".key"); err == nil {
			if k, err := ParseKey(string(raw)); err == nil {
				return k
			}
		}
	}
	return 0
}

// storedDevices are the devices on which this node was unfenced.
func (d *Driver) storedDevices() []string {
	var list []string
	for _, store := range d.cfg.Stores {
		raw, err := os.ReadFile(store + ".dev")
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(raw)) {
			if line = strings.TrimSpace(line); line != "" && !slices.Contains(list, line) {
				list = append(list, line)
			}
		}
	}
	return list
}

// remember keeps the key and adds a device.
func (d *Driver) remember(key scsipr.Key, device string) error {
	d.storing.Lock()
	defer d.storing.Unlock()
	store := d.cfg.Stores[0]
	if err := os.MkdirAll(filepath.Dir(store), 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	text := strings.TrimPrefix(key.String(), "0x") + "\n"
	if raw, err := os.ReadFile(store + ".key"); err != nil || string(raw) != text {
		if err := atomicfile.Write(store+".key", []byte(text), 0o644); err != nil {
			return err
		}
	}
	if slices.Contains(d.storedDevices(), device) {
		return nil
	}
	raw, err := os.ReadFile(store + ".dev")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return atomicfile.Write(store+".dev", append(raw, device+"\n"...), 0o644)
}
