package petting

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// world runs a machine: every watcher that is not silent reports each loop, then the tick comes.
type world struct {
	t      *testing.T
	m      *Machine
	now    time.Time
	start  time.Time
	silent map[Watcher]bool
	heard  map[Watcher]time.Time
	sick   map[Watcher]string
	pets   []time.Duration
	armed  time.Duration
	acted  time.Duration
	abort  time.Duration
	why    string
	notes  []string
}

func newWorld(t *testing.T, c Config) *world {
	if c.Watchdog == 0 {
		c.Watchdog = 5 * time.Second
	}
	c.Loop, c.IO = time.Second, 3*time.Second
	if c.Warn == 0 {
		c.Warn = DefaultWarn(c.Watchdog)
	}
	start := time.Unix(1000, 0)
	return &world{t: t, m: New(start, c), now: start, start: start, silent: map[Watcher]bool{}, heard: map[Watcher]time.Time{}, sick: map[Watcher]string{}, armed: -1, acted: -1, abort: -1}
}

func (w *world) give(in Input) {
	at := w.now.Sub(w.start)
	for _, o := range w.m.Step(w.now, in) {
		switch o := o.(type) {
		case Arm:
			w.armed = at
		case Pet:
			if len(w.pets) == 0 || w.pets[len(w.pets)-1] != at {
				w.pets = append(w.pets, at)
			}
		case Act:
			w.acted, w.why = at, o.Why
		case Abort:
			w.abort, w.why = at, o.Why
		case Note:
			w.notes = append(w.notes, o.Text)
		}
	}
}

func (w *world) run(d time.Duration) *world {
	for end := w.now.Add(d); w.now.Before(end); {
		w.now = w.now.Add(w.m.config.Loop)
		for _, x := range w.m.watchers() {
			if why := w.sick[x]; why != "" {
				w.give(Unhealthy{x, why})
			} else if !w.silent[x] {
				w.heard[x] = w.now
				w.give(Alive{x})
			}
		}
		w.give(Tick{})
	}
	return w
}

// last is when the watchdog was petted last.
func (w *world) last() time.Duration {
	if len(w.pets) == 0 {
		return -1
	}
	return w.pets[len(w.pets)-1]
}

// lives checks that the node is petted up to now.
func (w *world) lives(what string) {
	w.t.Helper()
	if w.acted >= 0 || w.abort >= 0 || w.last() != w.now.Sub(w.start) {
		w.t.Errorf("%s: last petted at %v of %v, acted %v (%s)", what, w.last(), w.now.Sub(w.start), w.acted, w.why)
	}
}

// dies checks that petting stopped in time and that the node ends itself when the watchdog's timeout is over.
func (w *world) dies(what string, lost, within time.Duration) {
	w.t.Helper()
	if w.acted < 0 || w.last() > lost+within || w.acted > w.last()+w.m.config.Watchdog+2*w.m.config.Loop {
		w.t.Errorf("%s: lost at %v, last petted at %v, acted %v", what, lost, w.last(), w.acted)
	}
	if !strings.Contains(strings.Join(w.notes, "\n"), "was not petted for") {
		w.t.Errorf("%s: no warning before the end: %q", what, w.notes)
	}
}

func TestTable_WithDisks(t *testing.T) {
	const stale = 4 * time.Second // IO + loop
	for _, c := range []struct {
		name   string
		disks  int
		silent []Watcher
		lives  bool
	}{
		{"one disk", 1, nil, true},
		{"one of one disk lost, cluster healthy", 1, []Watcher{0}, true},
		{"one of one disk lost, no manager", 1, []Watcher{0, Manager}, false},
		{"one of one disk lost, no membership", 1, []Watcher{0, Members}, false},
		{"disk good, cluster gone", 1, []Watcher{Members, Manager}, true},
		{"one of two disks lost, cluster gone", 2, []Watcher{1, Members, Manager}, true},
		{"both of two disks lost, cluster gone", 2, []Watcher{0, 1, Members, Manager}, false},
		{"one of three disks lost, cluster gone", 3, []Watcher{1, Members, Manager}, true},
		{"two of three disks lost, cluster gone", 3, []Watcher{1, 2, Members, Manager}, false},
		{"two of three disks lost, cluster healthy", 3, []Watcher{1, 2}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, Config{Disks: c.disks, Cluster: true}).run(10 * time.Second)
			w.lives("before")
			for _, x := range c.silent {
				w.silent[x] = true
			}
			w.run(30 * time.Second)
			if c.lives {
				w.lives(c.name)
			} else {
				w.dies(c.name, 10*time.Second, stale)
			}
		})
	}
}

func TestTable_DisksOnlyWithoutCluster(t *testing.T) {
	w := newWorld(t, Config{Disks: 1}).run(10 * time.Second)
	w.lives("with the disk")
	w.silent[0] = true
	w.run(20 * time.Second)
	w.dies("without", 10*time.Second, 4*time.Second)
}

func TestTable_WithoutDisks(t *testing.T) {
	w := newWorld(t, Config{Cluster: true})
	w.silent[Members], w.silent[Manager] = true, true
	w.run(300 * time.Second)
	if w.armed >= 0 || w.abort >= 0 || w.acted >= 0 {
		t.Errorf("waiting for the cluster: armed %v, aborted %v, acted %v", w.armed, w.abort, w.acted)
	}
	w.silent[Members] = false
	w.run(3 * time.Second)
	if w.armed != 301*time.Second {
		t.Errorf("armed at %v with the membership", w.armed)
	}
	w.lives("membership alone, manager never seen")
	w.silent[Manager] = false
	w.run(10 * time.Second)
	w.lives("both")
	w.sick[Manager] = "no quorum, and no-quorum-policy is suicide"
	w.run(20 * time.Second)
	w.dies("quorum lost with that policy", 313*time.Second, time.Second)
	if !strings.Contains(w.why, "no-quorum-policy is suicide") {
		t.Errorf("the reason is %q", w.why)
	}
}

