package redfish

import (
	"encoding/pem"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/cib/lrm"
	"github.com/holdfast-ha/holdfast/fenced/driver/native"
	"github.com/holdfast-ha/holdfast/fenced/plan/device"
	"github.com/holdfast-ha/holdfast/tests/bmc"
)

func newCard(t *testing.T, f bmc.Faults) *bmc.Redfish {
	return bmc.NewRedfish(t, bmc.NewMachine(f, nil))
}

// run does an action with the card's certificate pinned, unless the test changes that.
func run(t *testing.T, c *bmc.Redfish, action string, change ...string) device.Result {
	t.Helper()
	set := map[string]string{"ip": "127.0.0.1", "ipport": strconv.Itoa(c.Addr().Port), "username": bmc.User, "password": bmc.Password, "plug": "n1", "ssl_fingerprint": c.Fingerprint()}
	for i := 0; i+1 < len(change); i += 2 {
		set[change[i]] = change[i+1]
	}
	var params []device.Param
	for n, v := range set {
		if v != "" {
			params = append(params, device.Param{Name: n, Value: v})
		}
	}
	d := New(Config{Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
	return d.Run(t.Context(), device.Call{Device: "p", Agent: "fence_redfish", Action: action, Target: "n1", Params: params, Timeout: 20 * time.Second})
}

func want(t *testing.T, got device.Result, status lrm.Status, rc int, words ...string) {
	t.Helper()
	if got.Status != status || got.RC != rc {
		t.Errorf("got %v, rc %d (%s), want %v, rc %d", got.Status, got.RC, got.Reason, status, rc)
	}
	for _, w := range words {
		if !strings.Contains(got.Reason, w) {
			t.Errorf("reason %q does not say %q", got.Reason, w)
		}
	}
}

func TestPower_OffOnRebootAndNoSessionLeft(t *testing.T) {
	c := newCard(t, bmc.Faults{})
	want(t, run(t, c, device.Monitor), lrm.Done, 0)
	want(t, run(t, c, device.Off), lrm.Done, 0)
	if c.On() {
		t.Error("the machine is on")
	}
	want(t, run(t, c, device.Status), lrm.Done, native.RCOff)
	want(t, run(t, c, device.Off), lrm.Done, 0)
	want(t, run(t, c, device.On), lrm.Done, 0)
	want(t, run(t, c, device.Reboot), lrm.Done, 0)
	if !c.On() || len(c.Orders()) != 4 {
		t.Errorf("orders %v", c.Orders())
	}
	if c.Sessions() != 0 || c.Opened() != 6 {
		t.Errorf("%d of %d sessions are open", c.Sessions(), c.Opened())
	}
}

func TestResetTypes_FromWhatTheCardAllows(t *testing.T) {
	c := newCard(t, bmc.Faults{})
	c.Allowed, c.InInfo = []string{"ForceOn", "ForceOff"}, true
	want(t, run(t, c, device.Reboot), lrm.Done, 0)
	c.InInfo, c.Allowed = false, nil // it does not say
	want(t, run(t, c, device.Reboot), lrm.Done, 0)
	c.Allowed = []string{"On", "GracefulShutdown"}
	want(t, run(t, c, device.Off), lrm.Error, 1, "no reset of type ForceOff", "GracefulShutdown", "off_type")
	want(t, run(t, c, device.Off, "off_type", "GracefulShutdown"), lrm.Done, 0)
}

func TestSystems_FoundByName(t *testing.T) {
	c := newCard(t, bmc.Faults{})
	other := bmc.NewMachine(bmc.Faults{}, nil)
	c.Add("blade2", other)
	want(t, run(t, c, device.Off), lrm.Error, 1, "2 systems, of which 0", `"n1"`, "systems_uri", "pcmk_host_map")
	if !c.On() || !other.On() {
		t.Fatal("a machine was switched off that nobody named")
	}
	want(t, run(t, c, device.Off, "plug", "BLADE2"), lrm.Done, 0)
	if other.On() || !c.On() {
		t.Error("the wrong machine was switched")
	}
	want(t, run(t, c, device.On, "plug", "host-blade2"), lrm.Done, 0)
	want(t, run(t, c, device.Off, "systems_uri", "/redfish/v1/Systems/blade2"), lrm.Done, 0)
	want(t, run(t, c, device.Off, "systems_uri", "/redfish/v1/Systems/nosuch"), lrm.Error, 1, "is not there", "check systems_uri")
	want(t, run(t, c, device.Off, "systems_uri", "/redfish/v1/"), lrm.Error, 1, "systems_uri")
}

func TestCards_WithoutSessions(t *testing.T) {
	c := newCard(t, bmc.Faults{})
	c.NoSessions = true
	want(t, run(t, c, device.Off), lrm.Done, 0)
	full := newCard(t, bmc.Faults{Full: true})
	full.BasicWhenFull = true
	want(t, run(t, full, device.Off), lrm.Done, 0)
	if full.On() || full.Opened() != 0 {
		t.Error("a card without a free session was not reached by password")
	}
}

func TestCertificates_PinnedSignedOrNotTrusted(t *testing.T) {
	c := newCard(t, bmc.Faults{})
	want(t, run(t, c, device.Status, "ssl_fingerprint", ""), lrm.Error, 1, "nobody who is trusted", "pin it by ssl_fingerprint", "ssl_ca")
	want(t, run(t, c, device.Status, "ssl_fingerprint", "", "ssl_insecure", "1"), lrm.Done, 0)
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate()}), 0o600); err != nil {
		t.Fatal(err)
	}
	want(t, run(t, c, device.Status, "ssl_fingerprint", "", "ssl_ca", file), lrm.Done, 0)
	old := c.Fingerprint()
	want(t, run(t, c, device.Status, "ssl_fingerprint", strings.ToLower(old)), lrm.Done, 0)
	c.Renew(t)
	want(t, run(t, c, device.Off, "ssl_fingerprint", old), lrm.Error, 1, "another certificate than the one that was pinned", "stands in for the card")
	if c.Opened() != 3 || !c.On() {
		t.Error("the password was given to a card with another certificate")
	}
	want(t, run(t, c, device.Status, "ssl_fingerprint", "00:11"), lrm.Invalid, 2, "64 hexadecimal digits")
	want(t, run(t, c, device.Status, "ssl_fingerprint", "", "ssl_ca", "/nonexistent"), lrm.Invalid, 2, "ssl_ca")
}

