package ipmi

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/cib/lrm"
	"github.com/holdfast-ha/holdfast/fenced/driver/native"
	"github.com/holdfast-ha/holdfast/fenced/plan/device"
	"github.com/holdfast-ha/holdfast/tests/bmc"
)

// simulator starts Debian's ipmi_sim; its machine is on while a file exists.
func simulator(t *testing.T) (*net.UDPAddr, string) {
	t.Helper()
	if _, err := exec.LookPath("ipmi_sim"); err != nil {
		t.Skip("ipmi_sim (package openipmi) is not installed")
	}
	dir := t.TempDir()
	power := filepath.Join(dir, "power")
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	addr := conn.LocalAddr().(*net.UDPAddr)
	conn.Close()
	for name, text := range map[string]string{
		"chassis": `#!/bin/sh
shift; op=$1; shift
case $op in
get) for p; do [ $p = power ] && [ -e ` + power + ` ] && echo $p:1 || echo $p:0; done ;;
set) while [ $# -gt 1 ]; do [ $1 = power ] && { [ $2 = 1 ] && : > ` + power + ` || rm -f ` + power + `; }; shift 2; done ;;
esac
exit 0
`,
		"power": "",
		"lan.conf": fmt.Sprintf(`name "card"
set_working_mc 0x20
  startlan 1
    addr 127.0.0.1 %d
    priv_limit admin
    allowed_auths_callback none md2 md5 straight
    allowed_auths_user none md2 md5 straight
    allowed_auths_operator none md2 md5 straight
    allowed_auths_admin none md2 md5 straight
    guid a123456789abcdefa123456789abcdef
  endlan
  chassis_control "%s/chassis 0x20"
  user 1 true "" "test" user 10 none md2 md5 straight
  user 2 true "%s" "%s" admin 10 none md2 md5 straight
`, addr.Port, dir, bmc.User, bmc.Password),
		"sim.emu": "mc_setbmc 0x20\nmc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr\nsel_enable 0x20 1000 0x0a\nmc_enable 0x20\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(dir+"/state", 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("ipmi_sim", "-n", "-c", dir+"/lan.conf", "-f", dir+"/sim.emu", "-s", dir+"/state")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	var says bytes.Buffer
	cmd.Stdout, cmd.Stderr = &says, &says
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL); _ = cmd.Wait() })
	d := newDriver(t)
	for limit := time.Now().Add(10 * time.Second); run(t, d, addr, device.Monitor, "login_timeout", "1").RC != 0; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatalf("ipmi_sim does not answer: %s: %s", run(t, d, addr, device.Monitor).Reason, says.String())
		}
	}
	return addr, power
}

func isOn(t *testing.T, power string) bool {
	t.Helper()
	_, err := os.Stat(power)
	return err == nil
}

func TestSimulator_OfDebian(t *testing.T) {
	t.Parallel()
	addr, power := simulator(t)
	d := newDriver(t)
	begin := time.Now()
	want(t, run(t, d, addr, device.Off), lrm.Done, 0)
	t.Logf("off took %v", time.Since(begin).Round(time.Millisecond))
	if isOn(t, power) {
		t.Error("the machine is on")
	}
	want(t, run(t, d, addr, device.Status), lrm.Done, native.RCOff)
	want(t, run(t, d, addr, device.Reboot), lrm.Done, 0)
	if !isOn(t, power) {
		t.Error("the machine is off")
	}
	if s, _ := d.known(addr.String()); s != common {
		t.Errorf("suite %v; ipmi_sim knows no SHA256", s)
	}
	want(t, run(t, d, addr, device.Off, "password", "wrong"), lrm.Error, 1, "password", "check the parameter")
	want(t, run(t, d, addr, device.Off, "username", "nobody"), lrm.Error, 1, `user "nobody"`, "check the parameter")
}

// ipmitool and fence_ipmilan have to agree with the driver on the state after every step that one of them makes.
func TestInterop_ToolsAgreeAtEveryStep(t *testing.T) {
	t.Parallel()
	addr, _ := simulator(t)
	d := newDriver(t)
	agent := func(action string) int {
		cmd := exec.CommandContext(t.Context(), "/usr/sbin/fence_ipmilan")
		cmd.Stdin = strings.NewReader("action=" + action + "\nip=127.0.0.1\nipport=" + strconv.Itoa(addr.Port) + "\nusername=" + bmc.User + "\npassword=" + bmc.Password + "\nlanplus=1\ncipher=3\npower_wait=0\n")
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			t.Skipf("fence_ipmilan cannot be run: %v", err)
		}
		if code := cmd.ProcessState.ExitCode(); code == 0 || code == 2 {
			return code
		}
		t.Fatalf("fence_ipmilan %s: %s", action, out)
		return 1
	}
	tool := func(verb string) string {
		out, err := exec.CommandContext(t.Context(), "ipmitool", "-I", "lanplus", "-H", "127.0.0.1", "-p", strconv.Itoa(addr.Port), "-U", bmc.User, "-P", bmc.Password, "-C", "3", "power", verb).CombinedOutput()
		if err != nil {
			t.Skipf("ipmitool cannot be run: %v: %s", err, out)
		}
		return strings.TrimSpace(string(out))
	}
	agree := func(step string, rc int) {
		t.Helper()
		said := map[int]string{0: "Chassis Power is on", 2: "Chassis Power is off"}[rc]
		if ours, theirs, say := run(t, d, addr, device.Status), agent("status"), tool("status"); ours.RC != rc || theirs != rc || say != said {
			t.Errorf("after %s: the driver says %d (%s), fence_ipmilan %d, ipmitool %q, want %d", step, ours.RC, ours.Reason, theirs, say, rc)
		}
	}
	agree("the start", 0)
	want(t, run(t, d, addr, device.Off), lrm.Done, 0)
	agree("our off", 2)
	agent("on")
	agree("fence_ipmilan on", 0)
	tool("off")
	agree("ipmitool off", 2)
	want(t, run(t, d, addr, device.On), lrm.Done, 0)
	agree("our on", 0)
	agent("off")
	agree("fence_ipmilan off", 2)
	want(t, run(t, d, addr, device.Off), lrm.Done, 0)
	agree("our off of what is off", 2)
}
