package controller

import (
	"strings"
	"testing"
	"time"
)

// A result that arrives between a change of the DC's office and the node's answer to being enlisted anew would be lost.
func TestTakes_OnlyWhatAnEnlistedSessionReports(t *testing.T) {
	w := &world{t: t, now: time.Unix(100000, 0), keys: make(map[string]string)}
	step := func(line string) { w.verb(strings.Fields(line)) }
	step("cluster n2 n1 n2")
	step("raft leader=n1")
	step("view ring=1 members=n1,n2")
	step("view ring=2 members=n2 lost=n1")
	if w.m.Takes("n2", "s1") {
		t.Error("before it is enlisted")
	}
	step("enlisted n2")
	if !w.m.Takes("n2", "s1") || w.m.Takes("n2", "s0") || w.m.Takes("n1", "s1") {
		t.Error("of the enlisted session, and of no other")
	}
	step("raft leader=n2 voters=n2 epoch=2 term=3")
	if w.m.Takes("n2", "s1") {
		t.Error("after the change of office")
	}
	step("enlisted n2")
	if !w.m.Takes("n2", "s1") {
		t.Error("enlisted anew")
	}
}