// fence_redfish and the driver have to agree on the state after every step that one of them makes.
func TestInterop_FenceRedfishAgreesAtEveryStep(t *testing.T) {
	const program = "/usr/sbin/fence_redfish"
	if _, err := os.Stat(program); err != nil {
		t.Skip("fence_redfish is not installed")
	}
	c := newCard(t, bmc.Faults{})
	c.NoSessions = true // as the agent works
	theirs := func(action string) int {
		cmd := exec.CommandContext(t.Context(), program)
		cmd.Stdin = strings.NewReader("action=" + action + "\nip=127.0.0.1\nipport=" + strconv.Itoa(c.Addr().Port) + "\nusername=" + bmc.User + "\npassword=" + bmc.Password +
			"\nredfish_uri=/redfish/v1/\nsystems_uri=/redfish/v1/Systems/System.Embedded.1\nssl_insecure=1\n")
		out, err := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); err == nil || code > 0 {
			if strings.Contains(string(out), "ModuleNotFoundError") {
				t.Skip("fence_redfish lacks a Python module")
			}
			return code
		}
		t.Fatalf("%v: %s", err, out)
		return 0
	}
	agree := func(step string, rc int) {
		t.Helper()
		ours := run(t, c, device.Status)
		if got := theirs("status"); got != rc || ours.RC != rc {
			t.Errorf("after %s: fence_redfish says %d, the driver %d (%s), want %d", step, got, ours.RC, ours.Reason, rc)
		}
	}
	agree("the start", 0)
	want(t, run(t, c, device.Off), lrm.Done, 0)
	agree("our off", 2)
	if code := theirs("on"); code != 0 {
		t.Errorf("fence_redfish on ends with %d", code)
	}
	agree("their on", 0)
	if code := theirs("off"); code != 0 {
		t.Errorf("fence_redfish off ends with %d", code)
	}
	agree("their off", 2)
	want(t, run(t, c, device.On), lrm.Done, 0)
	agree("our on", 0)
}
