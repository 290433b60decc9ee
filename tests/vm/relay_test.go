package vm

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/holdfast-ha/holdfast/tests/vm/machine"
	"github.com/holdfast-ha/holdfast/tests/vm/order"
)

// relayed is the variable by which this program, started as sg_persist, knows whom to give its arguments to.
const relayed = "HOLDFAST_VM_RELAY"

// relay has the test run the command in a machine.
func relay() int {
	c, err := net.Dial("unix", os.Getenv(relayed))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer c.Close()
	var a order.Answer
	if err = json.NewEncoder(c).Encode(os.Args[1:]); err == nil {
		err = json.NewDecoder(c).Decode(&a)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	os.Stdout.Write(a.Output)
	return a.Code
}

// peerFencer is Debian's fence_scsi on this machine, whose sg_persist runs in a virtual one.
type peerFencer struct {
	t   *testing.T
	dir string
	// stand is a block device here that stands for the machine's disk.
	stand string
}

// cmapctl is what it is given for corosync-cmapctl.
const cmapctl = `#!/bin/sh
case $1 in
totem.cluster_name) echo 'totem.cluster_name (str) = machines' ;;
nodelist) for i in 0 1; do echo "nodelist.node.$i.name (str) = n$((i+1))"; echo "nodelist.node.$i.nodeid (u32) = $((i+1))"; done ;;
esac
`

// newPeerFencer returns nil where fence_scsi is not installed.
func newPeerFencer(t *testing.T, m *machine.Machine, disk, stand string) *peerFencer {
	t.Helper()
	if _, err := exec.LookPath("fence_scsi"); err != nil {
		t.Log("fence_scsi is not installed here: no comparison with it")
		return nil
	}
	f := &peerFencer{t: t, dir: t.TempDir(), stand: stand}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(f.dir, "s")
	for name, text := range map[string]string{"sg_turs": "#!/bin/sh\n", "cmap": cmapctl,
		"sg_persist": fmt.Sprintf("#!/bin/sh\n%s=%s exec %s \"$@\"\n", relayed, socket, program)} {
		if err := os.WriteFile(filepath.Join(f.dir, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			var args []string
			if json.NewDecoder(c).Decode(&args) == nil {
				for i := range args {
					args[i] = strings.ReplaceAll(args[i], stand, disk)
				}
				a, err := m.Do(order.Order{Run: slices.Insert(args, 0, "sg_persist")})
				if err != nil {
					a.Code = -1
				}
				_ = json.NewEncoder(c).Encode(a)
			}
			c.Close()
		}
	}()
	return f
}

// run runs it in a mount namespace, because it keeps files below /run, and returns its exit code.
func (f *peerFencer) run(action, plug string) (int, string) {
	f.t.Helper()
	agent := fmt.Sprintf("fence_scsi --action=%s --devices=%s --plug=%s --sg_persist-path=%s/sg_persist --sg_turs-path=%s/sg_turs --corosync-cmap-path=%s/cmap",
		action, f.stand, plug, f.dir, f.dir, f.dir)
	cmd := exec.CommandContext(f.t.Context(), "unshare", "-m", "sh", "-c", "mount -t tmpfs tmpfs /run && mkdir -p /run/cluster && "+agent)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		f.t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}
