package simnet

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/api"
)

// keyFile is what a node has as its cluster key.
func (d *daemon) keyFile() string {
	d.t.Helper()
	raw, err := os.ReadFile(d.dirs.GossipKey())
	if err != nil {
		d.t.Fatal(err)
	}
	return strings.TrimSpace(string(raw))
}

func TestKey_ChangesWithoutALostMember(t *testing.T) {
	cluster(t, 3, "", func(t *testing.T, f *Fabric, ds []*daemon) {
		time.Sleep(3 * time.Second) // gossip has met
		ring := ds[0].status().View.Ring
		f.Lose(0.05)
		old := ds[0].keyFile()
		if err := ds[1].call("POST", api.PathKey, api.KeyChange{}, nil); err == nil || !strings.Contains(err.Error(), "run this on n1") {
			t.Errorf("n2 changed the key too: %v", err)
		}
		for range 3 {
			var s api.KeyStatus
			if err := ds[0].call("POST", api.PathKey, api.KeyChange{}, &s); err != nil {
				t.Fatal(err)
			}
			time.Sleep(2 * time.Second)
			key := ds[0].keyFile()
			if key == old || strings.Contains(key, old) || s.Key == "" {
				t.Errorf("the key file has %q, the old key was %q", key, old)
			}
			old = key
			for _, d := range ds {
				if d.keyFile() != key {
					t.Errorf("%s has another key", d.name)
				}
				if v := d.status().View; v.Ring != ring || len(v.Members) != 3 {
					t.Errorf("%s went from %s to %s with %v", d.name, ring, v.Ring, d.members())
				}
			}
		}
		f.Lose(0)
		time.Sleep(2 * time.Second)
		// Commands still get around, and a node with an old key does not.
		if err := ds[0].call("POST", api.PathVotes, api.VotesChange{Votes: 5}, nil); err != nil {
			t.Error(err)
		}
		ds[2].stop()
		if err := os.WriteFile(ds[2].dirs.GossipKey(), []byte(strings.Repeat("1", 64)), 0o600); err != nil {
			t.Fatal(err)
		}
		ds[2].start()
		time.Sleep(3 * time.Second)
		if got := ds[0].members(); len(got) != 2 {
			t.Errorf("a node with the first key is a member: %v", got)
		}
		if err := ds[0].call("POST", api.PathKey, api.KeyChange{}, nil); err == nil || !strings.Contains(err.Error(), "n3 would keep the old key") {
			t.Errorf("without n3: %v", err)
		}
		if err := ds[0].call("POST", api.PathKey, api.KeyChange{Force: true}, nil); err != nil {
			t.Errorf("without n3 by force: %v", err)
		}
		// The file of another node and a restart let it in again.
		ds[2].stop()
		if err := os.WriteFile(ds[2].dirs.GossipKey(), []byte(ds[1].keyFile()), 0o600); err != nil {
			t.Fatal(err)
		}
		ds[2].start()
		time.Sleep(3 * time.Second)
		if got := ds[2].members(); len(got) != 3 {
			t.Errorf("with the new key n3 sees %v", got)
		}
	})
}

func TestKey_StaysWhenOneMemberCannotFollow(t *testing.T) {
	cluster(t, 3, "", func(t *testing.T, f *Fabric, ds []*daemon) {
		time.Sleep(3 * time.Second)
		ring, old := ds[0].status().View.Ring, ds[0].keyFile()
		// n3 cannot write the file: a directory is in its place.
		if err := os.Remove(ds[2].dirs.GossipKey()); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(ds[2].dirs.GossipKey(), 0o700); err != nil {
			t.Fatal(err)
		}
		err := ds[0].call("POST", api.PathKey, api.KeyChange{}, nil)
		if err == nil || !strings.Contains(err.Error(), "n3 did not follow") {
			t.Errorf("got %v", err)
		}
		time.Sleep(2 * time.Second)
		for _, d := range ds[:2] {
			if d.keyFile() != old {
				t.Errorf("%s has changed its key", d.name)
			}
		}
		for _, d := range ds {
			if v := d.status().View; v.Ring != ring || len(v.Members) != 3 {
				t.Errorf("%s has view %s of %v", d.name, v.Ring, d.members())
			}
		}
	})
}