func TestTable_ClusterFirst(t *testing.T) {
	w := newWorld(t, Config{Disks: 1, Cluster: true, ClusterFirst: true})
	w.silent[Manager] = true
	w.run(10 * time.Second)
	w.lives("cluster never seen")
	w.silent[Manager] = false
	w.run(10 * time.Second)
	w.lives("all there")
	w.silent[Manager] = true
	w.run(20 * time.Second)
	w.dies("manager gone while the disk is good", 20*time.Second, 4*time.Second)
	w = newWorld(t, Config{Disks: 1, Cluster: true, ClusterFirst: true}).run(10 * time.Second)
	w.silent[0] = true
	w.run(20 * time.Second)
	w.dies("disk gone while the cluster is healthy", 10*time.Second, 4*time.Second)
}

func TestOrderlyEnd_OfTheClusterDoesNotEndTheNode(t *testing.T) {
	w := newWorld(t, Config{Cluster: true}).run(10 * time.Second)
	w.give(Left{})
	w.silent[Members], w.silent[Manager] = true, true
	w.run(60 * time.Second)
	if w.acted >= 0 {
		t.Errorf("the node ended itself at %v: %s", w.acted, w.why)
	}
}

func TestStart_IsAbortedWithoutDisks(t *testing.T) {
	w := newWorld(t, Config{Disks: 3, Cluster: true})
	w.silent[1], w.silent[2] = true, true
	w.silent[Members], w.silent[Manager] = true, true
	w.run(20 * time.Second)
	if w.armed >= 0 || w.acted >= 0 || w.abort < 5*time.Second || w.abort > 7*time.Second {
		t.Errorf("armed %v, acted %v, aborted %v", w.armed, w.acted, w.abort)
	}
	if !strings.Contains(w.why, "disk 2") || !strings.Contains(w.why, "disk 3") || strings.Contains(w.why, "disk 1") {
		t.Errorf("the reason is %q", w.why)
	}
}

func TestOwnLoop_LateBeyondTheTimeoutEndsTheNode(t *testing.T) {
	w := newWorld(t, Config{Disks: 1}).run(10 * time.Second)
	w.now = w.now.Add(6 * time.Second) // stood still; the hardware was not there to end it
	w.give(Alive{0})
	if w.acted != 16*time.Second || !strings.Contains(w.why, "not petted for 6s") {
		t.Errorf("acted %v: %s", w.acted, w.why)
	}
	w = newWorld(t, Config{Disks: 1}).run(10 * time.Second)
	w.now = w.now.Add(3500 * time.Millisecond)
	w.give(Alive{0})
	w.give(Tick{})
	w.run(10 * time.Second)
	if w.acted >= 0 || len(w.notes) != 2 || !strings.Contains(w.notes[1], "was not petted for 3.5s") || !strings.Contains(w.notes[1], "not run in time") {
		t.Errorf("late by 3.5 s: acted %v, notes %q", w.acted, w.notes)
	}
}

func TestWarning_ComesOnceAtThreeFifths(t *testing.T) {
	for watchdog, want := range map[time.Duration]time.Duration{5: 3, 10: 6, 15: 9, 3: 2, 1: 2, 7: 4} {
		if got := DefaultWarn(watchdog * time.Second); got != want*time.Second {
			t.Errorf("watchdog %ds warns at %v", watchdog, got)
		}
	}
	w := newWorld(t, Config{Disks: 1, Watchdog: 10 * time.Second}).run(10 * time.Second)
	w.silent[0] = true
	w.run(30 * time.Second)
	if n := strings.Count(strings.Join(w.notes, "\n"), "resets this node after"); n != 1 {
		t.Errorf("%d warnings: %q", n, w.notes)
	}
}

// Whatever happens: while fewer disks report than a message needs to be seen, and the cluster does not either,
// nobody pets; and after the timeout the node is over.
func TestProperty_NobodyLivesUnwatched(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		w := newWorld(t, Config{Disks: rapid.IntRange(0, 3).Draw(r, "disks"), Cluster: rapid.Bool().Draw(r, "cluster"), ClusterFirst: rapid.Bool().Draw(r, "first")})
		c := w.m.config
		unwatched := time.Duration(-1)
		for range 60 {
			for _, x := range w.m.watchers() {
				if rapid.IntRange(0, 9).Draw(r, fmt.Sprint(x)) == 0 {
					w.silent[x] = !w.silent[x]
				}
			}
			w.run(time.Second)
			fresh := func(x Watcher) bool { at, ok := w.heard[x]; return ok && w.now.Sub(at) < c.IO+c.Loop }
			good := 0
			for n := range c.Disks {
				if fresh(Watcher(n)) {
					good++
				}
			}
			content := c.Cluster && fresh(Members) && fresh(Manager)
			watched := content || c.Disks > 0 && good*2 > c.Disks || c.Disks == 2 && good == 1
			now := w.now.Sub(w.start)
			if watched || w.armed < 0 || !w.m.met && c.Disks == 0 {
				unwatched = -1
				continue
			}
			if unwatched < 0 {
				unwatched = now
			}
			if w.last() >= unwatched {
				r.Fatalf("unwatched since %v, petted at %v", unwatched, w.last())
			}
			if w.acted < 0 && now > unwatched+c.Watchdog+2*c.Loop {
				r.Fatalf("unwatched since %v, alive at %v", unwatched, now)
			}
		}
	})
}
