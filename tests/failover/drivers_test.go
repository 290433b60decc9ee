package failover

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/tests/blockdev"
	"github.com/holdfast-ha/holdfast/tests/bmc"
	"github.com/holdfast-ha/holdfast/tests/lab"
	"github.com/holdfast-ha/holdfast/tests/lab/enter"
	"github.com/holdfast-ha/holdfast/tests/lab/holdfast"
)

// primitive is a fence device as the CIB has it.
func primitive(id, agent string, params map[string]string) *cibxml.Element {
	set := cibxml.New("instance_attributes", "id", id+"-params")
	for _, name := range []string{"ip", "ipport", "username", "password", "ssl_fingerprint", "devices", "pcmk_host_list", "pcmk_reboot_action", "pcmk_off_timeout", "pcmk_reboot_timeout"} {
		if v := params[name]; v != "" {
			set.Append(cibxml.New("nvpair", "id", id+"-"+name, "name", name, "value", v))
		}
	}
	return cibxml.New("primitive", "id", id, "class", "stonith", "type", agent).Append(set)
}

// fenceWith replaces the lab's own fence device.
func (w *world) fenceWith(devices []*cibxml.Element, banned map[string]string) {
	w.t.Helper()
	n := w.Nodes()[0]
	_, err := holdfast.CIB(w.ctx, n, api.CIBRequest{Op: "delete", Section: "resources", Input: `<primitive id="power"/>`})
	w.must(err)
	for _, d := range devices {
		_, err := holdfast.CIB(w.ctx, n, api.CIBRequest{Op: "create", Section: "resources", Input: d.Compact()})
		w.must(err)
	}
	for device, node := range banned {
		in := fmt.Sprintf(`<rsc_location id="ban-%s" rsc="%s" node="%s" score="-INFINITY"/>`, device, device, node)
		_, err := holdfast.CIB(w.ctx, n, api.CIBRequest{Op: "create", Section: "constraints", Input: in})
		w.must(err)
	}
	w.until("every node has its fence devices", func(ctx context.Context) (bool, error) {
		for _, n := range w.Nodes() {
			out, err := n.Exec(ctx, "stonith_admin", "-L")
			if err != nil || strings.Contains(out, "power\n") || !strings.Contains(out, devices[len(devices)-1].ID()) && len(banned) == 0 {
				return false, fmt.Errorf("%s: %s %v", n.Name, out, err)
			}
		}
		return true, nil
	})
}

// chassis is what ipmi_sim calls: the card of a node works the lab's power switch.
const chassis = `#!/bin/sh
node=$1; shift 2; op=$1; shift
ask() { printf 'action=%%s\nplug=%%s\n' $1 $node | fence_lab; }
case $op in
get) for p; do case $p in power) ask status; [ $? = 0 ] && echo power:1 || echo power:0 ;; *) echo $p:0 ;; esac; done ;;
set) while [ $# -gt 1 ]; do [ $1 = power ] && { [ $2 = 1 ] && ask on || ask off; } >/dev/null; shift 2; done ;;
esac
exit 0
`

// card starts Debian's ipmi_sim on a node, as the management card of the other one: who has lost its power has lost
// the way to cards too.
func (w *world) card(on *lab.Node, of *lab.Node) {
	w.t.Helper()
	script := `set -e; mkdir -p /run/card/state; cd /run/card
cat > chassis <<'X'
` + strings.ReplaceAll(chassis, "%%", "%") + `X
chmod 755 chassis
cat > lan.conf <<'X'
name "card"
set_working_mc 0x20
  startlan 1
    addr 127.0.0.1 6230
    priv_limit admin
    allowed_auths_callback none md2 md5 straight
    allowed_auths_user none md2 md5 straight
    allowed_auths_operator none md2 md5 straight
    allowed_auths_admin none md2 md5 straight
    guid a123456789abcdefa123456789abcdef
  endlan
  chassis_control "/run/card/chassis ` + of.Name + ` 0x20"
  user 1 true "" "test" user 10 none md2 md5 straight
  user 2 true "admin" "secret" admin 10 none md2 md5 straight
X
printf 'mc_setbmc 0x20\nmc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr\nsel_enable 0x20 1000 0x0a\nmc_enable 0x20\n' > sim.emu
setsid ipmi_sim -n -c lan.conf -f sim.emu -s state </dev/null >log 2>&1 &
`
	r, err := on.RunWith(w.ctx, script, "sh")
	if err != nil || r.Code != 0 {
		w.t.Fatalf("the card of %s: %+v %v", of.Name, r, err)
	}
}

