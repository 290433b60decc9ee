package crmd

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

// twoNodes is a CIB in which n2, which runs a group and a primitive of priority 4, is lost.
const twoNodes = `<cib validate-with="pacemaker-3.9" crm_feature_set="3.16.1" admin_epoch="0" epoch="1" num_updates="0" have-quorum="1" dc-uuid="1">
<configuration><crm_config/><nodes><node id="1" uname="n1"/><node id="2" uname="n2"/></nodes>
<resources><primitive id="power" class="stonith" type="fence_lab"/>
<group id="web"><primitive id="vip" class="ocf" provider="pacemaker" type="Dummy"/><primitive id="site" class="ocf" provider="pacemaker" type="Dummy"/></group>
<primitive id="db" class="ocf" provider="pacemaker" type="Dummy"><meta_attributes id="m"><nvpair id="mp" name="priority" value="4"/></meta_attributes></primitive></resources>
<constraints><rsc_location id="l" rsc="db" node="n1" score="-INFINITY"/></constraints></configuration>
<status><node_state id="1" uname="n1" in_ccm="true" crmd="online" join="member" expected="member"><lrm id="1"><lrm_resources/></lrm></node_state>
<node_state id="2" uname="n2" in_ccm="false" crmd="offline" join="down" expected="member"><lrm id="2"><lrm_resources>RUNS</lrm_resources></lrm></node_state></status></cib>`

func TestSchedule_LoadCountsWhatANodeRunsAndPriorities(t *testing.T) {
	var runs strings.Builder
	for _, id := range []string{"vip", "site", "db"} {
		runs.WriteString(`<lrm_resource id="` + id + `" class="ocf" provider="pacemaker" type="Dummy"><lrm_rsc_op id="` + id +
			`_last_0" operation_key="` + id + `_start_0" operation="start" call-id="5" rc-code="0" op-status="0" interval="0" transition-key="1:1:0:x" transition-magic="0:0;1:1:0:x"/></lrm_resource>`)
	}
	doc, err := cibxml.Parse(strings.Replace(twoNodes, "RUNS", runs.String(), 1))
	if err != nil {
		t.Fatal(err)
	}
	p := schedule(doc, time.Unix(1000000, 0))
	if p.Err != nil || p.Load["n1"] != 0 || p.Load["n2"] != 7 {
		t.Errorf("load %v, error %v", p.Load, p.Err)
	}
	if !p.Banned("db", "n1") || p.Banned("vip", "n1") {
		t.Error("bans")
	}
	if len(p.Graph.Synapses) == 0 || p.Graph.StonithTimeoutMs != 60000 {
		t.Errorf("graph of %d actions", len(p.Graph.Synapses))
	}
}

// Whatever the CIB, the cluster goes on.
func TestSchedule_SurvivesEveryPeerCIB(t *testing.T) {
	files, _ := os.ReadDir("../../shared/peers/scheduler/xml")
	for i, f := range files {
		if i%20 != 0 {
			continue
		}
		raw, err := os.ReadFile("../../shared/peers/scheduler/xml/" + f.Name())
		if err != nil {
			t.Fatal(err)
		}
		doc, err := cibxml.Parse(string(raw))
		if err != nil {
			t.Fatal(err)
		}
		if p := schedule(doc, time.Unix(1000000, 0)); p.Err != nil || p.Graph == nil {
			t.Errorf("%s: %v", f.Name(), p.Err)
		}
	}
}
