package fenced

import (
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/api"
)

func (n *testNode) health() api.FenceHealth {
	n.t.Helper()
	var h api.FenceHealth
	n.must(http.MethodGet, api.PathFenceHealth, nil, &h)
	return h
}

func TestHealth_ProbesAndFiguresAreTold(t *testing.T) {
	c := newCluster(t, "n1", "n2")
	n1 := c.nodes["n1"]
	good, bad := c.device("good", "n2"), c.device("bad", "n2")
	bad.Agent = "fence_gone"
	n1.must(http.MethodPut, api.PathFenceConfig, api.FenceConfig{Version: "1", Enabled: true, Timeout: 20000, Devices: []api.FenceDevice{good, bad}}, nil)
	for range 2 {
		for _, id := range []string{"good", "bad"} {
			// As if the time for it had come.
			if _, err := query(t.Context(), n1.daemon, func() bool {
				n1.daemon.meetPaths(time.Now())
				for n1.daemon.state.health.Due(time.Now().Add(time.Hour)) != "" {
				}
				return true
			}); err != nil {
				t.Fatal(err)
			}
			n1.daemon.probe(t.Context(), id, time.Minute)
		}
	}
	c.eventually("both are probed twice", func() bool {
		h := n1.health()
		return len(h.Paths) == 2 && h.Paths[0].Probes == 2 && h.Paths[1].Probes == 2
	})
	h := n1.health()
	if p := h.Paths[0]; p.Device != "bad" || p.OK || !strings.Contains(p.Problem, "fence_gone") || p.Driver != "legacy" {
		t.Errorf("%+v", p)
	}
	if p := h.Paths[1]; p.Device != "good" || !p.OK || p.Problem != "" || p.Checked == 0 {
		t.Errorf("%+v", p)
	}
	if _, err := n1.fence("n2", "reboot"); err != nil {
		t.Fatal(err)
	}
	if h := n1.health(); h.Node != "n1" || len(h.Figures) != 1 || h.Figures[0].Succeeded != 1 || h.Figures[0].Device != "good" || h.Figures[0].Worst <= 0 {
		t.Errorf("%+v", h.Figures)
	}
}

func TestHealth_WhatADriverNoticesConcernsItsDevices(t *testing.T) {
	c := newCluster(t, "n1")
	n1 := c.nodes["n1"]
	n1.must(http.MethodPut, api.PathFenceConfig, api.FenceConfig{Version: "1", Enabled: true, Timeout: 20000, Devices: []api.FenceDevice{
		{ID: "pr", Agent: "fence_scsi", Driver: "native", Params: map[string]string{"devices": "/dev/nosuch"}}, c.device("good", "n1")}}, nil)
	n1.daemon.alarm("/dev/sda", "the key is gone")
	c.eventually("it is told", func() bool {
		h := n1.health()
		return len(h.Paths) == 2 && h.Paths[1].Problem == "the key is gone" && h.Paths[0].Problem == ""
	})
	n1.daemon.alarm("/dev/sda", "")
	c.eventually("it is over", func() bool { return n1.health().Paths[1].Problem == "" })
}

func TestBudget_ContradictionsOfWhatIsInForce(t *testing.T) {
	c := newCluster(t, "n1")
	n1 := c.nodes["n1"]
	card := api.FenceDevice{ID: "card", Agent: "fence_ipmilan", Params: map[string]string{"ip": "127.0.0.1", "ipport": "1", "pcmk_off_timeout": "4s"}}
	n1.must(http.MethodPut, api.PathFenceConfig, api.FenceConfig{Version: "1", Enabled: true, Timeout: 20000, Devices: []api.FenceDevice{card}}, nil)
	var b api.FenceBudget
	n1.must(http.MethodGet, api.PathFenceBudget, nil, &b)
	if len(b.Conflicts) != 1 || !b.Conflicts[0].Fatal || b.Conflicts[0].Device != "card" || !strings.Contains(b.Conflicts[0].Text, "login_timeout") {
		t.Errorf("%+v", b.Conflicts)
	}
	if len(b.Timelines) != 1 || len(b.Timelines[0].Moments) < 3 {
		t.Errorf("%+v", b.Timelines)
	}
	delete(card.Params, "pcmk_off_timeout")
	n1.must(http.MethodPost, api.PathFenceBudget, api.FenceConfig{Version: "1", Enabled: true, Timeout: 20000, Devices: []api.FenceDevice{card}}, &b)
	if len(b.Conflicts) != 0 {
		t.Errorf("with another configuration: %+v", b.Conflicts)
	}
	n1.must(http.MethodGet, api.PathFenceBudget, nil, &b)
	if len(b.Conflicts) != 1 {
		t.Errorf("asking has changed what is in force: %+v", b.Conflicts)
	}
}

// The section [fencing] is followed without a restart; one that is wrong changes nothing.
func TestSettings_FollowTheClusterFile(t *testing.T) {
	c := newCluster(t, "n1")
	n1 := c.nodes["n1"]
	write := func(section string) {
		t.Helper()
		text, err := os.ReadFile(n1.dirs.ClusterFile())
		if err == nil {
			base, _, _ := strings.Cut(string(text), "[fencing]")
			err = os.WriteFile(n1.dirs.ClusterFile(), []byte(base+"[fencing]\n"+section), 0o644)
		}
		if err == nil {
			err = os.Chtimes(n1.dirs.ClusterFile(), time.Time{}, time.Now().Add(time.Duration(len(section))*time.Hour))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	write("rate_limit = 3\nprobe = \"1h\"\n")
	c.eventually("it is in force", func() bool { return n1.daemon.settings.Load().RateLimit == 3 })
	write("rate_limit = \"many\"\n")
	time.Sleep(2 * probeTick)
	if n := n1.daemon.settings.Load().RateLimit; n != 3 {
		t.Errorf("rate limit %d", n)
	}
	write("rate_limit = 4\n")
	c.eventually("it is in force", func() bool { return n1.daemon.settings.Load().RateLimit == 4 })
}