func TestCutTwoNodes_FencedByIPMI(t *testing.T) {
	if _, err := exec.LookPath("ipmi_sim"); err != nil {
		t.Skip("ipmi_sim (package openipmi) is not installed")
	}
	w := start(t, 2, 1)
	n1, n2 := w.Node("n1"), w.Node("n2")
	ready := func(n *lab.Node) { w.card(n, map[*lab.Node]*lab.Node{n1: n2, n2: n1}[n]) }
	ready(n1)
	ready(n2)
	card := func(node string) *cibxml.Element {
		return primitive("card-"+node, "fence_ipmilan", map[string]string{"ip": "127.0.0.1", "ipport": "6230", "username": "admin", "password": "secret",
			"pcmk_host_list": node, "pcmk_reboot_action": "off"})
	}
	w.fenceWith([]*cibxml.Element{card("n1"), card("n2")}, map[string]string{"card-n1": "n1", "card-n2": "n2"})
	w.native()
	w.cut(runs(1), ready)
}

// native proves that our own driver serves the devices.
func (w *world) native() {
	w.t.Helper()
	for _, n := range w.Nodes() {
		out, err := n.Exec(w.ctx, "hcs", "stonith", "status")
		if err != nil || !strings.Contains(out, "native") {
			w.t.Fatalf("%s: %s %v", n.Name, out, err)
		}
	}
}

// listen opens a port in a node's own network, for a card that only this node reaches: who has lost its power has
// lost the way to cards too.
func (w *world) listen(on *lab.Node, address string) net.Listener {
	w.t.Helper()
	var l net.Listener
	w.must(enter.InNet(fmt.Sprintf("/proc/%d/ns/net", on.PID()), func() (err error) {
		l, err = net.Listen("tcp", address)
		return err
	}))
	return l
}

func TestCutTwoNodes_FencedByRedfish(t *testing.T) {
	const port = "6443"
	w := start(t, 2, 1)
	// By the node whose power it switches; it stands on the other one.
	cards := map[*lab.Node]*bmc.Redfish{}
	var devices []*cibxml.Element
	banned := map[string]string{}
	for i, n := range w.Nodes() {
		other := w.Nodes()[1-i]
		cards[n] = bmc.MakeRedfish(t, bmc.NewPowered(func(on bool) {
			if on {
				return
			}
			cards[other].Close()
			if _, err := w.Power.Do(w.ctx, "off", n.Name, other.Name); err != nil {
				t.Errorf("switch %s off: %v", n.Name, err)
			}
		}))
		id := "card-" + n.Name
		devices = append(devices, primitive(id, "fence_redfish", map[string]string{"ip": "127.0.0.1", "ipport": port, "username": bmc.User, "password": bmc.Password,
			"ssl_fingerprint": cards[n].Fingerprint(), "pcmk_host_list": n.Name, "pcmk_reboot_action": "off"}))
		banned[id] = n.Name
	}
	ready := func(on *lab.Node) {
		for n, c := range cards {
			if n == on {
				c.Set(true)
			} else {
				c.Serve(t, w.listen(on, "127.0.0.1:"+port))
			}
		}
	}
	for _, n := range w.Nodes() {
		ready(n)
	}
	w.fenceWith(devices, banned)
	w.native()
	w.cut(runs(1), ready)
}

