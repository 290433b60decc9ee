package pathhealth

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/holdfast-ha/holdfast/api"
)

var t0 = time.Unix(1000, 0)

func at(s int) time.Time { return t0.Add(time.Duration(s) * time.Second) }

// start makes a book of a device whose first probe is due at once.
func start(agents ...string) *Book {
	b := &Book{}
	var list []Device
	for i, a := range agents {
		list = append(list, Device{ID: fmt.Sprintf("d%d", i+1), Agent: a, Driver: "native"})
	}
	b.Devices(list, func(Device) time.Time { return t0 })
	return b
}

func (b *Book) probe(t *testing.T, s int, problem string) {
	t.Helper()
	d := b.Due(at(s))
	if d == "" {
		t.Fatalf("nothing is due after %d s", s)
	}
	b.Probed(at(s), d, problem, 40*time.Millisecond, 5*time.Minute)
}

func TestProbes_OneFailureIsNoAlarmTwoAre(t *testing.T) {
	b := start("fence_ipmilan")
	b.probe(t, 0, "")
	if b.Due(at(299)) != "" {
		t.Error("probed before its time")
	}
	b.probe(t, 300, "BMC is silent")
	if c := b.Changes(); len(c) > 0 || b.List()[0].OK {
		t.Errorf("after one failure: %v, %+v", c, b.List())
	}
	b.probe(t, 330, "BMC is silent") // soon, because it has failed
	b.probe(t, 360, "BMC is silent")
	if d := cmp.Diff([]Change{{"d1", "BMC is silent"}}, b.Changes()); d != "" {
		t.Error(d)
	}
	want := api.FenceWay{Device: "d1", Agent: "fence_ipmilan", Driver: "native", Problem: "BMC is silent", Since: at(330).UnixMilli(), Checked: at(360).UnixMilli(), Took: 40, Probes: 4, Failures: 3}
	if d := cmp.Diff(want, b.List()[0]); d != "" {
		t.Error(d)
	}
	b.probe(t, 390, "")
	if d := cmp.Diff([]Change{{"d1", ""}}, b.Changes()); d != "" || !b.List()[0].OK {
		t.Error(d)
	}
}

func TestProbes_OneAtATimeAndNotOfWhatIsGone(t *testing.T) {
	b := start("fence_a", "fence_b")
	if a, c, none := b.Due(t0), b.Due(t0), b.Due(t0); a != "d1" || c != "d2" || none != "" {
		t.Errorf("%q %q %q", a, c, none)
	}
	b.Devices([]Device{{"d2", "fence_b", "native"}}, func(Device) time.Time { return t0 })
	b.Probed(t0, "d1", "x", 0, time.Minute)
	b.Skipped(t0, "d2", time.Minute)
	if b.Due(at(59)) != "" || b.Due(at(60)) != "d2" {
		t.Error("what was skipped is due after the period")
	}
	// A device whose driver changed is another one.
	b.Devices([]Device{{"d2", "fence_b", "legacy"}}, func(Device) time.Time { return at(70) })
	if b.List()[0].Driver != "legacy" || b.Due(at(69)) != "" || b.Due(at(70)) != "d2" {
		t.Errorf("%+v", b.List())
	}
}

func TestNoticed_BeatsAProbeThatSucceeds(t *testing.T) {
	b := start("fence_scsi", "fence_sbd")
	b.Noticed(at(1), []string{"fence_scsi"}, "the key is gone")
	b.probe(t, 2, "")
	b.probe(t, 2, "")
	if l := b.List(); l[0].OK || l[0].Problem != "the key is gone" || !l[1].OK {
		t.Errorf("%+v", l)
	}
	b.Noticed(at(3), []string{"fence_scsi"}, "")
	if l := b.List(); !l[0].OK {
		t.Errorf("%+v", l)
	}
	if c := b.Changes(); len(c) != 2 {
		t.Errorf("%v", c)
	}
}

func TestFigures_PerDeviceAndNode(t *testing.T) {
	e := func(device, node, state string, start, done int64) api.FenceEvent {
		return api.FenceEvent{Action: "off", State: state, Result: api.FenceResult{Device: device, Delegate: node, Started: start, Done: done}}
	}
	got := Figures([]api.FenceEvent{
		e("power", "n1", api.FenceDone, 0, 500), e("power", "n1", api.FenceDone, 0, 900), e("power", "n1", api.FenceDone, 0, 700), e("power", "n1", api.FenceFailed, 0, 5000),
		e("disk", "n2", api.FenceDone, 0, 90), e("", "a human", api.FenceDone, 0, 1), e("power", "n1", api.FenceExecuting, 0, 0),
	})
	want := []api.FenceFigure{
		{Device: "disk", Node: "n2", Action: "off", Succeeded: 1, Median: 90, Worst: 90, Last: 90},
		{Device: "power", Node: "n1", Action: "off", Succeeded: 3, Failed: 1, Median: 700, Worst: 900, Last: 5000},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}
