package lab

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/tests/lab/fabric"
)

// hears tells whether a datagram of one node reaches another, which ping cannot: it needs both directions.
func hears(t *testing.T, from, to *Node, link int) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	dest := fmt.Sprintf("%s:7000", to.Addr(link))
	listener, err := to.ListenPacket("udp4", dest)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	conn, err := from.Dial(ctx, "udp4", dest)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	got := make(chan bool, 1)
	go func() {
		listener.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
		_, _, err := listener.ReadFrom(make([]byte, 64))
		got <- err == nil
	}()
	for ctx.Err() == nil {
		conn.Write([]byte("hello"))
		select {
		case ok := <-got:
			return ok
		case <-time.After(10 * time.Millisecond):
		}
	}
	return <-got
}

// mesh draws who hears whom on a link: a row for each sender.
func mesh(t *testing.T, c *Cluster, link int) string {
	t.Helper()
	s := ""
	for _, from := range c.Nodes() {
		for _, to := range c.Nodes() {
			switch {
			case from == to:
				s += "-"
			case hears(t, from, to, link):
				s += "y"
			default:
				s += "n"
			}
		}
		s += " "
	}
	return s
}

// resolve fills the neighbour caches of all nodes, so that a later test of one direction does not need the
// other one for an answer.
func resolve(t *testing.T, c *Cluster) {
	t.Helper()
	for _, from := range c.Nodes() {
		for _, to := range c.Nodes() {
			for link := range 2 {
				if from != to {
					output(t, from, "ip", "neigh", "replace", to.Addr(link).String(), "lladdr", c.Net.HardwareAddr(to.ID, link).String(),
						"dev", c.Net.NIC(link), "nud", "permanent")
				}
			}
		}
	}
}

func TestNet_CutsWhatATestAsksFor(t *testing.T) {
	c := powered(t, Options{Nodes: 3, Links: 2})
	resolve(t, c)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check := func(what, link0, link1 string) {
		t.Helper()
		if got := mesh(t, c, 0); got != link0 {
			t.Errorf("%s: link 0 is %q, want %q", what, got, link0)
		}
		if got := mesh(t, c, 1); got != link1 {
			t.Errorf("%s: link 1 is %q, want %q", what, got, link1)
		}
	}
	const whole = "-yy y-y yy- "
	check("at first", whole, whole)
	must(c.Net.Pull(1, 0, true))
	check("cable of n1 on link 0 is out", "-nn n-y ny- ", whole)
	must(c.Net.Pull(1, 0, false))
	must(c.Net.Impair(1, 2, 0, fabric.Impairment{Loss: 1}))
	check("n2 does not hear n1 on link 0", "-ny y-y yy- ", whole)
	must(c.Node("n2").PowerOff())
	must(c.Node("n2").PowerOn(t.Context()))
	resolve(t, c)
	check("n2 still does not after a power cycle", "-ny y-y yy- ", whole)
	must(c.Net.Partition(3, []int{1}, []int{2, 3}))
	check("n1 alone", "-nn n-y ny- ", "-nn n-y ny- ")
	output(t, c.Node("n1"), "ping", "-c1", "-W1", c.Net.Room(0).String())
	must(c.Net.Heal())
	check("healed", whole, whole)
}

var received = regexp.MustCompile(`(\d+) received`)
var roundTrip = regexp.MustCompile(`= ([0-9.]+)/([0-9.]+)/([0-9.]+)/`)

func TestNet_LosesAndDelays(t *testing.T) {
	c := powered(t, Options{Nodes: 2})
	n1, n2 := c.Node("n1"), c.Node("n2")
	ping := func() (got int, avg float64) {
		t.Helper()
		r, err := n1.Run(t.Context(), "ping", "-q", "-c", "400", "-i", "0.002", "-W", "1", n2.Addr(0).String())
		if err != nil {
			t.Fatal(err)
		}
		if m := received.FindStringSubmatch(r.Stdout); m != nil {
			got, _ = strconv.Atoi(m[1])
		}
		if m := roundTrip.FindStringSubmatch(r.Stdout); m != nil {
			avg, _ = strconv.ParseFloat(m[2], 64)
		}
		return got, avg
	}
	got, usual := ping() // how long it takes says how busy this machine is
	if got != 400 {
		t.Errorf("a good line: %d of 400 pings came back", got)
	}
	if err := c.Net.Impair(1, 2, 0, fabric.Impairment{Loss: 0.25}); err != nil {
		t.Fatal(err)
	}
	if got, _ := ping(); got < 240 || got > 360 {
		t.Errorf("a quarter lost: %d of 400 pings came back", got)
	}
	if err := c.Net.Impair(1, 2, 0, fabric.Impairment{Delay: 30 * time.Millisecond, Jitter: 4 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	if got, avg := ping(); got != 400 || avg < 30 || avg > 60+2*usual {
		t.Errorf("late: %d of 400 pings came back after %.2f ms", got, avg)
	}
	// A stream with checksums and segments survives the relay.
	if _, err := n2.Start(exec.Command("holdfast-hello", ":80")); err != nil {
		t.Fatal(err)
	}
	var conn net.Conn
	eventually(t, "n1 connects to the web server on n2", func() bool {
		var err error
		conn, err = n1.Dial(t.Context(), "tcp4", n2.Addr(0).String()+":80")
		return err == nil
	})
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(5 * time.Second))
	fmt.Fprint(conn, "GET / HTTP/1.0\r\n\r\n")
	buf := make([]byte, 12)
	if _, err := conn.Read(buf); err != nil || string(buf) != "HTTP/1.1 200" {
		t.Errorf("over a slow line the web server answers %q (%v)", buf, err)
	}
}
