package whatif_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/holdfast-ha/holdfast/crmd/sched"
	"github.com/holdfast-ha/holdfast/crmd/sched/whatif"
	"github.com/holdfast-ha/holdfast/tests/sketch"
)

// shop is a cluster in which each node would be missed in another way.
const shop = `A shop.

-- nodes --
n1
n2
n3 standby=on
-- options --
stonith-enabled=true
-- resources --
<group id="web"><dummy id="ip"/><dummy id="site"/></group>
<dummy id="big"/>
<clone id="logs"><dummy id="log"/></clone>
<clone id="dbs" meta="promotable=true"><stateful id="db"/></clone>
<dummy id="reader"/>
<fence id="power"/>
-- constraints --
<rsc_location id="l" rsc="big" node="n2" score="-INFINITY"/>
<rsc_colocation id="k" rsc="reader" with-rsc="dbs" with-rsc-role="Promoted" score="INFINITY"/>
<rsc_order id="o" first="site" then="logs" kind="Mandatory"/>
-- attributes --
n1 master-db=10
n2 master-db=5
-- history --
n1 ip start
n1 site start
n1 big start
n1 log start
n2 log start
n1 db promote
n2 db start
n1 reader start
n2 power start
`

func cluster(t *testing.T, text string) sched.Input {
	t.Helper()
	c, err := sketch.Read(txtar.Parse([]byte(text)))
	if err != nil {
		t.Fatal(err)
	}
	return sched.Input{Doc: c.CIB, Now: sketch.Now, Zone: time.UTC}
}

func TestNodeFails_SaysWhatMovesAndWhatIsLost(t *testing.T) {
	got, err := whatif.NodeFails(whatif.Input{Input: cluster(t, shop)}, "n1")
	if err != nil {
		t.Fatal(err)
	}
	want := &whatif.Outcome{
		Node: "n1", Fence: "reboot",
		Moves: []whatif.Move{
			{Resource: "ip", From: "n1", To: "n2"},
			{Resource: "site", From: "n1", To: "n2"},
			{Resource: "dbs", From: "n1", To: "n2", Role: "Promoted"},
			{Resource: "reader", From: "n1", To: "n2"},
		},
		Lost:  []whatif.Loss{{Resource: "big", Why: "can run nowhere (n1: has to be fenced; n2: location constraint l; n3: is in standby)"}},
		Fewer: []whatif.Fewer{{Resource: "logs", Before: 2, After: 1}, {Resource: "dbs", Before: 2, After: 1}},
		// the logs on n2 have to start after the site, which starts there anew
		Disturbed: []whatif.Disturbance{{Resource: "log", Verb: "Restart", From: "n2", To: "n2", Reason: "required site start"}},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

func TestNodeFails_WithoutAnythingOnIt(t *testing.T) {
	got, err := whatif.NodeFails(whatif.Input{Input: cluster(t, shop)}, "n3")
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Moves)+len(got.Lost)+len(got.Fewer)+len(got.Disturbed) > 0 {
		t.Errorf("something happens: %+v", got)
	}
}

func TestNodeFails_WithoutQuorumNothingGoesOn(t *testing.T) {
	in := whatif.Input{Input: cluster(t, shop), NoQuorum: true}
	before := in.Doc.String()
	got, err := whatif.NodeFails(in, "n1")
	if err != nil {
		t.Fatal(err)
	}
	if got.Fence != "" || got.NotFenced != "the rest has no quorum" {
		t.Errorf("fence %q, %q", got.Fence, got.NotFenced)
	}
	if len(got.Moves) > 0 || len(got.Lost) < 4 {
		t.Errorf("moves %v, lost %v", got.Moves, got.Lost)
	}
	if in.Doc.String() != before {
		t.Error("the document has been changed")
	}
}

func TestNodeFails_OfANodeThatIsNoneIsAnError(t *testing.T) {
	in := cluster(t, strings.Replace(shop, "n3 standby=on", "n3 offline", 1))
	for node, want := range map[string]string{"n9": "there is no node", "n3": "is not online"} {
		if _, err := whatif.NodeFails(whatif.Input{Input: in}, node); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", node, err, want)
		}
	}
	if d := cmp.Diff([]string{"n1", "n2"}, whatif.Nodes(in)); d != "" {
		t.Error(d)
	}
}
