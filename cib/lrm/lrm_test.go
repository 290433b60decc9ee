package lrm

import (
	"testing"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

// The two digests without parameters are known from Pacemaker's own histories.
func TestDigest_EqualsPacemakers(t *testing.T) {
	if got := Digest(nil); got != "f2317cad3d54cec5d7d7aa7d0bf35cf8" {
		t.Errorf("no parameters: %s", got)
	}
	p := map[string]string{"CRM_meta_timeout": "20000", "CRM_meta_name": "monitor", "id": "x"}
	if got := Digest(DigestParams(p, 10000)); got != "4811cef7f7f94e3a35a70be7916cb2fd" {
		t.Errorf("timeout only: %s", got)
	}
	if got := Digest(DigestParams(p, 0)); got != "f2317cad3d54cec5d7d7aa7d0bf35cf8" {
		t.Errorf("one-shot: %s", got)
	}
}

func TestParseOpKey_NamesWithUnderscores(t *testing.T) {
	cases := []struct {
		key, rsc, task string
		ms             int64
	}{
		{"d1_monitor_10000", "d1", "monitor", 10000},
		{"my_db_0_start_0", "my_db_0", "start", 0},
		{"vm_migrate_to_0", "vm", "migrate_to", 0},
		{"my_vm_migrate_from_0", "my_vm", "migrate_from", 0},
		{"c:0_post_notify_start_0", "c:0", "notify", 0},
	}
	for _, c := range cases {
		rsc, task, ms, err := ParseOpKey(c.key)
		if err != nil || rsc != c.rsc || task != c.task || ms != c.ms {
			t.Errorf("%s: %s %s %d %v", c.key, rsc, task, ms, err)
		}
	}
	for _, bad := range []string{"", "x", "x_1", "_start_0", "a_b", "a_start_x"} {
		if _, _, _, err := ParseOpKey(bad); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

func TestOp_XMLRoundTrip(t *testing.T) {
	src := `<lrm_rsc_op id="d1_last_0" operation_key="d1_start_0" operation="start" crm-debug-origin="do_update_resource" crm_feature_set="3.16.1" transition-key="5:2:0:0f0f0f0f-1111-2222-3333-444444444444" transition-magic="0:0;5:2:0:0f0f0f0f-1111-2222-3333-444444444444" exit-reason="" on_node="n1" call-id="12" rc-code="0" op-status="0" interval="0" last-rc-change="1795292463" exec-time="21" queue-time="0" op-digest="f2317cad3d54cec5d7d7aa7d0bf35cf8" op-force-restart="  state  " op-restart-digest="f2317cad3d54cec5d7d7aa7d0bf35cf8"/>`
	e, err := cibxml.Parse(src)
	if err != nil {
		t.Fatal(err)
	}
	op := ParseOp(e)
	if got := op.XML().Compact(); got != src {
		t.Errorf("got  %s\nwant %s", got, src)
	}
	if op.Failed() {
		t.Error("a good start is shown as failed")
	}
}

func TestFailed_ByStatusThenByTarget(t *testing.T) {
	cases := []struct {
		s          Status
		rc, target RC
		want       bool
	}{
		{Done, RCOK, RCOK, false}, {Done, RCError, RCOK, true}, {Done, RCNotRunning, RCNotRunning, false},
		{Done, RCDegraded, RCOK, false}, {Done, RCDegradedPromoted, RCPromoted, false},
		{Pending, RCUnknown, RCOK, false}, {Cancelled, RCError, RCOK, false}, {Timeout, RCOK, RCOK, true},
		{NotConnected, RCOK, RCOK, true}, {NotInstalled, RCNotInstalled, RCOK, true},
	}
	for _, c := range cases {
		if got := Failed(c.s, c.rc, c.target); got != c.want {
			t.Errorf("%v rc %v target %v: %v", c.s, c.rc, c.target, got)
		}
	}
}
