package vm

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/tests/blockdev"
	"github.com/holdfast-ha/holdfast/tests/vm/machine"
	"github.com/holdfast-ha/holdfast/tests/vm/order"
)

const (
	sanAddr = "10.78.0.9"
	shared  = "/dev/sda" // at the initiators
	behind  = "/dev/vda" // at the target

	reserved = `
[[stonith]]
id = "reservations"
agent = "fence_scsi"
params = { devices = "` + shared + `", pcmk_host_list = "n1 n2" }
op.monitor = { interval = "60s", timeout = "60s" }
`
	// keyOf1 and keyOf2 are what fence_scsi derives from the cluster's name, by MD5, and the place in the node list.
	keyOf1 = "0x5a250000"
	keyOf2 = "0x5a250001"
	// provenWithin is how long a fence by reservation may take, from the request to the proof.
	provenWithin = 600 * time.Millisecond
)

// san is a pair with a disk that a third machine offers.
type san struct {
	*pair
	target *machine.Machine
	peer   *peerFencer
}

func newSAN(t *testing.T) *san {
	t.Helper()
	needMachines(t)
	disk := blockdev.New(t, 64<<20, 0)
	port := freePort(t)
	s := &san{target: start(t, target, machine.Options{Name: "san", MemoryMB: 256, Disks: []string{disk.File},
		Links: []machine.Link{{Addr: sanAddr + "/24", Backend: machine.Cable(port)}}})}
	in(t, s.target, order.Order{Run: []string{"/init", "target", behind}})
	s.pair = newPair(t, layout{image: initiator, memoryMB: 768, front: port, resources: reserved, started: 1, prepare: func(n *node) {
		in(t, n.Machine, order.Order{Run: []string{"iscsistart", "-i", "iqn.2026-11.test.holdfast:" + n.Name, "-t", order.Target, "-g", "1", "-a", sanAddr}})
		n.until("the disk is at "+n.Name, func() (bool, error) {
			a, err := n.Do(order.Order{Read: "/sys/block/sda/size"})
			return err == nil && len(a.Output) > 0, err
		})
	}})
	s.peer = newPeerFencer(t, s.nodes["n1"].Machine, shared, disk.Path)
	return s
}

// registration is a line of sg_persist that names a key.
var registration = regexp.MustCompile(`(?m)^\s*(?:Key=)?(0x[0-9a-f]+)\s*$`)

// persist is what sg_persist reads from the disk.
func (n *node) persist(what string) string {
	n.t.Helper()
	return string(in(n.t, n.Machine, order.Order{Run: []string{"sg_persist", "-n", "--in", what, shared}}).Output)
}

// registered reports whether exactly these keys are.
func (s *san) registered(at *node, want ...string) (bool, error) {
	text := at.persist("--read-keys")
	var got []string
	for _, m := range registration.FindAllStringSubmatch(text, -1) {
		got = append(got, m[1])
	}
	slices.Sort(got)
	return slices.Equal(got, want), fmt.Errorf("sg_persist says:\n%s", text)
}

// agreed proves that sg_persist, Debian's fence_scsi and our driver see the same registrations.
func (s *san) agreed(at *node, members ...string) {
	s.t.Helper()
	names := map[string]string{keyOf1: "n1", keyOf2: "n2"}
	full := at.persist("--read-full-status")
	ours := string(in(s.t, at.Machine, order.Order{Run: []string{"hcs", "stonith", "test", "reservations"}}).Output)
	for key, name := range names {
		in, iqn := slices.Contains(members, key), "iqn.2026-11.test.holdfast:"+name
		if strings.Contains(full, key) != in || strings.Contains(full, iqn) != in {
			s.t.Errorf("READ FULL STATUS is about %s: %v, want %v:\n%s", name, !in, in, full)
		}
		if line := fmt.Sprintf("key %s, port 1, %s session", key, iqn); strings.Contains(ours, line) != in {
			s.t.Errorf("our test of the device tells of %q: %v, want %v:\n%s", line, !in, in, ours)
		}
		if s.peer == nil {
			continue
		}
		want := 0
		if !in {
			want = 2
		}
		if code, said := s.peer.run("status", name); code != want {
			s.t.Errorf("fence_scsi's status of %s is %d, want %d: %s", name, code, want, said)
		}
	}
	if text := at.persist("--read-reservation"); !strings.Contains(text, "Write Exclusive, registrants only") {
		s.t.Errorf("READ RESERVATION: %s", text)
	}
}

// written is what a machine's records have come to.
func written(t *testing.T, m *machine.Machine, path string) (w order.Written) {
	t.Helper()
	a, err := m.Do(order.Order{Read: path})
	if err == nil {
		err = json.Unmarshal(a.Output, &w)
	}
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return w
}

