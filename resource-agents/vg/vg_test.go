package vg

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/resource-agents/ocf"
)

// node is a node with a fake LVM.
type node struct {
	t     *testing.T
	state string
	log   string
}

func newNode(t *testing.T, f *fakeLVM) *node {
	t.Helper()
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"lvm", "vgs", "vgchange", "dmsetup"} {
		if err := os.Symlink(self, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	n := &node{t: t, state: filepath.Join(dir, "state")}
	f.write(n.state)
	t.Setenv("PATH", dir)
	t.Setenv("FAKE_LVM", n.state)
	t.Setenv("GORACE", "atexit_sleep_ms=0") // the race detector otherwise makes every fake command take 1 s
	return n
}

// change edits the state of the fake.
func (n *node) change(edit func(*fakeLVM)) {
	f := readFake(n.state)
	edit(f)
	f.write(n.state)
}

func (n *node) called(part string) bool {
	return strings.Contains(strings.Join(readFake(n.state).Calls, "\n"), part)
}

// want runs an action and compares its exit code and a part of its reason.
func (n *node) want(code int, reason, action string, params ...string) {
	n.t.Helper()
	env := map[string]string{"OCF_RESKEY_vgname": "data", "OCF_RESKEY_CRM_meta_timeout": "2000", "OCF_RESKEY_CRM_meta_interval": "10000"}
	for _, p := range params {
		name, value, _ := strings.Cut(p, "=")
		switch name {
		case "probe":
			env["OCF_RESKEY_CRM_meta_interval"] = "0"
		case "OCF_CHECK_LEVEL":
			env[name] = value
		default:
			env["OCF_RESKEY_"+name] = value
		}
	}
	var stderr bytes.Buffer
	got := ocf.Main(n.t.Context(), Agent(), ocf.Process{Args: []string{action}, Stdout: &bytes.Buffer{}, Stderr: &stderr,
		Env: func(name string) (string, bool) { v, ok := env[name]; return v, ok }})
	n.log = stderr.String()
	_, why, _ := strings.Cut(n.log, "ocf-exit-reason:")
	if got != code || !strings.Contains(why, reason) || reason == "" && why != "" {
		n.t.Errorf("%s %v: exit code %d, want %d; %s", action, params, got, code, n.log)
	}
}

func twoVolumes(host, owner string) *fakeLVM {
	return &fakeLVM{Host: host, SystemID: owner, Volumes: []*fakeVolume{{Name: "one"}, {Name: "two"}}}
}

func TestVG_TakesOverFromAnotherNode(t *testing.T) {
	n := newNode(t, twoVolumes("b", "a"))
	n.want(7, "", "monitor")
	n.want(0, "", "stop")
	n.want(0, "", "start")
	if f := readFake(n.state); f.SystemID != "b" || !f.Volumes[0].Active || !f.Volumes[1].Active {
		t.Errorf("after the start: owner %s, %+v", f.SystemID, f.Volumes)
	}
	n.want(0, "", "monitor")
	n.want(0, "", "monitor", "probe=")
	n.want(0, "", "start")
	n.want(0, "", "stop")
	n.want(7, "", "monitor")
	n.want(0, "", "stop")
	if f := readFake(n.state); f.Volumes[0].Active || f.SystemID != "b" {
		t.Errorf("after the stop: owner %s, %+v", f.SystemID, f.Volumes)
	}
}

func TestVG_WithoutOwnerBecomesOurs(t *testing.T) {
	n := newNode(t, twoVolumes("b", ""))
	n.want(0, "", "start")
	if f := readFake(n.state); f.SystemID != "b" {
		t.Errorf("owner %q", f.SystemID)
	}
}

func TestVG_StartFailures(t *testing.T) {
	cases := []struct {
		name, reason string
		code         int
		change       func(*fakeLVM)
	}{
		{"no volume group", "this node sees no volume group data", 5, func(f *fakeLVM) { f.Missing = true }},
		{"no system ID", `set system_id_source = "uname"`, 5, func(f *fakeLVM) { f.Host = "" }},
		{"lost disk", "1 physical volumes of data are missing; repair it or set partial_activation=true", 1, func(f *fakeLVM) { f.Lost = 1 }},
		{"exported", "run vgimport data", 1, func(f *fakeLVM) { f.Exported = true }},
		{"empty", "no logical volumes", 5, func(f *fakeLVM) { f.Volumes = nil }},
		{"a volume on a lost disk", "Refusing activation of partial LV data/two", 1, func(f *fakeLVM) { f.Volumes[1].Partial = true }},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f := twoVolumes("b", "a")
			c.change(f)
			n := newNode(t, f)
			n.want(c.code, c.reason, "start")
			n.want(0, "", "stop")
			n.want(7, "", "monitor")
		})
	}
}

