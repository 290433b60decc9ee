package systemd

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coreos/go-systemd/v22/dbus"
	godbus "github.com/godbus/dbus/v5"

	"github.com/holdfast-ha/holdfast/cib/lrm"
)

// startBus runs a private dbus-daemon and returns its address.
func startBus(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("dbus-daemon")
	if err != nil {
		t.Skip("needs dbus-daemon (package dbus)")
	}
	cmd := exec.Command(path, "--session", "--nofork", "--print-address", "--address=unix:path="+filepath.Join(t.TempDir(), "bus"))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(line)
}

func dialer(address string) func(context.Context) (*godbus.Conn, error) {
	return func(ctx context.Context) (*godbus.Conn, error) {
		return godbus.Connect(address, godbus.WithContext(ctx))
	}
}

// fakeSystemd is as much of org.freedesktop.systemd1 as the client uses.
type fakeSystemd struct {
	mu      sync.Mutex
	units   map[string]*fakeUnit
	reloads atomic.Int32
	hang    chan struct{} // when set, StartUnit waits for it
	// slowReload, when set, lets one reload end for each value.
	slowReload chan struct{}
}

type fakeUnit struct {
	active, result string
	job            uint32
	// fails makes a start end in failed; slow lets a job go on until finish is called.
	fails, slow bool
}

func startFake(t *testing.T, units map[string]*fakeUnit) (*fakeSystemd, *Client) {
	t.Helper()
	f := &fakeSystemd{units: units}
	return f, f.serve(t)
}

// serve puts the fake on a bus of its own. From then on only its methods may change it.
func (f *fakeSystemd) serve(t *testing.T) *Client {
	t.Helper()
	address := startBus(t)
	conn, err := godbus.Connect(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.Export(f, "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager"); err != nil {
		t.Fatal(err)
	}
	if err := conn.ExportSubtree(unitObjects{f}, "/org/freedesktop/systemd1/unit", "org.freedesktop.DBus.Properties"); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.RequestName("org.freedesktop.systemd1", godbus.NameFlagDoNotQueue); err != nil {
		t.Fatal(err)
	}
	c := New(Options{Dial: dialer(address), DropIns: t.TempDir(), Before: []string{"crmd.service"}})
	t.Cleanup(c.Close)
	return c
}

func (f *fakeSystemd) job(name string, done func(*fakeUnit)) (godbus.ObjectPath, *godbus.Error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	u := f.units[name]
	if u == nil {
		return "", godbus.NewError("org.freedesktop.systemd1.NoSuchUnit", []any{"Unit " + name + " not found."})
	}
	if u.slow {
		u.job, u.active = 7, "activating"
	} else {
		done(u)
	}
	return "/org/freedesktop/systemd1/job/7", nil
}

// StartUnit is systemd's.
func (f *fakeSystemd) StartUnit(name, mode string) (godbus.ObjectPath, *godbus.Error) {
	if f.hang != nil {
		<-f.hang
	}
	return f.job(name, func(u *fakeUnit) {
		u.active = "active"
		if u.fails {
			u.active, u.result = "failed", "exit-code"
		}
	})
}

// StopUnit is systemd's.
func (f *fakeSystemd) StopUnit(name, mode string) (godbus.ObjectPath, *godbus.Error) {
	return f.job(name, func(u *fakeUnit) { u.active = "inactive" })
}

// Reload is systemd's.
func (f *fakeSystemd) Reload() *godbus.Error {
	f.reloads.Add(1)
	if f.slowReload != nil {
		<-f.slowReload
	}
	return nil
}

// ListUnitFiles is systemd's.
func (f *fakeSystemd) ListUnitFiles() ([]dbus.UnitFile, *godbus.Error) {
	return []dbus.UnitFile{{Path: "/lib/systemd/system/nginx.service"}, {Path: "/lib/systemd/system/Apache.service"},
		{Path: "/lib/systemd/system/a.target"}, {Path: "/etc/systemd/system/data.mount"}}, nil
}

func (f *fakeSystemd) finish(name, active string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.units[name].job, f.units[name].active = 0, active
}

// unitObjects answers for every unit path, as systemd does.
type unitObjects struct{ f *fakeSystemd }

// Get is org.freedesktop.DBus.Properties.Get.
func (o unitObjects) Get(msg godbus.Message, iface, name string) (godbus.Variant, *godbus.Error) {
	path, _ := msg.Headers[godbus.FieldPath].Value().(godbus.ObjectPath)
	o.f.mu.Lock()
	defer o.f.mu.Unlock()
	var unit string
	var u *fakeUnit
	for n, x := range o.f.units {
		if strings.HasSuffix(string(path), "/"+dbus.PathBusEscape(n)) {
			unit, u = n, x
		}
	}
	load := "loaded"
	if u == nil {
		u, load = &fakeUnit{active: "inactive"}, "not-found"
	}
	switch name {
	case "LoadState":
		return godbus.MakeVariant(load), nil
	case "ActiveState":
		return godbus.MakeVariant(u.active), nil
	case "Result":
		return godbus.MakeVariant(u.result), nil
	case "Description":
		return godbus.MakeVariant("The " + unit), nil
	case "Job":
		return godbus.MakeVariant(struct {
			N uint32
			P godbus.ObjectPath
		}{u.job, "/"}), nil
	}
	return godbus.Variant{}, godbus.NewError("org.freedesktop.DBus.Error.UnknownProperty", []any{name})
}

func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func wantAnswer(t *testing.T, what string, got, want Answer) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %+v, want %+v", what, got, want)
	}
}