// writes starts to write records in a machine and returns when the first have come to the disk.
func (n *node) writes(file string) {
	n.t.Helper()
	in(n.t, n.Machine, order.Order{Run: []string{"/init", "write", shared, file}, Background: true})
	n.until(n.Name+" writes", func() (bool, error) {
		var w order.Written
		a, err := n.Do(order.Order{Read: file})
		if err == nil {
			err = json.Unmarshal(a.Output, &w)
		}
		return err == nil && w.Done > 10, err
	})
}

// newest is the number of the newest record on the disk, as the target has it.
func (s *san) newest() string {
	s.t.Helper()
	return string(in(s.t, s.target, order.Order{Run: []string{"/init", "newest", behind}}).Output)
}

// fences is what n says of the fences of a node.
func (n *node) fences(target string) (list []api.FenceEvent, err error) {
	a, err := n.Do(order.Order{Run: []string{"hcs", "--json", "stonith", "history", target}})
	if err == nil {
		err = json.Unmarshal(a.Output, &list)
	}
	return list, err
}

func TestReservations_AFencedNodeWritesNothingMoreUntilItHasJoinedAnew(t *testing.T) {
	for _, c := range []struct {
		name  string
		again func(*node)
	}{
		{"with new daemons", func(n *node) {
			for _, pid := range n.daemons {
				in(n.t, n.Machine, order.Order{Kill: pid, Signal: int(unix.SIGKILL)})
			}
			n.startDaemons()
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSAN(t)
			s.form()
			survivor, victim := s.nodes["n1"], s.nodes["n2"]
			s.until("both nodes are registered", func() (bool, error) { return s.registered(survivor, keyOf1, keyOf2) })
			s.agreed(survivor, keyOf1, keyOf2)
			s.registeredByPeer(survivor, "n1")

			victim.writes("/run/records")
			in(t, s.target, order.Order{Run: []string{"/init", "watch", behind, keyOf2, "/run/gone"}, Background: true})
			in(t, victim.Machine, order.Order{Kill: victim.daemons["corosyncd"], Signal: int(unix.SIGSTOP)})
			took := s.fenced(survivor, "n2")
			if t.Logf("n2 was fenced %v after that was asked for", took); took > provenWithin {
				t.Errorf("that is more than %v", provenWithin)
			}
			if same, err := s.registered(survivor, keyOf1); !same {
				t.Errorf("n2 is fenced, and not only n1 is registered: %v", err)
			}
			s.agreed(survivor, keyOf1)
			s.silent(victim)
			survivor.writes("/run/records")

			c.again(victim)
			s.until("n2 is registered again", func() (bool, error) { return s.registered(survivor, keyOf1, keyOf2) })
			s.online()
			s.agreed(victim, keyOf1, keyOf2)
			victim.writes("/run/again")
			if w := written(t, victim.Machine, "/run/again"); w.Refused > 0 {
				t.Errorf("n2 is refused %d records after it has joined anew: %s", w.Refused, w.Refusal)
			}
		})
	}
}

// registeredByPeer has Debian's fence_scsi register a node that is registered: the keys must stay the same.
func (s *san) registeredByPeer(at *node, name string) {
	s.t.Helper()
	if s.peer == nil {
		return
	}
	if code, said := s.peer.run("on", name); code != 0 {
		s.t.Errorf("fence_scsi cannot register %s: %d: %s", name, code, said)
	}
	if same, err := s.registered(at, keyOf1, keyOf2); !same {
		s.t.Errorf("fence_scsi has another key for %s: %v", name, err)
	}
}

// fenced waits until a node says that another one is fenced, and returns the time from the request to the proof.
func (s *san) fenced(at *node, name string) (took time.Duration) {
	s.t.Helper()
	s.until(name+" is fenced", func() (bool, error) {
		list, err := at.fences(name)
		for _, e := range list {
			if e.Action != "on" && e.State == "done" && e.Result.Proven() {
				took = time.Duration(e.Result.Done-e.At) * time.Millisecond
				return true, nil
			}
		}
		return false, fmt.Errorf("%v %w", list, err)
	})
	return took
}

// silent proves that a fenced node, which goes on trying, has written nothing since it lost its registration.
func (s *san) silent(victim *node) {
	s.t.Helper()
	var w order.Written
	s.until(victim.Name+" was refused many records", func() (bool, error) {
		w = written(s.t, victim.Machine, "/run/records")
		return w.Refused >= 100, nil
	})
	gone := written(s.t, s.target, "/run/gone")
	s.t.Logf("%s has written %d records, and %d were refused: %s", victim.Name, w.Done, w.Refused, w.Refusal)
	if w.RefusedFirst != w.Newest+1 {
		s.t.Errorf("%s was refused record %d and has written record %d", victim.Name, w.RefusedFirst, w.Newest)
	}
	// The first record that was refused may have come to the disk just before the registration went.
	if last := s.newest(); last != fmt.Sprint(gone.Newest) || gone.Newest != w.Newest && gone.Newest != w.RefusedFirst {
		s.t.Errorf("record %d was the newest when %s had lost its registration, %d the last that it wrote, and %s is on the disk", gone.Newest, victim.Name, w.Newest, last)
	}
}
