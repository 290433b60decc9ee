package driver_test

import (
	"log/slog"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bougou/go-ipmi/pkg/types"

	"github.com/holdfast-ha/holdfast/cib/lrm"
	"github.com/holdfast-ha/holdfast/fenced/driver"
	"github.com/holdfast-ha/holdfast/fenced/plan/device"
	"github.com/holdfast-ha/holdfast/tests/bmc"
)

// timeout is what every fence of the matrix may take.
const timeout = 6 * time.Second

// misbehaviour is a row of the matrix. A fence of the card's machine must end within the timeout, succeed only
// when the machine is off, and otherwise name cause and remedy.
type misbehaviour struct {
	name   string
	faults bmc.Faults
	// params change what the device says, redfish the card.
	params  map[string]string
	redfish func(t *testing.T, c *bmc.Redfish) map[string]string
	suites  []types.CipherSuiteID
	off     bool          // it is to succeed
	within  time.Duration // 0: the timeout
	cause   string
	remedy  string
}

var matrix = []misbehaviour{
	{name: "good", off: true, within: 3 * time.Second},
	{name: "silent", faults: bmc.Faults{Silent: true}, within: 5500 * time.Millisecond, cause: "does not answer", remedy: "second fencing level"},
	{name: "silent after the order", faults: bmc.Faults{SilentAfter: true}, cause: "", remedy: ""},
	{name: "slow", faults: bmc.Faults{Delay: 300 * time.Millisecond}, off: true},
	{name: "slower than the time", faults: bmc.Faults{Delay: 4 * time.Second}, cause: "does not answer", remedy: "login_timeout"},
	{name: "wrong password", params: map[string]string{"password": "wrong"}, within: time.Second, cause: "refuses", remedy: "check the parameter"},
	{name: "wrong user", params: map[string]string{"username": "nobody"}, within: time.Second, cause: `user "nobody"`, remedy: "check the parameter"},
	{name: "no session free", faults: bmc.Faults{Full: true}, cause: "has no session free", remedy: "end sessions of other programs"},
	{name: "state flips late", faults: bmc.Faults{Late: 3 * time.Second}, off: true},
	{name: "off that does not happen", faults: bmc.Faults{Deaf: true}, cause: "has accepted off and reads on", remedy: "by hand"},
	{name: "off that is told too early", faults: bmc.Faults{Early: 250 * time.Millisecond}, cause: "", remedy: ""},
	{name: "user without the right", faults: bmc.Faults{ReadOnly: true}, within: time.Second, cause: "may not do this", remedy: "give the user"},
	{name: "garbage", faults: bmc.Faults{Garbage: true}, cause: "", remedy: ""},
	{name: "state that cannot be told", faults: bmc.Faults{Blind: true}, cause: "", remedy: ""},
	{name: "order that is refused", faults: bmc.Faults{Refuses: true}, within: time.Second, cause: "", remedy: "log"},
	{name: "nothing listens", params: map[string]string{"ipport": "1"}, within: time.Second, cause: "nothing listens there", remedy: "check the port"},
	{name: "identity changed", suites: []types.CipherSuiteID{types.CipherSuiteID1}, cause: "", remedy: "", within: 2 * time.Second,
		redfish: func(t *testing.T, c *bmc.Redfish) map[string]string {
			old := c.Fingerprint()
			c.Renew(t)
			return map[string]string{"ssl_fingerprint": old}
		}},
}

// perDriver are the words that differ.
var perDriver = map[string]map[string][2]string{
	"fence_ipmilan": {
		"silent after the order":     {"does not answer", "second fencing level"},
		"off that is told too early": {"reads on", "by hand"},
		"garbage":                    {"answer", "login_timeout"},
		"state that cannot be told":  {"request failed", "log"},
		"order that is refused":      {"request failed", "log"},
		"identity changed":           {"refuses the cipher suite", "parameter cipher"},
	},
	"fence_redfish": {
		"silent after the order":     {"does not answer", "second fencing level"},
		"off that is told too early": {"reads on", "by hand"},
		"garbage":                    {"makes no sense", "redfish_uri"},
		"state that cannot be told":  {"reads unknown", "by hand"},
		"order that is refused":      {"refuses POST", "log"},
		"identity changed":           {"another certificate", "ssl_fingerprint"},
	},
}