func TestUnit_Lifecycle(t *testing.T) {
	f, c := startFake(t, map[string]*fakeUnit{"web@1.service": {active: "inactive"}})
	ctx := within(t, 10*time.Second)
	dropIn := filepath.Join(c.o.DropIns, "web@1.service.d", "50-holdfast.conf")
	wantAnswer(t, "monitor stopped", c.Monitor(ctx, "web@1"), Answer{lrm.Done, lrm.RCNotRunning, "inactive"})
	wantAnswer(t, "start", c.Start(ctx, "web@1"), answerOK)
	raw, err := os.ReadFile(dropIn)
	if err != nil || !strings.Contains(string(raw), "Before=crmd.service") || !strings.Contains(string(raw), "Restart=no") {
		t.Errorf("drop-in %q, %v", raw, err)
	}
	wantAnswer(t, "start again", c.Start(ctx, "web@1"), answerOK)
	if n := f.reloads.Load(); n != 1 {
		t.Errorf("%d reloads for an unchanged drop-in", n)
	}
	wantAnswer(t, "monitor running", c.Monitor(ctx, "web@1"), answerOK)
	wantAnswer(t, "stop", c.Stop(ctx, "web@1"), answerOK)
	if _, err := os.Stat(dropIn); !os.IsNotExist(err) || f.reloads.Load() != 2 {
		t.Errorf("after the stop: %v, %d reloads", err, f.reloads.Load())
	}
	wantAnswer(t, "stop again", c.Stop(ctx, "web@1"), answerOK)
}

func TestUnit_Failures(t *testing.T) {
	_, c := startFake(t, map[string]*fakeUnit{"bad.service": {active: "inactive", fails: true}, "stuck.service": {active: "activating"}})
	ctx := within(t, 10*time.Second)
	missing := Answer{lrm.NotInstalled, lrm.RCNotInstalled, "systemd unit nope not found"}
	wantAnswer(t, "start of none", c.Start(ctx, "nope"), missing)
	wantAnswer(t, "monitor of none", c.Monitor(ctx, "nope"), missing)
	wantAnswer(t, "stop of none", c.Stop(ctx, "nope"), answerOK)
	wantAnswer(t, "start that fails", c.Start(ctx, "bad"),
		Answer{lrm.Done, lrm.RCError, "systemd unit bad.service is failed after its start (result exit-code)"})
	wantAnswer(t, "monitor of a failed unit", c.Monitor(ctx, "bad"), Answer{lrm.Done, lrm.RCNotRunning, "failed"})
	short := within(t, 100*time.Millisecond)
	wantAnswer(t, "monitor of a unit that never gets there", c.Monitor(short, "stuck"), Answer{lrm.Timeout, lrm.RCError,
		"Investigate reason for timeout, and adjust configured operation timeout if necessary"})
}

