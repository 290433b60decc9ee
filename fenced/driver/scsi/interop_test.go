package scsi

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/holdfast-ha/holdfast/fenced/driver/catalogue"
)

// disk is what fence_scsi is given for sg_persist: a disk whose keys and reservation are files.
const disk = `#!/bin/sh
cd %s; touch keys
for a; do case $a in -S) next=sark ;; -K) next=rk ;; *) [ -n "$next" ] && eval "$next=$a"; next= ;; esac; done
echo "$*" >> calls
case " $* " in
*" -V "*) ;;
*" -i "*" -k "*|*" -i -k "*) echo "  PR generation=0x1, registered reservation keys follow:"; sed 's/^/    0x/' keys ;;
*" -i "*" -r "*|*" -i -r "*) [ -e reserved ] && echo "  Reservation follows: Key=0x$(cat reserved) type: Write Exclusive, registrants only" || echo "  there is NO reservation held" ;;
*" -I "*) grep -qx $sark keys || echo $sark >> keys ;;
*" -R "*) echo $rk > reserved ;;
*" -A "*) grep -vx $sark keys > left; mv left keys ;;
esac
exit 0
`

// cmap is what it is given for corosync-cmapctl.
const cmap = `#!/bin/sh
case $1 in
totem.cluster_name) echo 'totem.cluster_name (str) = demo' ;;
nodelist) for i in 0 1 2; do echo "nodelist.node.$i.name (str) = n$((i+1))"; echo "nodelist.node.$i.nodeid (u32) = $((i+1))"; done ;;
esac
`

// fence_scsi and the driver have to mean the same node by the same key: both may use one disk. It runs in mount
// namespaces of its own, because it writes below /var/run.
func TestInterop_FenceSCSIComputesTheSameKeys(t *testing.T) {
	if _, err := os.Stat("/usr/sbin/fence_scsi"); err != nil {
		t.Skip("fence_scsi is not installed")
	}
	block := ""
	for _, name := range []string{"/dev/loop0", "/dev/sda", "/dev/vda"} {
		if info, err := os.Stat(name); err == nil && info.Mode()&os.ModeDevice != 0 {
			block = name // it is looked at, not used
		}
	}
	if out, err := exec.Command("unshare", "-m", "true").CombinedOutput(); err != nil || block == "" {
		t.Skipf("this needs a mount namespace and any block device: %s %v", out, err)
	}
	c := &Cluster{Name: "demo", Local: "n1", Nodes: []Node{{"n1", 1, 1}, {"n2", 2, 2}, {"n3", 3, 3}}}
	for _, way := range []string{catalogue.KeyByID, catalogue.KeyByHash} {
		for _, node := range []string{"n1", "n2", "n3"} {
			dir := t.TempDir()
			for name, text := range map[string]string{"sg_persist": fmt.Sprintf(disk, dir), "sg_turs": "#!/bin/sh\n", "cmap": cmap} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			agent := fmt.Sprintf("fence_scsi --action=on --devices=%s --plug=%s --key-value=%s --sg_persist-path=%s/sg_persist --sg_turs-path=%s/sg_turs --corosync-cmap-path=%s/cmap",
				block, node, way, dir, dir, dir)
			out, err := exec.Command("unshare", "-m", "sh", "-c", "mount -t tmpfs tmpfs /run && mkdir -p /run/cluster && "+agent+" && cp -a /run/cluster* "+dir).CombinedOutput()
			if err != nil {
				calls, _ := os.ReadFile(dir + "/calls")
				t.Fatalf("%s of %s: %v: %s\n%s", way, node, err, out, calls)
			}
			key, err := c.key(node, way)
			if err != nil {
				t.Fatal(err)
			}
			registered, _ := os.ReadFile(dir + "/keys")
			if got := strings.TrimSpace(string(registered)); got != strings.TrimPrefix(key.String(), "0x") {
				t.Errorf("%s of %s: fence_scsi registers %s, we %v", way, node, got, key)
			}
			// What it remembers, we find.
			d := New(Config{Stores: []string{dir + "/cluster"}})
			if d.storedKey() != key || strings.Join(d.storedDevices(), " ") != block {
				t.Errorf("of its files we read %v and %q", d.storedKey(), d.storedDevices())
			}
		}
	}
}