// sharedDisk is where a node has the disk.
const sharedDisk = "/dev/sbd-disk"

func TestCutTwoNodes_FencedByMessagesOnADisk(t *testing.T) {
	loop := blockdev.New(t, 1<<20, 0)
	info, err := os.Stat(loop.Path)
	if err != nil {
		t.Fatal(err)
	}
	var stat unix.Stat_t
	if err := unix.Stat(loop.Path, &stat); err != nil {
		t.Fatal(err, info)
	}
	// As on a real machine, sbd looks at its slot before the node joins: what is written there afterwards is meant
	// for this life. A node of the lab has no watchdog, and no realtime priority to give.
	before := fmt.Sprintf(`mknod %[1]s b %[2]d %[3]d
[ $(hostname) != n1 ] || sbd -d %[1]s dump >/dev/null 2>&1 || sbd -d %[1]s -1 5 -2 0 -4 6 create >/run/sbd.log 2>&1
for i in $(seq 300); do sbd -d %[1]s dump >/dev/null 2>&1 && break; sleep 0.1; done
sbd -d %[1]s -n $(hostname) -w /dev/null -PP -R -p /run/sbd.pid watch </dev/null >>/run/sbd.log 2>&1`, sharedDisk, unix.Major(stat.Rdev), unix.Minor(stat.Rdev))
	w := startWith(t, holdfast.Options{Options: lab.Options{Nodes: 2}, Before: before}, 1)
	for _, n := range w.Nodes() {
		if out, err := n.Exec(w.ctx, "dd", "if="+sharedDisk, "of=/dev/null", "bs=512", "count=1"); err != nil {
			t.Skipf("a node of the lab cannot have a disk here: %s %v", out, err)
		}
		if out, err := n.Exec(w.ctx, "sbd", "-d", sharedDisk, "list"); err != nil || !strings.Contains(out, n.Name) {
			t.Fatalf("%s has no slot on the disk: %s %v", n.Name, out, err)
		}
	}
	w.fenceWith([]*cibxml.Element{primitive("disk", "fence_sbd", map[string]string{"devices": sharedDisk, "pcmk_host_list": "n1 n2"})}, nil)
	w.cut(runs(1), func(*lab.Node) {})
}

// cut cuts two nodes from each other several times. ready is called for a node that was switched on again.
func (w *world) cut(rounds int, ready func(n *lab.Node)) {
	w.t.Helper()
	survivors := make(map[string]int)
	for i := range rounds {
		w.until("j1 runs", func(ctx context.Context) (bool, error) { return w.running(ctx)["j1"] != "", nil })
		holder := w.running(w.ctx)["j1"]
		w.must(w.Net.Pull(1+i%2, 0, true))
		w.until("one node is fenced and j1 runs on the other", func(ctx context.Context) (bool, error) {
			on := others(w.Nodes(), w.off()...)
			if len(on) != 1 {
				return false, fmt.Errorf("%d nodes are on", len(on))
			}
			return w.running(ctx)["j1"] == on[0].Name, fmt.Errorf("j1 is on %q", w.running(ctx)["j1"])
		})
		survivor := others(w.Nodes(), w.off()...)[0]
		survivors[map[bool]string{true: "holder", false: "other"}[survivor.Name == holder]]++
		// Whoever is left must be left alone: a second shot would come within the head start.
		time.Sleep(3500 * time.Millisecond)
		if !survivor.Powered() {
			w.t.Fatalf("round %d: both nodes were fenced", i)
		}
		w.must(w.Net.Heal())
		w.must(w.Net.Pull(1+i%2, 0, false))
		for _, n := range w.off() {
			w.must(n.PowerOn(w.ctx))
			ready(n)
		}
		w.must(w.WaitMembers(w.ctx, w.Nodes(), w.Nodes()))
		w.idle()
		w.both()
	}
	w.once()
	w.t.Logf("survivors: %v", survivors)
}