func TestStart_WaitsForTheJob(t *testing.T) {
	f, c := startFake(t, map[string]*fakeUnit{"db.service": {active: "inactive", slow: true}})
	done := make(chan Answer, 1)
	ctx := within(t, 10*time.Second)
	go func() { done <- c.Start(ctx, "db") }()
	select {
	case a := <-done:
		t.Fatalf("answered %+v while the job runs", a)
	case <-time.After(200 * time.Millisecond):
	}
	f.finish("db.service", "active")
	wantAnswer(t, "start", <-done, answerOK)
}

func TestStart_TimesOutWhileSystemdHangs(t *testing.T) {
	f := &fakeSystemd{units: map[string]*fakeUnit{"a.service": {}, "b.service": {}}, hang: make(chan struct{})}
	c := f.serve(t)
	defer close(f.hang)
	begin := time.Now()
	ctx := within(t, 300*time.Millisecond)
	var wg sync.WaitGroup
	for _, unit := range []string{"a", "b", "a", "b"} {
		wg.Go(func() {
			if a := c.Start(ctx, unit); a.Status != lrm.Timeout {
				t.Errorf("%s: %+v", unit, a)
			}
		})
	}
	wg.Wait()
	if d := time.Since(begin); d > 2*time.Second {
		t.Errorf("operations waited for each other: %v", d)
	}
}

func TestStart_ManyShareAReload(t *testing.T) {
	units := map[string]*fakeUnit{}
	for i := range 10 {
		units[fmt.Sprintf("u%d.service", i)] = &fakeUnit{active: "inactive"}
	}
	f := &fakeSystemd{units: units, slowReload: make(chan struct{})}
	c := f.serve(t)
	ctx := within(t, 20*time.Second)
	var wg sync.WaitGroup
	for i := range 10 {
		wg.Go(func() { wantAnswer(t, "start", c.Start(ctx, fmt.Sprintf("u%d", i)), answerOK) })
	}
	for f.reloads.Load() == 0 { // the first waits for us, the others for it
		time.Sleep(time.Millisecond)
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		files, _ := filepath.Glob(filepath.Join(c.o.DropIns, "*", "50-holdfast.conf"))
		if len(files) == 10 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d drop-ins", len(files))
		}
	}
	close(f.slowReload)
	wg.Wait()
	if n := f.reloads.Load(); n > 5 {
		t.Errorf("%d reloads for 10 units", n)
	}
}

func TestClient_WithoutBusAndAfterItsRestart(t *testing.T) {
	address := ""
	c := New(Options{DropIns: t.TempDir(), Dial: func(ctx context.Context) (*godbus.Conn, error) {
		if address == "" {
			return nil, fmt.Errorf("no socket")
		}
		return dialer(address)(ctx)
	}})
	defer c.Close()
	wantAnswer(t, "no bus", c.Monitor(within(t, time.Second), "x"), Answer{lrm.Error, lrm.RCError, "No DBus connection"})
	address = startBus(t)
	if a := c.Monitor(within(t, time.Second), "x"); a.Reason == "No DBus connection" {
		t.Errorf("with a bus, but without systemd: %+v", a)
	}
	c.mu.Lock()
	c.conn.Close()
	c.mu.Unlock()
	if a := c.Monitor(within(t, time.Second), "x"); a.Reason == "No DBus connection" {
		t.Errorf("after a restart of the bus: %+v", a)
	}
}

func TestClient_ListsAndDescribes(t *testing.T) {
	_, c := startFake(t, map[string]*fakeUnit{"nginx.service": {active: "active"}})
	ctx := within(t, 10*time.Second)
	names, err := c.List(ctx)
	if err != nil || fmt.Sprint(names) != "[Apache data.mount nginx]" {
		t.Errorf("%v, %v", names, err)
	}
	text, err := c.Description(ctx, "nginx")
	if err != nil || text != "The nginx.service" {
		t.Errorf("%q, %v", text, err)
	}
	if _, err := c.Description(ctx, "nope"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
	if c.Known(ctx, "nope") || !c.Known(ctx, "nginx") {
		t.Error("Known is wrong")
	}
}
