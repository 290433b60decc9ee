package gossip

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/api"
)

const testPort = 25406

func addr(n int) netip.Addr { return netip.AddrFrom4([4]byte{127, 45, 0, byte(n)}) }

func nodes(n int) []Node {
	list := make([]Node, n)
	for i := range list {
		list[i] = Node{ID: api.NodeID(i + 1), Name: fmt.Sprintf("n%d", i+1), Addrs: []netip.Addr{addr(i + 1)}}
	}
	return list
}

// wire carries packets between the nodes of a test.
type wire struct {
	from netip.Addr
	to   map[netip.Addr]*atomic.Pointer[Gossip]
}

func (w wire) SendGossip(_ api.NodeID, _ int, to netip.Addr, payload []byte) error {
	if g := w.to[to].Load(); g != nil {
		g.Deliver(w.from, append([]byte(nil), payload...))
	}
	return nil
}

// host opens real TCP sockets on loopback.
type host struct{}

func (host) ListenStream(at netip.AddrPort) (net.Listener, error) {
	return net.Listen("tcp", at.String())
}

func (host) DialStream(from netip.Addr, to netip.AddrPort, timeout time.Duration) (net.Conn, error) {
	d := net.Dialer{Timeout: timeout, LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0))}
	return d.Dial("tcp", to.String())
}

// start runs a cluster; change may alter a node's configuration.
func start(t *testing.T, n int, change func(i int, c *Config)) []*Gossip {
	t.Helper()
	to := map[netip.Addr]*atomic.Pointer[Gossip]{}
	for i := range n {
		to[addr(i+1)] = &atomic.Pointer[Gossip]{}
	}
	var all []*Gossip
	for i := range n {
		c := Config{
			Self: fmt.Sprintf("n%d", i+1), Cluster: "shop", Nodes: nodes(n), Port: testPort, Keys: [][]byte{[]byte(strings.Repeat("k", 32))}, MTU: 1400,
			Sender: wire{addr(i + 1), to}, Streams: host{},
			Meta: Meta{ID: api.NodeID(i + 1), Version: "1"}, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		}
		if change != nil {
			change(i, &c)
		}
		g, err := New(c)
		if err != nil {
			t.Fatal(err)
		}
		to[addr(i+1)].Store(g)
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- g.Run(ctx) }()
		t.Cleanup(func() {
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
		var names []string
		for _, n := range nodes(n) {
			names = append(names, n.Name)
		}
		g.SetMembers(names)
		all = append(all, g)
	}
	return all
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("not in time: " + what)
		}
	}
}

func TestRun_MembersLearnAboutEachOther(t *testing.T) {
	all := start(t, 3, nil)
	eventually(t, "everybody knows everybody", func() bool {
		for _, g := range all {
			m := g.Metas()
			if len(m) != 3 || m["n2"].Version != "1" || m["n3"].ID != 3 {
				return false
			}
		}
		return true
	})
}

func TestTell_BringsACommand(t *testing.T) {
	all := start(t, 2, nil)
	want := Command{From: 1, FromIncarnation: 5, To: 2, ToIncarnation: 6, Seq: 1, Do: "reload", Key: 7, Secret: []byte("s")}
	eventually(t, "n2 is reached", func() bool { return all[0].Tell("n2", want) == nil })
	select {
	case got := <-all[1].Commands():
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v", got)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("no command")
	}
	if err := all[0].Tell("n9", want); err == nil {
		t.Error("told somebody who is not there")
	}
}

// failures counts the log records of joins that did not work.
type failures struct {
	slog.Handler
	joins *atomic.Int32
}

func (f failures) Enabled(context.Context, slog.Level) bool { return true }

func (f failures) Handle(_ context.Context, r slog.Record) error {
	if r.Message == "gossip join" {
		f.joins.Add(1)
	}
	return nil
}

func TestRun_KeepsOutAnotherClusterAnotherKeyAndStrangers(t *testing.T) {
	var failed [4]atomic.Int32
	all := start(t, 4, func(i int, c *Config) {
		c.Log = slog.New(failures{slog.DiscardHandler, &failed[i]})
		switch i {
		case 1:
			c.Cluster = "shpo"
		case 2:
			c.Keys = [][]byte{[]byte(strings.Repeat("x", 32))}
		}
		if i != 3 {
			c.Nodes = nodes(3) // nobody else has n4 in the file
		}
	})
	eventually(t, "everybody has tried twice", func() bool {
		for i := range failed {
			if failed[i].Load() < 4 {
				return false
			}
		}
		return true
	})
	for i, g := range all {
		if m := g.Metas(); len(m) != 1 {
			t.Errorf("n%d knows %v", i+1, m)
		}
	}
}
