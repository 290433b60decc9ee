package vm

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/holdfast-ha/holdfast/tests/vm/machine"
	"github.com/holdfast-ha/holdfast/tests/vm/order"
)

const (
	ordersUnit = `[Unit]
Description=Orders of the test
DefaultDependencies=no
[Service]
ExecStart=/init
StandardOutput=tty
`
	// webUnit is a service that knows nothing of a cluster.
	webUnit = `[Unit]
Description=Web server
[Service]
ExecStart=/bin/sleep infinity
`
	single = `[cluster]
name = "single"

[[node]]
name = "s1"
id = 1
links = ["10.77.0.1"]

[properties]
stonith-enabled = false

[[resource]]
id = "web"
agent = "systemd:web"
op.monitor = { interval = "5s", timeout = "60s" }
op.start = { timeout = "60s" }
op.stop = { timeout = "60s" }
`
)

// masked are units of Debian that a test does not need and that take their time on an emulated processor.
var masked = []string{"getty.target", "systemd-logind.service", "apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer",
	"systemd-update-utmp.service", "systemd-pstore.service", "systemd-journal-catalog-update.service", "systemd-sysusers.service",
	"dev-hugepages.mount", "dev-mqueue.mount", "sys-kernel-debug.mount", "sys-kernel-tracing.mount", "sys-kernel-config.mount",
	"sys-fs-fuse-connections.mount", "proc-sys-fs-binfmt_misc.automount", "systemd-firstboot.service", "systemd-update-done.service",
	"systemd-machine-id-commit.service", "ldconfig.service", "e2scrub_all.timer", "fstrim.timer", "kmod-static-nodes.service"}

// units are Holdfast's, as a package would install them.
func units() []machine.File {
	var files []machine.File
	for _, name := range masked {
		files = append(files, machine.File{Path: "/etc/systemd/system/" + name, Link: "/dev/null"})
	}
	ours, _ := filepath.Glob(root + "/conf/systemd/*.service") // the pattern is valid
	for _, path := range ours {
		files = append(files, machine.File{Path: "/usr/lib/systemd/system/" + filepath.Base(path), From: path})
	}
	return files
}

// unitState is what systemd says of a unit.
type unitState struct {
	active   string
	pid      int
	restarts int
	result   string
}

func state(t *testing.T, m *machine.Machine, unit string) unitState {
	t.Helper()
	out := in(t, m, order.Order{Run: []string{"systemctl", "show", "-p", "ActiveState,MainPID,NRestarts,Result", unit}}).Output
	values := map[string]string{}
	for line := range strings.Lines(string(out)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		values[name] = value
	}
	pid, err := strconv.Atoi(values["MainPID"])
	if err != nil {
		t.Fatalf("systemd of %s says %q of %s", m.Name, out, unit)
	}
	restarts, _ := strconv.Atoi(values["NRestarts"])
	return unitState{values["ActiveState"], pid, restarts, values["Result"]}
}

func newSystemd(t *testing.T) *machine.Machine {
	t.Helper()
	needMachines(t)
	if _, err := os.Stat(store + "/debian"); err != nil {
		t.Skipf("`tests/deps.sh vm` could not fetch a Debian with systemd: %v", err)
	}
	m := start(t, debian, machine.Options{Name: "s1", MemoryMB: 1536, Init: "/lib/systemd/systemd",
		Links: []machine.Link{{Addr: "10.77.0.1/24", Backend: machine.Cable(freePort(t))}}})
	t.Cleanup(func() {
		if t.Failed() && m.Running() {
			log, err := m.Do(order.Order{Run: []string{"journalctl", "-b", "-o", "short-monotonic", "--no-pager", "-n", "150"}})
			t.Logf("journal of %s: %v\n%s", m.Name, err, log.Output)
		}
	})
	in(t, m, order.Order{Write: "/root/cluster.toml", Data: []byte(single), Mode: 0o600})
	in(t, m, order.Order{Run: []string{"hcs", "cluster", "init", "-f", "/root/cluster.toml", "--limit", "100s"}})
	return m
}

func TestSystemd_UnitsAreResourcesAndOurDaemonsAreWatched(t *testing.T) {
	m := newSystemd(t)
	until := func(what string, holds func() (bool, error)) {
		t.Helper()
		(&pair{t: t}).until(what, holds)
	}
	runs := func(after int) func() (bool, error) {
		return func() (bool, error) {
			web := state(t, m, "web.service")
			text := string(in(t, m, order.Order{Run: []string{"crm_mon", "-1r"}}).Output)
			return web.active == "active" && web.pid > 0 && web.pid != after && strings.Contains(text, "Started s1"), fmt.Errorf("systemd says %+v, the cluster:\n%s", web, text)
		}
	}
	until("the unit is started", runs(0))
	first := state(t, m, "web.service")

	in(t, m, order.Order{Kill: first.pid, Signal: int(unix.SIGKILL)})
	until("the unit is started again after the monitor has found it dead", runs(first.pid))
	web := state(t, m, "web.service")

	// A daemon that hangs is ended by systemd's watchdog and started again; the resource goes on.
	daemons := []string{"corosyncd", "fenced", "crmd"}
	before := map[string]unitState{}
	for _, name := range daemons {
		before[name] = state(t, m, "holdfast-"+name+".service")
		if before[name].active != "active" || before[name].restarts != 0 {
			t.Fatalf("%s is %+v", name, before[name])
		}
	}
	for _, name := range daemons {
		in(t, m, order.Order{Kill: before[name].pid, Signal: int(unix.SIGSTOP)})
	}
	stopped := time.Now()
	for _, name := range daemons {
		until(name+" is started again", func() (bool, error) {
			s := state(t, m, "holdfast-"+name+".service")
			return s.active == "active" && s.pid != before[name].pid && s.restarts > 0, fmt.Errorf("%+v", s)
		})
		t.Logf("%s runs again %.1f s after it was stopped", name, time.Since(stopped).Seconds())
	}
	if said := string(in(t, m, order.Order{Run: []string{"journalctl", "-b", "--no-pager", "-u", "holdfast-*"}}).Output); strings.Count(said, "Watchdog timeout") != len(daemons) {
		t.Errorf("systemd does not say of each daemon that its watchdog was not fed:\n%s", said)
	}
	until("the cluster works again", runs(0))
	if now := state(t, m, "web.service"); now.pid != web.pid {
		t.Errorf("the resource has process %d and not %d any more: the restart of the daemons has hit it", now.pid, web.pid)
	}

	in(t, m, order.Order{Run: []string{"hcs", "resource", "disable", "web"}})
	until("the unit is stopped", func() (bool, error) {
		s := state(t, m, "web.service")
		return s.active == "inactive" && s.result == "success", fmt.Errorf("%+v", s)
	})
	in(t, m, order.Order{Run: []string{"hcs", "resource", "enable", "web"}})
	until("the unit is started", runs(0))
	in(t, m, order.Order{Run: []string{"hcs", "cluster", "stop"}})
	for _, unit := range []string{"web.service", "holdfast-corosyncd.service", "holdfast-fenced.service", "holdfast-crmd.service"} {
		if s := state(t, m, unit); s.active != "inactive" || s.result != "success" {
			t.Errorf("after the stop of the node %s is %+v", unit, s)
		}
	}
}
