package driver_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/fenced/driver"
)

func TestChoose_WhoServesADevice(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"fence_ipmilan", "fence_apc"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	set, err := driver.New(driver.Config{Node: "n1", AgentDirs: []string{dir}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	card := map[string]string{"ip": "10.9.0.1", "username": "u", "password": "p", "pcmk_host_list": "n1", "lanplus": "1"}
	bridged := map[string]string{"ip": "10.9.0.1", "target": "0x24"}
	newer := map[string]string{"ip": "10.9.0.1", "new_in_5_0": "1"}
	for _, c := range []struct {
		name   string
		device api.FenceDevice
		choice driver.Choice
		want   string
		why    string
	}{
		{"ours understands it", api.FenceDevice{Agent: "fence_ipmilan", Params: card}, driver.Choice{}, "native", ""},
		{"a program only", api.FenceDevice{Agent: "fence_apc"}, driver.Choice{}, "legacy", ""},
		{"the program is not installed", api.FenceDevice{Agent: "fence_redfish"}, driver.Choice{}, "native", ""},
		{"the device says it", api.FenceDevice{Agent: "fence_ipmilan", Params: card, Driver: "legacy"}, driver.Choice{Default: "native"}, "legacy", ""},
		{"the cluster says it", api.FenceDevice{Agent: "fence_ipmilan", Params: card}, driver.Choice{Default: "legacy"}, "legacy", ""},
		{"an exception", api.FenceDevice{Agent: "fence_ipmilan", Params: card}, driver.Choice{Default: "legacy", Agents: map[string]string{"fence_ipmilan": "native"}}, "native", ""},
		{"what ours cannot do", api.FenceDevice{Agent: "fence_ipmilan", Params: bridged}, driver.Choice{}, "legacy", "bridging"},
		{"what ours does not know", api.FenceDevice{Agent: "fence_ipmilan", Params: newer}, driver.Choice{}, "legacy", "new_in_5_0"},
		{"what ours does not know, but the device insists", api.FenceDevice{Agent: "fence_ipmilan", Params: newer, Driver: "native"}, driver.Choice{}, "native", ""},
		{"an address per node", api.FenceDevice{Agent: "fence_ipmilan", Params: map[string]string{"port_as_ip": "1", "pcmk_host_map": "n1:10.9.0.1"}}, driver.Choice{}, "native", ""},
	} {
		set.Prefer(c.choice)
		if got, why := set.Choose(c.device); got != c.want || !strings.Contains(why, c.why) || (why == "") != (c.why == "") {
			t.Errorf("%s: %s (%s), want %s (%s)", c.name, got, why, c.want, c.why)
		}
	}
}