func TestMisbehaviour_NeverAFalseSuccess(t *testing.T) {
	set, err := driver.New(driver.Config{Node: "n1", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	for _, agent := range []string{"fence_ipmilan", "fence_redfish"} {
		for _, row := range matrix {
			t.Run(agent+"/"+row.name, func(t *testing.T) {
				t.Parallel()
				m := bmc.NewMachine(row.faults, nil)
				params := map[string]string{"ip": "127.0.0.1", "username": bmc.User, "password": bmc.Password, "plug": "n2", "login_timeout": "5", "shell_timeout": "3"}
				if agent == "fence_ipmilan" {
					c := bmc.NewIPMI(t, m, row.suites...)
					params["ipport"] = strconv.Itoa(c.Addr.Port)
				} else {
					c := bmc.NewRedfish(t, m)
					params["ipport"], params["ssl_fingerprint"] = strconv.Itoa(c.Addr().Port), c.Fingerprint()
					if row.redfish != nil {
						for n, v := range row.redfish(t, c) {
							params[n] = v
						}
					}
				}
				for n, v := range row.params {
					params[n] = v
				}
				row.judge(t, set, agent, m, params)
			})
		}
	}
}

// judge fences the machine and looks at the result, the time and the truth.
func (row *misbehaviour) judge(t *testing.T, set *driver.Set, agent string, m *bmc.Machine, params map[string]string) {
	call := device.Call{Device: "d", Agent: agent, Action: device.Off, Target: "n2", Timeout: timeout}
	for n, v := range params {
		call.Params = append(call.Params, device.Param{Name: n, Value: v})
	}
	d, err := set.For("", agent)
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	r := d.Run(t.Context(), call)
	took := time.Since(begin)
	success := r.Status == lrm.Done && r.RC == 0
	if success && m.On() {
		t.Errorf("FALSE SUCCESS after %v", took)
	}
	if success != row.off {
		t.Errorf("success %v (%v: %s), want %v", success, r.Status, r.Reason, row.off)
	}
	// Nobody may be kept waiting: a second more than the time is what lies between a deadline and its report.
	limit := timeout + time.Second
	if row.within > 0 {
		limit = row.within + time.Second
	}
	if took > limit {
		t.Errorf("took %v, may take %v", took, limit)
	}
	words := perDriver[agent][row.name]
	for _, w := range []string{row.cause, row.remedy, words[0], words[1]} {
		if !row.off && !strings.Contains(r.Reason, w) {
			t.Errorf("reason %q does not say %q", r.Reason, w)
		}
	}
	t.Logf("%v after %v: %s", r.Status, took.Round(time.Millisecond), r.Reason)
}

func TestMisbehaviour_LeavesNothingBehind(t *testing.T) {
	set, err := driver.New(driver.Config{Node: "n1", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	before := runtime.NumGoroutine()
	for _, agent := range []string{"fence_ipmilan", "fence_redfish"} {
		for range 2 {
			t.Run(agent, func(t *testing.T) {
				m := bmc.NewMachine(bmc.Faults{SilentAfter: true}, nil)
				params := []device.Param{{Name: "ip", Value: "127.0.0.1"}, {Name: "username", Value: bmc.User}, {Name: "password", Value: bmc.Password}}
				if agent == "fence_ipmilan" {
					params = append(params, device.Param{Name: "ipport", Value: strconv.Itoa(bmc.NewIPMI(t, m).Addr.Port)})
				} else {
					c := bmc.NewRedfish(t, m)
					params = append(params, device.Param{Name: "ipport", Value: strconv.Itoa(c.Addr().Port)}, device.Param{Name: "ssl_fingerprint", Value: c.Fingerprint()})
				}
				d, _ := set.For("", agent)
				if r := d.Run(t.Context(), device.Call{Agent: agent, Action: device.Off, Params: params, Timeout: time.Second}); r.Status != lrm.Timeout {
					t.Errorf("%v: %s", r.Status, r.Reason)
				}
			})
		}
	}
	for limit := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > before+2; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(limit) {
			buf := make([]byte, 1<<20)
			t.Fatalf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, buf[:runtime.Stack(buf, true)])
		}
	}
}
