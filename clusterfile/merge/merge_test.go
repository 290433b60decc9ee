package merge

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

// conf makes a configuration of the inside of its sections: name, content, name, content, ...
func conf(t *testing.T, sections ...string) *cibxml.Element {
	t.Helper()
	var b strings.Builder
	b.WriteString("<configuration>")
	for i := 0; i < len(sections); i += 2 {
		b.WriteString("<" + sections[i] + ">" + sections[i+1] + "</" + sections[i] + ">")
	}
	e, err := cibxml.Parse(b.String() + "</configuration>")
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func vip(meta string) string {
	if meta != "" {
		meta = `<meta_attributes id="vip-meta_attributes">` + meta + `</meta_attributes>`
	}
	return `<primitive id="vip" class="ocf" provider="heartbeat" type="IPaddr2">` + meta + `</primitive>`
}

const stopped = `<nvpair id="x" name="target-role" value="Stopped"/>`

func TestMerge_WhatOperatorsSetStaysUnlessTheFileSpeaksOfIt(t *testing.T) {
	cases := []struct {
		name             string
		live, file, base string
		want             string
		kept             []string
	}{
		{"disabled by a command, the file never spoke of it", stopped, "", "", stopped, []string{"target-role=Stopped of vip"}},
		{"the file said it and does not any more", stopped, "", stopped, "", nil},
		{"the file says something else", stopped, `<nvpair id="y" name="target-role" value="Started"/>`, "",
			`<nvpair id="x" name="target-role" value="Started"/>`, nil},
		{"other options are the file's alone", `<nvpair id="p" name="priority" value="5"/>`, "", "", "", nil},
	}
	for _, c := range cases {
		got := Merge(Inputs{Live: conf(t, "resources", vip(c.live)), File: conf(t, "resources", vip(c.file)), Base: conf(t, "resources", vip(c.base))})
		want := conf(t, "resources", vip(c.want)).Child("resources")
		if d := cmp.Diff(want.Compact(), got.Configuration.Child("resources").Compact()); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
		if d := cmp.Diff(c.kept, got.Kept); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
	}
}

func TestMerge_KeepsMovesAndBansOfResourcesThatStillExist(t *testing.T) {
	move := `<rsc_location id="cli-prefer-vip" rsc="vip" node="n2" score="INFINITY"/>`
	gone := `<rsc_location id="cli-ban-db-on-n1" rsc="db" node="n1" score="-INFINITY"/>`
	old := `<rsc_location id="old" rsc="vip" node="n1" score="5"/>`
	got := Merge(Inputs{Live: conf(t, "resources", vip(""), "constraints", old+move+gone), File: conf(t, "resources", vip(""), "constraints", "")})
	if d := cmp.Diff("<constraints>"+move+"</constraints>", got.Configuration.Child("constraints").Compact()); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"constraint cli-prefer-vip, made by moving or banning vip"}, got.Kept); d != "" {
		t.Error(d)
	}
}

func TestMerge_KeepsIdsAndOrderOfOtherTools(t *testing.T) {
	live := conf(t, "resources", `<primitive id="b" class="lsb" type="b"/><primitive id="a" class="lsb" type="a">`+
		`<operations><op id="a-mon" name="monitor" interval="10s" timeout="5s"/></operations>`+
		`<instance_attributes id="params1"><nvpair id="p1" name="x" value="1"/><nvpair id="p2" name="gone" value="1"/></instance_attributes></primitive>`,
		"constraints", `<rsc_order id="crmsh-order" first="a" then="b"/>`)
	file := conf(t, "resources", `<primitive id="a" class="lsb" type="a">`+
		`<instance_attributes id="a-instance_attributes"><nvpair id="a-instance_attributes-new" name="new" value="3"/><nvpair id="a-instance_attributes-x" name="x" value="2"/></instance_attributes>`+
		`<operations><op id="a-monitor-interval-10s" name="monitor" interval="10s" timeout="9s"/></operations></primitive><primitive id="b" class="lsb" type="b"/>`,
		"constraints", `<rsc_order id="order-a-b-mandatory" first="a" then="b"/>`)
	want := conf(t, "resources", `<primitive id="b" class="lsb" type="b"/><primitive id="a" class="lsb" type="a">`+
		`<operations><op id="a-mon" name="monitor" interval="10s" timeout="9s"/></operations>`+
		`<instance_attributes id="params1"><nvpair id="p1" name="x" value="2"/><nvpair id="params1-new" name="new" value="3"/></instance_attributes></primitive>`,
		"constraints", `<rsc_order id="crmsh-order" first="a" then="b"/>`)
	got := Merge(Inputs{Live: live, File: file}).Configuration
	for _, s := range []string{"resources", "constraints"} {
		if d := cmp.Diff(want.Child(s).String(), got.Child(s).String()); d != "" {
			t.Error(d)
		}
	}
}

func TestMerge_TheClustersOwnPropertiesAreNotTheFiles(t *testing.T) {
	live := conf(t, "crm_config", `<cluster_property_set id="cib-bootstrap-options"><nvpair id="a" name="dc-version" value="2"/>`+
		`<nvpair id="b" name="stonith-enabled" value="false"/><nvpair id="c" name="maintenance-mode" value="true"/></cluster_property_set>`)
	got := Merge(Inputs{Live: live, File: conf(t, "crm_config", "")})
	want := `<crm_config><cluster_property_set id="cib-bootstrap-options"><nvpair id="a" name="dc-version" value="2"/>` +
		`<nvpair id="c" name="maintenance-mode" value="true"/></cluster_property_set></crm_config>`
	if d := cmp.Diff(want, got.Configuration.Child("crm_config").Compact()); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"maintenance-mode=true"}, got.Kept); d != "" {
		t.Error(d)
	}
}

func TestMerge_NothingToDoGivesTheSameElements(t *testing.T) {
	live := conf(t, "resources", vip(stopped), "nodes", `<node id="1" uname="n1" type="normal"/>`, "tags", "")
	got := Merge(Inputs{Live: live, File: conf(t, "resources", vip(`<nvpair id="z" name="target-role" value="Stopped"/>`), "nodes", `<node id="1" uname="n1"/>`)})
	if !got.Configuration.Child("resources").Equal(live.Child("resources")) || !got.Configuration.Child("nodes").Equal(live.Child("nodes")) {
		t.Error(got.Configuration.String())
	}
}
