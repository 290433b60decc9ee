package simnet

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/holdfast-ha/holdfast/api"
)

// secondAddr is a node's address on the second link.
func secondAddr(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, 19, 0, byte(i)}) }

// twoLinks is the cluster file of n nodes on two links.
func twoLinks(n int, totem string) string {
	text := clusterText(n, "")
	for i := 1; i <= n; i++ {
		text = strings.Replace(text, fmt.Sprintf("[%q]", fabricAddr(i)), fmt.Sprintf("[%q, %q]", fabricAddr(i), secondAddr(i)), 1)
	}
	return text + "[totem]\n" + totem
}

// used are the links to a node that carry what is not a heartbeat.
func (d *daemon) used(node api.NodeID) []int {
	d.t.Helper()
	var list []api.LinkStatus
	if err := d.call("GET", api.PathLinks, nil, &list); err != nil {
		d.t.Fatal(err)
	}
	var use []int
	for _, l := range list {
		if l.Node == node && l.InUse {
			use = append(use, l.Link)
		}
	}
	return use
}

func TestLinkMode_SaysWhichLinksCarryGossip(t *testing.T) {
	const priority = "[[totem.interface]]\nlinknumber = 1\nknet_link_priority = 5\n"
	for _, c := range []struct {
		name, totem   string
		healthy, left []int // in use while both work, and when link 1 is cut
	}{
		{"passive", "", []int{0}, []int{0}},
		{"passive with a priority", priority, []int{1}, []int{0}},
		{"passive with the default's", "[[totem.interface]]\nlinknumber = 1\nknet_link_priority = 1\n", []int{0}, []int{0}},
		{"active", "link_mode = \"active\"\n" + priority, []int{0, 1}, []int{0}},
		{"in turn", "link_mode = \"rr\"\n", []int{0, 1}, []int{0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := NewFabric()
				var ds []*daemon
				for i := 1; i <= 2; i++ {
					d := prepare(t, f, fmt.Sprintf("n%d", i), twoLinks(2, c.totem), "1")
					d.start()
					ds = append(ds, d)
				}
				time.Sleep(3 * time.Second)
				ring := ds[0].status().View.Ring
				if got := ds[0].used(2); !slices.Equal(got, c.healthy) {
					t.Errorf("links in use: %v, want %v", got, c.healthy)
				}
				f.Cut(secondAddr(1), secondAddr(2), true)
				f.Cut(secondAddr(2), secondAddr(1), true)
				time.Sleep(time.Second)
				if got := ds[0].used(2); !slices.Equal(got, c.left) {
					t.Errorf("with link 1 cut: %v, want %v", got, c.left)
				}
				if err := ds[0].call("POST", api.PathVotes, api.VotesChange{Votes: 3}, nil); err != nil {
					t.Errorf("gossip with one link: %v", err)
				}
				f.Cut(secondAddr(1), secondAddr(2), false)
				f.Cut(secondAddr(2), secondAddr(1), false)
				time.Sleep(time.Second)
				if got := ds[0].used(2); !slices.Equal(got, c.healthy) {
					t.Errorf("healed: %v, want %v", got, c.healthy)
				}
				for _, d := range ds {
					if v := d.status().View; v.Ring != ring || v.Quorum.Expected != 3 {
						t.Errorf("%s went from %s to %s, expected votes %d", d.name, ring, v.Ring, v.Quorum.Expected)
					}
				}
				for _, d := range ds {
					d.stop()
				}
				time.Sleep(time.Minute)
			})
		})
	}
}
