package main

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	cluster "github.com/holdfast-ha/holdfast/tests/lab/holdfast"
	"github.com/holdfast-ha/holdfast/tests/lab/room"
)

func TestMain(m *testing.M) { cluster.Main(m.Run) }

// What `make stress` does for minutes, for a second.
func TestStress_LosesNobodyAndNoticesAFailure(t *testing.T) {
	if why := room.Missing(); why != "" {
		t.Skipf("no lab on this machine: %s", why)
	}
	if missing := missingPrograms("stress-ng"); missing != "" {
		t.Skip(missing)
	}
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	into := newSamples()
	p := stressPlan{span: time.Second, failures: 1, nice: 19, loads: []string{"fork"}, classes: []string{"realtime"}}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if err := stressAll(ctx, &holdfast{log: log}, p, into, log); err != nil {
		t.Fatal(err)
	}
	lost, found := into.of["stress-realtime-fork:lost-members"], into.of["stress-realtime-fork:detection"]
	if len(lost) != 3 || len(found) != 2 {
		t.Fatalf("measured %v", into.of)
	}
	for _, n := range lost {
		if n != 0 {
			t.Errorf("members were lost: %v", lost)
		}
	}
	for _, ms := range found {
		if ms < 700 || ms > 4200 { // without the right to realtime priority the grace counts too
			t.Errorf("the failure was noticed after %g ms", ms)
		}
	}
}

func TestReadStressPlan_NamesWhatIsWrong(t *testing.T) {
	for name, c := range map[string]struct{ value, want string }{
		"STRESS_SECONDS":  {"-1", "above 0"},
		"STRESS_FAILURES": {"many", "a number"},
		"STRESS_LOADS":    {"cpu,disk", `no load "disk"; there are cpu, vm, fork, io, all`},
		"STRESS_CLASSES":  {"idle", `no class "idle"`},
	} {
		_, err := readStressPlan(func(n string) string {
			if n == name {
				return c.value
			}
			return ""
		})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s=%s: %v", name, c.value, err)
		}
	}
	p, err := readStressPlan(func(string) string { return "" })
	if err != nil || p.span != 3*time.Minute || len(p.loads) != 5 || len(p.classes) != 2 {
		t.Errorf("%+v, %v", p, err)
	}
}

// Corosync's own log.
func TestParseViews_FollowsWhoIsThere(t *testing.T) {
	const log = `Nov 22 00:00:01.100 [11] n1 corosync notice  [MAIN  ] Corosync Cluster Engine  starting up
Nov 22 00:00:02.200 [11] n1 corosync notice  [TOTEM ] A new membership (1.5) was formed. Members joined: 1
Nov 22 00:00:03.300 [11] n1 corosync notice  [TOTEM ] A new membership (1.9) was formed. Members joined: 2 3
Nov 22 00:00:04.400 [11] n1 corosync notice  [TOTEM ] A new membership (1.d) was formed. Members
Nov 22 00:00:05.500 [11] n1 corosync notice  [TOTEM ] A new membership (1.11) was formed. Members left: 2
Nov 22 00:00:06.600 [11] n1 corosync notice  [TOTEM ] A new membership (1.15) was formed. Members joined: 2 left: 3
`
	now := time.Date(2026, 11, 22, 1, 0, 0, 0, time.Local)
	views := parseViews(log, now)
	var got []string
	for _, v := range views {
		got = append(got, v.at.Format("05.000")+" "+strings.Join(v.members, " "))
	}
	want := "02.200 n1, 03.300 n1 n2 n3, 04.400 n1 n2 n3, 05.500 n1 n3, 06.600 n1 n2"
	if strings.Join(got, ", ") != want {
		t.Errorf("got %s", strings.Join(got, ", "))
	}
	at := func(sec int) time.Time { return time.Date(2026, 11, 22, 0, 0, sec, 0, time.Local) }
	if lost, changes := losses(views, at(3), at(7)); lost != 2 || changes != 4 {
		t.Errorf("%d lost in %d changes", lost, changes)
	}
	if v, ok := without(views, "n2", at(3)); !ok || !v.at.Equal(at(5).Add(500*time.Millisecond)) {
		t.Errorf("%v %v", v, ok)
	}
}
