package fenced

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/lrm"
)

func asError[E error](err error, target *E) bool { return errors.As(err, target) }

func (n *testNode) devices(query string) map[string]api.FenceDeviceStatus {
	n.T.Helper()
	var list []api.FenceDeviceStatus
	n.must(http.MethodGet, api.PathFenceDevices+query, nil, &list)
	byID := map[string]api.FenceDeviceStatus{}
	for _, d := range list {
		byID[d.ID] = d
	}
	return byID
}

func TestCheck_VerifiesADevice(t *testing.T) {
	c := newCluster(t, "n1")
	n1 := c.nodes["n1"]
	n1.configure(c.device("d1", "n2"))
	if d := n1.devices("")["d1"]; d.Verified {
		t.Errorf("%+v", d)
	}
	// As crmd does it: with the parameters, and the meta attributes of the operation among them.
	var r api.FenceResult
	params := c.device("d1", "n2").Params
	params["CRM_meta_timeout"] = "20000"
	n1.must(http.MethodPost, api.PathFenceTest, api.FenceCheck{Device: "d1", Agent: "fence_test", Params: params, Action: "monitor", Timeout: 5000}, &r)
	if d := n1.devices("")["d1"]; !r.Proven() || !d.Verified {
		t.Errorf("%+v, %+v", r, d)
	}
	n1.must(http.MethodPost, api.PathFenceTest, api.FenceCheck{Device: "d1", Action: "stop"}, &r)
	if d := n1.devices("")["d1"]; d.Verified {
		t.Errorf("after stop: %+v", d)
	}
}

// A monitor that hangs does not hold up a fence with the same device, and is done again behind it.
func TestFence_EndsAMonitorThatHangs(t *testing.T) {
	c := newCluster(t, "n1")
	n1 := c.nodes["n1"]
	n1.configure(c.device("d1", "n2", "monitor", "hang"))
	checked := make(chan api.FenceResult, 1)
	go func() {
		var r api.FenceResult
		_ = n1.Call(http.MethodPost, api.PathFenceTest, api.FenceCheck{Device: "d1", Action: "monitor", Timeout: 3000}, &r)
		checked <- r
	}()
	c.Eventually("the monitor runs", func() bool { return slices.Contains(c.calls(), "monitor") })
	begin := time.Now()
	r, err := n1.fence("n2", "off")
	if took := time.Since(begin); err != nil || !r.Proven() || took > 2*time.Second {
		t.Errorf("after %v: %+v, %v", took, r, err)
	}
	if r := <-checked; r.Status != int(lrm.Timeout) {
		t.Errorf("the monitor: %+v", r)
	}
	if got := c.calls(); !slices.Equal(got, []string{"monitor", "off n2", "status n2", "monitor"}) {
		t.Errorf("agents were told %q", got)
	}
}

func TestCheck_OfWhatIsNotConfigured(t *testing.T) {
	c := newCluster(t, "n1")
	n1 := c.nodes["n1"]
	for _, x := range []struct {
		check  api.FenceCheck
		status lrm.Status
		reason string
		output string
	}{
		{api.FenceCheck{Device: "new", Agent: "fence_test", Params: map[string]string{"dir": c.Dir}, Action: "status", Target: "n2"}, lrm.Done, "", ""},
		{api.FenceCheck{Device: "new", Agent: "fence_nosuch", Action: "monitor"}, lrm.NotInstalled, "fence_nosuch", ""},
		{api.FenceCheck{Device: "nosuch", Action: "monitor"}, lrm.NoFenceDevice, "Device nosuch is not configured on n1", ""},
		{api.FenceCheck{Device: "new", Agent: "fence_test", Action: "off", Target: "n2"}, lrm.Invalid, "is not a check", ""},
		{api.FenceCheck{Agent: "fence_test", Action: "metadata"}, lrm.Done, "", "<resource-agent"},
	} {
		var r api.FenceResult
		n1.must(http.MethodPost, api.PathFenceTest, x.check, &r)
		if r.Status != int(x.status) || !strings.Contains(r.Reason, x.reason) || !strings.Contains(r.Output, x.output) {
			t.Errorf("%+v: %+v", x.check, r)
		}
	}
	if slices.Contains(c.calls(), "off n2") {
		t.Error("a check fenced a node")
	}
}

func TestDevices_RegisteredByACommand(t *testing.T) {
	c := newCluster(t, "n1")
	n1 := c.nodes["n1"]
	n1.configure(c.device("d1", "n2"))
	n1.must(http.MethodPost, api.PathFenceDevices, c.device("d2", "n3"), nil)
	if d := n1.devices("?target=n3"); len(d) != 2 || !d["d2"].CanFence || d["d1"].CanFence || !d["d2"].Registered || d["d1"].Registered {
		t.Errorf("%+v", d)
	}
	if r, err := n1.fence("n3", "off"); err != nil || r.Device != "d2" {
		t.Errorf("%+v, %v", r, err)
	}
	n1.must(http.MethodDelete, api.PathFenceDevices+"?id=d2", nil, nil)
	if d := n1.devices(""); len(d) != 1 {
		t.Errorf("%+v", d)
	}
	if err := n1.Call(http.MethodPost, api.PathFenceDevices, api.FenceDevice{ID: "x"}, nil); err == nil {
		t.Error("a device without agent was taken")
	}
}

func TestLevels_RegisteredByACommand(t *testing.T) {
	c := newCluster(t, "n1")
	n1 := c.nodes["n1"]
	n1.configure(c.device("d1", "n2", "mode", "fail", "pcmk_off_retries", "1"), c.device("d2", "n2"))
	n1.must(http.MethodPost, api.PathFenceLevels, api.FenceLevel{Target: "n2", Index: 2, Devices: []string{"d1"}}, nil)
	if r, err := n1.fence("n2", "off"); err != nil || r.Proven() {
		t.Errorf("only d1 may be used: %+v, %v", r, err)
	}
	n1.must(http.MethodPost, api.PathFenceLevels, api.FenceLevel{Target: "n2", Index: 1, Devices: []string{"d2"}}, nil)
	if r, err := n1.fence("n2", "off"); err != nil || r.Device != "d2" {
		t.Errorf("%+v, %v", r, err)
	}
	n1.must(http.MethodDelete, api.PathFenceLevels, api.FenceLevel{Target: "n2", Index: 1}, nil)
	if r, err := n1.fence("n2", "off"); err != nil || r.Proven() {
		t.Errorf("only d1 may be used again: %+v, %v", r, err)
	}
	if err := n1.Call(http.MethodPost, api.PathFenceLevels, api.FenceLevel{Target: "n2", Index: 11, Devices: []string{"d2"}}, nil); err == nil {
		t.Error("level 11 was taken")
	}
}

func TestConfig_IsShownWithoutSecrets(t *testing.T) {
	c := newCluster(t, "n1")
	n1 := c.nodes["n1"]
	n1.configure(c.device("d1", "n2", "password", "geheim", "snmp_priv_passwd", "geheim", "key", "geheim", "keyboard", "de", "passwd_script", "lrm://"))
	var conf api.FenceConfig
	n1.must(http.MethodGet, api.PathFenceConfig, nil, &conf)
	p := conf.Devices[0].Params
	if p["password"] != "********" || p["snmp_priv_passwd"] != "********" || p["key"] != "********" || p["keyboard"] != "de" || p["passwd_script"] != "lrm://" {
		t.Errorf("%v", p)
	}
}
