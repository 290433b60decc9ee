package scsi

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/holdfast-ha/holdfast/fenced/scsipr"
	"github.com/holdfast-ha/holdfast/tests/blockdev"
)

// The kernel's struct sg_io_hdr on 64-bit machines.
func TestHeader_IsTheKernels(t *testing.T) {
	var h header
	for name, at := range map[string][2]uintptr{"dxferp": {unsafe.Offsetof(h.dxfer), 16}, "timeout": {unsafe.Offsetof(h.timeout), 40}, "usr_ptr": {unsafe.Offsetof(h.usrPtr), 56},
		"status": {unsafe.Offsetof(h.status), 64}, "host_status": {unsafe.Offsetof(h.hostStatus), 68}, "resid": {unsafe.Offsetof(h.resid), 72}, "the end": {unsafe.Sizeof(h), 88}} {
		if at[0] != at[1] {
			t.Errorf("%s is at %d, want %d", name, at[0], at[1])
		}
	}
}

func TestKernel_DeviceThatKnowsNoSCSI(t *testing.T) {
	loop := blockdev.New(t, 1<<20, 0)
	k, err := OpenKernel(loop.Path)
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	_, _, _, err = k.Do(t.Context(), scsipr.ReadKeys.CDB(64), nil, 64)
	if err == nil || !strings.Contains(err.Error(), "takes no SCSI commands") {
		t.Errorf("%v", err)
	}
	if _, err := OpenKernel("/dev/nosuch"); err == nil {
		t.Error("a device that there is not")
	}
}

func TestPaths_OfAMultipathMap(t *testing.T) {
	dir := t.TempDir()
	sys, dev := dir+"/sys", dir+"/dev"
	for _, d := range []string{sys + "/dm-0/dm", sys + "/dm-0/slaves/sda", sys + "/dm-0/slaves/sdb", sys + "/dm-1/dm", sys + "/dm-2/dm", sys + "/dm-2/slaves", sys + "/sda", dev + "/mapper"} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{sys + "/dm-0/dm/uuid": "mpath-3600\n", sys + "/dm-1/dm/uuid": "LVM-abc\n", sys + "/dm-2/dm/uuid": "mpath-4700\n",
		dev + "/dm-0": "", dev + "/dm-1": "", dev + "/dm-2": "", dev + "/sda": ""} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("../dm-0", dev+"/mapper/mpatha"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		device string
		want   []string
		err    string
	}{
		{dev + "/mapper/mpatha", []string{dev + "/sda", dev + "/sdb"}, ""},
		{dev + "/sda", []string{dev + "/sda"}, ""},
		{dev + "/dm-1", nil, "name the disks below it"},
		{dev + "/dm-2", nil, "without paths"},
		{dev + "/gone", nil, "no such file"},
	} {
		got, err := pathsIn(sys, dev, c.device)
		if !slices.Equal(got, c.want) || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %q, %v", filepath.Base(c.device), got, err)
		}
	}
}

func TestVolumes_OnlySharedGroups(t *testing.T) {
	text := "  wz--ns:/dev/sdb\n  wz--n-:/dev/sda2\n  wz--nc:/dev/mapper/mpatha\n  wz--ns:[unknown]\n  bad\n"
	if got := parseVolumes(text); !slices.Equal(got, []string{"/dev/sdb", "/dev/mapper/mpatha"}) {
		t.Errorf("%q", got)
	}
}
