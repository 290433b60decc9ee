package corosync

import (
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/holdfast-ha/holdfast/api"
)

// withDevice is the cluster in which Corosync 3.1.7 with corosync-qdevice 3.0.3 printed what the tests expect.
func withDevice(cast bool) *fake {
	f := cluster()
	f.view.Quorum = api.Quorum{Quorate: true, Votes: 2, Expected: 3, Highest: 3, Needed: 2, Flags: []string{"Quorate", "Qdevice"}, Device: api.QuorumDevice{Votes: 1, Alive: true, Cast: cast}}
	word := "A,NV,NMW"
	if cast {
		f.view.Quorum.Votes, word = 3, "A,V,NMW"
	}
	for i := range f.view.Members {
		f.view.Members[i].Device = word
	}
	f.qdevice = &api.QdeviceStatus{
		Cluster: "lab", Node: 1, Host: "10.77.0.3:5403", Algorithm: "ffsplit", TieBreaker: "lowest", KeepActive: true, KeepActiveSupported: true, TLS: "on",
		TLSActive: true, State: "Connected", Vote: "ACK", Ring: api.RingID{Rep: 1, Seq: 9}, Members: []api.NodeID{1, 2}, Nodes: []api.NodeID{1, 2}, Quorate: true,
		Expected: 3, Timeout: 1500, SyncTimeout: 3000, ConnectTimeout: 1200, Heartbeat: 1200, Heuristics: "off", Since: 1795309973000, Decided: 1795309973000,
	}
	return f
}

func TestQuorumtool_ShowsTheDevice(t *testing.T) {
	for _, c := range []struct {
		cast bool
		line string
		want string
	}{
		{true, "corosync-quorumtool -s", "    Nodeid      Votes    Qdevice Name\n         1          1    A,V,NMW n1 (local)\n         2          1    A,V,NMW n2\n         0          1            Qdevice\n"},
		{false, "corosync-quorumtool -s", "    Nodeid      Votes    Qdevice Name\n         1          1   A,NV,NMW n1 (local)\n         2          1   A,NV,NMW n2\n         0          0            Qdevice (votes 1)\n"},
		{true, "corosync-quorumtool -l -H", "0x00000002          1    A,V,NMW n2\n0x00000000          1            Qdevice\n"},
	} {
		out, _, code := run(t, withDevice(c.cast), c.line)
		if code != 0 || !strings.HasSuffix(out, c.want) {
			t.Errorf("%s: %d\n%s", c.line, code, out)
		}
	}
	if _, errs, code := run(t, withDevice(true), "corosync-quorumtool -f"); code != 1 || !strings.Contains(errs, "hcs quorum device remove") {
		t.Errorf("-f: %d %s", code, errs)
	}
}

const qdeviceStatus = `Qdevice information
-------------------
Model:			Net
Node ID:		1
Configured node list:
    0	Node ID = 1
    1	Node ID = 2
Membership node list:	1, 2

Qdevice-net information
----------------------
Cluster name:		lab
QNetd host:		10.77.0.3:5403
Algorithm:		Fifty-Fifty split
Tie-breaker:		Node with lowest node ID
State:			Connected
`

const qdeviceVerbose = `Qdevice information
-------------------
Model:			Net
Node ID:		1
HB interval:		1500ms
Sync HB interval:	3000ms
Configured node list:
    0	Node ID = 1
    1	Node ID = 2
Heuristics:		Disabled
Ring ID:		1.9
Membership node list:	1, 2
Quorate:		Yes
Quorum node list:
    0	Node ID = 1, State = member
    1	Node ID = 2, State = member
Expected votes:		3
Last poll call:		TIME (cast vote)

Qdevice-net information
----------------------
Cluster name:		lab
QNetd host:		10.77.0.3:5403
Connect timeout:	1200ms
HB interval:		1200ms
VQ vote timer interval:	750ms
TLS:			Supported
Algorithm:		Fifty-Fifty split
Tie-breaker:		Node with lowest node ID
KAP Tie-breaker:	Enabled
Poll timer running:	Yes (cast vote)
State:			Connected
TLS active:		Yes (client certificate sent)
Connected since:	TIME
`

func TestQdeviceTool_PrintsAsCorosyncs(t *testing.T) {
	stamp := regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d`)
	for line, want := range map[string]string{"corosync-qdevice-tool -s": qdeviceStatus, "corosync-qdevice-tool -sv": qdeviceVerbose} {
		out, _, code := run(t, withDevice(true), line)
		if d := cmp.Diff(want, stamp.ReplaceAllString(out, "TIME")); code != 0 || d != "" {
			t.Errorf("%s: %d\n%s", line, code, d)
		}
	}
	if _, errs, code := run(t, cluster(), "corosync-qdevice-tool -s"); code != 3 || !strings.Contains(errs, "is QDevice running?") {
		t.Errorf("without a device: %d %s", code, errs)
	}
	if _, _, code := run(t, nil, "corosync-qdevice-tool"); code != 1 {
		t.Errorf("without an action: %d", code)
	}
}
