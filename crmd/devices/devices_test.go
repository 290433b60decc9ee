package devices

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

func read(t *testing.T, conf string) api.FenceConfig {
	t.Helper()
	doc, err := cibxml.Parse(`<cib admin_epoch="0" epoch="7" num_updates="2"><configuration>` + conf + `</configuration></cib>`)
	if err != nil {
		t.Fatal(err)
	}
	return From(doc, func(id string) bool { return id == "far" })
}

func TestFrom_DevicesThatMayBeUsed(t *testing.T) {
	c := read(t, `<resources>
		<primitive id="a" class="stonith" type="fence_ipmilan">
			<instance_attributes id="i1"><nvpair id="n1" name="ip" value="10.9.0.1"/></instance_attributes>
			<instance_attributes id="i2" score="5"><nvpair id="n2" name="ip" value="10.9.0.2"/></instance_attributes>
			<meta_attributes id="m1"><nvpair id="n3" name="provides" value="unfencing"/></meta_attributes></primitive>
		<primitive id="off" class="stonith" type="fence_x"><meta_attributes id="m2"><nvpair id="n4" name="target-role" value="Stopped"/></meta_attributes></primitive>
		<group id="g"><primitive id="far" class="stonith" type="fence_y"/></group>
		<clone id="c"><meta_attributes id="m3"><nvpair id="n5" name="target-role" value="stopped"/></meta_attributes><primitive id="quiet" class="stonith" type="fence_z"/></clone>
		<template id="t" class="stonith" type="fence_t"><instance_attributes id="i3"><nvpair id="n6" name="port" value="1"/></instance_attributes></template>
		<primitive id="b" template="t"/>
		<primitive id="vip" class="ocf" provider="heartbeat" type="IPaddr2"/></resources>`)
	want := []api.FenceDevice{
		{ID: "a", Agent: "fence_ipmilan", Params: map[string]string{"ip": "10.9.0.2"}, Unfencing: true},
		{ID: "far", Agent: "fence_y", Params: map[string]string{}, Banned: true},
		{ID: "b", Agent: "fence_t", Params: map[string]string{"port": "1"}},
	}
	if d := cmp.Diff(want, c.Devices); d != "" {
		t.Error(d)
	}
	if c.Version != "0.7.2" || !c.Enabled || c.Action != "reboot" || c.Timeout != 60000 {
		t.Errorf("options %+v", c)
	}
}

func TestFrom_OptionsLevelsAndNodeAttributes(t *testing.T) {
	c := read(t, `<crm_config><cluster_property_set id="x"><nvpair id="o1" name="stonith-timeout" value="3min"/></cluster_property_set>
		<cluster_property_set id="cib-bootstrap-options"><nvpair id="o2" name="stonith-enabled" value="off"/>
		<nvpair id="o3" name="stonith-action" value="off"/><nvpair id="o4" name="stonith-watchdog-timeout" value="-1"/></cluster_property_set></crm_config>
		<nodes><node id="1" uname="n1"><instance_attributes id="na"><nvpair id="nb" name="rack" value="7"/></instance_attributes></node></nodes>
		<fencing-topology><fencing-level id="l1" target="n1" index="2" devices="a, b"/>
		<fencing-level id="l2" target-attribute="rack" target-value="7" index="1" devices="c"/><fencing-level id="l3" target-pattern="db.*" index="0" devices="c"/></fencing-topology>`)
	if c.Enabled || c.Action != "off" || c.Timeout != 180000 || c.WatchdogTimeout != -1 {
		t.Errorf("options %+v", c)
	}
	want := []api.FenceLevel{{ID: "l1", Index: 2, Devices: []string{"a", "b"}, Target: "n1"},
		{ID: "l2", Index: 1, Devices: []string{"c"}, Attribute: "rack", Value: "7"}}
	if d := cmp.Diff(want, c.Levels); d != "" {
		t.Error(d)
	}
	if c.NodeAttrs["n1"]["rack"] != "7" {
		t.Errorf("node attributes %v", c.NodeAttrs)
	}
}
