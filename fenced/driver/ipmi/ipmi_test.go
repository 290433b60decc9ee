package ipmi

import (
	"crypto/md5"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bougou/go-ipmi/pkg/types"

	"github.com/holdfast-ha/holdfast/cib/lrm"
	"github.com/holdfast-ha/holdfast/fenced/driver/native"
	"github.com/holdfast-ha/holdfast/fenced/plan/device"
	"github.com/holdfast-ha/holdfast/tests/bmc"
)

func newDriver(t *testing.T) *Driver {
	return New(Config{Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
}

func run(t *testing.T, d *Driver, addr *net.UDPAddr, action string, change ...string) device.Result {
	t.Helper()
	set := map[string]string{"ip": addr.IP.String(), "ipport": strconv.Itoa(addr.Port), "username": bmc.User, "password": bmc.Password, "port": "n1"}
	for i := 0; i+1 < len(change); i += 2 {
		set[change[i]] = change[i+1]
	}
	var params []device.Param
	for n, v := range set {
		if v != "" {
			params = append(params, device.Param{Name: n, Value: v})
		}
	}
	return d.Run(t.Context(), device.Call{Device: "p", Agent: "fence_ipmilan", Action: action, Target: "n1", Params: params, Timeout: 20 * time.Second})
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

func TestPower_OffOnRebootWithTheNewestSuite(t *testing.T) {
	t.Parallel()
	d, c := newDriver(t), bmc.NewIPMI(t, bmc.NewMachine(bmc.Faults{}, nil))
	want(t, run(t, d, c.Addr, device.Monitor), lrm.Done, 0)
	want(t, run(t, d, c.Addr, device.Status), lrm.Done, 0)
	want(t, run(t, d, c.Addr, device.Off), lrm.Done, 0)
	if c.On() {
		t.Error("the machine is on")
	}
	want(t, run(t, d, c.Addr, device.Status), lrm.Done, native.RCOff)
	want(t, run(t, d, c.Addr, device.Off), lrm.Done, 0) // off already
	want(t, run(t, d, c.Addr, device.On), lrm.Done, 0)
	want(t, run(t, d, c.Addr, device.Reboot, "method", "cycle"), lrm.Done, 0)
	if got := c.Orders(); !slices.Equal(got, []bool{false, true, false, true}) || !c.On() {
		t.Errorf("orders %v", got)
	}
	if n := c.Sessions(); n != 0 {
		t.Errorf("%d sessions are left open", n)
	}
	if s, _ := d.known(c.Addr.String()); s != modern {
		t.Errorf("suite %v", s)
	}
}

func TestSuites_FallBackToWhatTheCardKnows(t *testing.T) {
	t.Parallel()
	d, c := newDriver(t), bmc.NewIPMI(t, bmc.NewMachine(bmc.Faults{}, nil), common)
	want(t, run(t, d, c.Addr, device.Off), lrm.Done, 0)
	if s, _ := d.known(c.Addr.String()); s != common {
		t.Errorf("suite %v is remembered", s)
	}
	want(t, run(t, d, c.Addr, device.On), lrm.Done, 0)
	want(t, run(t, d, c.Addr, device.Status, "cipher", "17"), lrm.Error, 1, "refuses the cipher suite", "parameter cipher")
	want(t, run(t, d, c.Addr, device.Status, "cipher", "3"), lrm.Done, 0)
	// A card that is replaced may know less or more than the one before.
	d.agreed(c.Addr.String(), modern)
	want(t, run(t, d, c.Addr, device.Status), lrm.Done, 0)
}

func TestSuites_CardThatSaysNothingToTheNewOne(t *testing.T) {
	t.Parallel()
	c := bmc.NewIPMI(t, bmc.NewMachine(bmc.Faults{}, nil), common)
	proxy, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	up, err := net.DialUDP("udp", nil, c.Addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { proxy.Close(); up.Close() })
	var from atomic.Pointer[net.Addr]
	go func() { // to the card, without open session requests for SHA256
		b := make([]byte, 4096)
		for {
			n, addr, err := proxy.ReadFrom(b)
			if err != nil {
				return
			}
			from.Store(&addr)
			if n > 40 && b[4] == 6 && b[5] == 0x10 && slices.Contains(b[24:n], byte(types.AuthAlg_HMAC_SHA256)) {
				continue
			}
			_, _ = up.Write(b[:n])
		}
	}()
	go func() {
		b := make([]byte, 4096)
		for {
			n, err := up.Read(b)
			if err != nil {
				return
			}
			_, _ = proxy.WriteTo(b[:n], *from.Load())
		}
	}()
	want(t, run(t, newDriver(t), proxy.LocalAddr().(*net.UDPAddr), device.Status, "login_timeout", "2"), lrm.Done, 0)
}

func TestOldCard_WithoutLanplus(t *testing.T) {
	t.Parallel()
	d, c := newDriver(t), bmc.NewIPMI(t, bmc.NewMachine(bmc.Faults{}, nil))
	want(t, run(t, d, c.Addr, device.Off, "lanplus", "0"), lrm.Done, 0)
	if c.On() {
		t.Error("the machine is on")
	}
	want(t, run(t, d, c.Addr, device.Status, "lanplus", "0"), lrm.Done, native.RCOff)
}

func TestSlowCard_IsWaitedFor(t *testing.T) {
	t.Parallel()
	d, c := newDriver(t), bmc.NewIPMI(t, bmc.NewMachine(bmc.Faults{Delay: 1300 * time.Millisecond}, nil))
	want(t, run(t, d, c.Addr, device.Status), lrm.Done, 0)
}

func TestParameters_ThatCannotBeServedAreRefused(t *testing.T) {
	d, addr := newDriver(t), &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9}
	want(t, run(t, d, addr, device.Status, "ip", ""), lrm.Invalid, 2, "ip is missing")
	want(t, run(t, d, addr, device.Status, "target", "0x24"), lrm.Invalid, 2, "bridging", "driver=legacy")
	want(t, run(t, d, addr, device.Status, "hexadecimal_kg", "00"), lrm.Invalid, 2, "driver=legacy")
	want(t, run(t, d, addr, device.Status, "cipher", "77"), lrm.Invalid, 2, "17 and 3")
	want(t, run(t, d, addr, device.Status, "ipport", "0"), lrm.Invalid, 2, "not a port")
	want(t, run(t, d, addr, device.Status, "ip", "no.such.host.invalid"), lrm.Error, 1, "cannot be resolved", "use its address")
	if got := run(t, d, addr, "metadata"); !strings.Contains(got.Output, `<resource-agent name="fence_ipmilan"`) {
		t.Error("no metadata")
	}
}

func TestPassword_FromAProgramOrAFile(t *testing.T) {
	d, c := newDriver(t), bmc.NewIPMI(t, bmc.NewMachine(bmc.Faults{}, nil))
	script := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(script, []byte("#!/bin/sh\necho "+bmc.Password+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	want(t, run(t, d, c.Addr, device.Status, "password", "", "password_script", script), lrm.Done, 0)
	want(t, run(t, d, c.Addr, device.Status, "password", "", "password_script", "/nonexistent"), lrm.Error, 1, "cannot be run", "by hand")
	want(t, run(t, d, c.Addr, device.Status, "password", "lrm://"), lrm.NoSecrets, 1, "secrets")
	d.SecretsDir = t.TempDir()
	if err := os.MkdirAll(d.SecretsDir+"/p", 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"password": bmc.Password, "password.sign": fmt.Sprintf("%x", md5.Sum([]byte(bmc.Password)))} {
		if err := os.WriteFile(d.SecretsDir+"/p/"+name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want(t, run(t, d, c.Addr, device.Status, "password", "lrm://"), lrm.Done, 0)
	want(t, run(t, d, c.Addr, device.Status, "ip", "", "port", c.Addr.IP.String(), "port_as_ip", "1"), lrm.Done, 0)
}