func TestVG_PartialActivationOfADeadNodesGroup(t *testing.T) {
	f := twoVolumes("b", "a")
	f.Lost, f.Volumes[1].Partial = 1, true
	n := newNode(t, f)
	n.want(0, "", "start", "partial_activation=true")
	if !strings.Contains(n.log, "activating data as system ID a") {
		t.Errorf("log: %s", n.log)
	}
	if f := readFake(n.state); !f.Volumes[0].Active || !f.Volumes[1].Active {
		t.Errorf("%+v", f.Volumes)
	}
	n.want(0, "", "monitor", "partial_activation=true")
	n.want(0, "", "stop", "partial_activation=true")
	n.want(7, "", "monitor", "partial_activation=true")
}

func TestVG_Tagging(t *testing.T) {
	n := newNode(t, twoVolumes("b", ""))
	params := []string{"vg_access_mode=tagging", "tag=ours"}
	n.want(0, "", "start", params...)
	if f := readFake(n.state); f.SystemID != "" || len(f.Tags) != 1 || f.Tags[0] != "ours" || !f.Volumes[0].Active {
		t.Errorf("after the start: %+v", f)
	}
	n.want(0, "", "start", params...)
	n.want(0, "", "monitor", params...)
	n.want(0, "", "stop", params...)
	if f := readFake(n.state); len(f.Tags) != 0 || f.Volumes[0].Active {
		t.Errorf("after the stop: %+v", f)
	}
}

func TestVG_StopWaitsForUsersAndNamesThem(t *testing.T) {
	n := newNode(t, twoVolumes("b", "b"))
	n.want(0, "", "start")
	n.change(func(f *fakeLVM) { f.Volumes[0].OpenUntil = time.Now().Add(600 * time.Millisecond).UnixMilli() })
	n.want(0, "", "stop")
	if !strings.Contains(n.log, "waiting for the users of data: one is open") {
		t.Errorf("log: %s", n.log)
	}
	n.want(0, "", "start")
	n.change(func(f *fakeLVM) { f.Volumes[0].OpenUntil = time.Now().Add(time.Hour).UnixMilli() })
	begin := time.Now()
	n.want(1, "data cannot be deactivated: one is open; fuser -v /dev/mapper/data-one", "stop")
	if d := time.Since(begin); d < 1200*time.Millisecond || d > 3*time.Second {
		t.Errorf("gave up after %v of 2 s", d)
	}
	n.want(0, "", "monitor")
}

func TestVG_StopWhenTheDisksAreGone(t *testing.T) {
	n := newNode(t, twoVolumes("b", "b"))
	n.want(0, "", "start")
	n.change(func(f *fakeLVM) { f.Missing = true })
	n.want(0, "", "monitor")
	n.want(0, "", "stop")
	n.want(7, "", "monitor")
	if !n.called("dmsetup remove data-one") {
		t.Error("the volumes were not removed from the kernel")
	}
}

func TestVG_DeepMonitorReads(t *testing.T) {
	n := newNode(t, twoVolumes("b", "b"))
	n.want(0, "", "start")
	n.want(0, "", "monitor")
	n.want(1, "data/one cannot be read", "monitor", "OCF_CHECK_LEVEL=10")
}

func TestVG_WithoutLVM(t *testing.T) {
	n := newNode(t, twoVolumes("b", "b"))
	t.Setenv("PATH", "/nowhere")
	n.want(5, "lvm2", "start")
	n.want(5, "lvm2", "monitor")
	n.want(7, "", "monitor", "probe=")
	n.want(6, "cannot be the name", "validate-all", "vgname=a b")
	n.want(6, "cannot be a tag", "validate-all", "tag=-x")
}

func TestUsers_AreNamedByWhatTheyDo(t *testing.T) {
	devices := []device{{name: "data-one", open: 1, major: 253, minor: 9000, volume: "one"},
		{name: "data-two", open: 1, major: 253, minor: 9001, volume: "two"}, {name: "data-idle", major: 253, minor: 9002, volume: "idle"}}
	mounts := "28 1 253:9000 / /mnt/a\\040b rw,relatime - ext4 /dev/data/one rw\n29 1 253:9000 / /srv rw - ext4 x rw\n30 1 0:4 / /proc rw - proc p rw\n"
	swaps := "Filename Type Size Used Priority\n/dev/dm-9001 partition 1 0 -2\n"
	if got := describeUsersFrom(devices, mounts, swaps); got != "one is mounted on /mnt/a b, /srv, two is used for swapping" {
		t.Errorf("%s", got)
	}
}
