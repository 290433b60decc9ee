package qnetd

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/holdfast-ha/holdfast/tests/lab"
	"github.com/holdfast-ha/holdfast/tests/lab/holdfast"
	"github.com/holdfast-ha/holdfast/tests/lab/room"
)

// peer is a cluster of Debian's corosync and corosync-qdevice on two machines, with the server of hcs on a third.
type peer struct {
	*world
	n1, n2 *lab.Node
}

const peerConf = `totem {
	version: 2
	cluster_name: lab
	transport: knet
	token: 1000
	crypto_cipher: none
	crypto_hash: none
}
nodelist {
	node {
		ring0_addr: %s
		nodeid: 1
		name: n1
	}
	node {
		ring0_addr: %s
		nodeid: 2
		name: n2
	}
}
quorum {
	provider: corosync_votequorum
	device {
		model: net
		timeout: 1500
		sync_timeout: 3000
		%s
		net {
			host: %s
			algorithm: %s
		}
	}
}
logging {
	to_stderr: yes
}
`

func startPeer(t *testing.T, algorithm string) *peer {
	t.Helper()
	for _, program := range []string{"corosync-qdevice", "corosync-qdevice-net-certutil", "corosync"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is not installed: apt-get install corosync corosync-qdevice", program)
		}
	}
	if why := room.Missing(); why != "" {
		t.Skipf("no lab on this machine: %s", why)
	}
	root, err := room.Root()
	if err != nil {
		t.Fatal(err)
	}
	// Not all of Holdfast: its corosync would stand in for Debian's.
	layer := (&lab.Layer{}).File("/usr/sbin/hcs", filepath.Join(root, ".tools/lab/bin/hcs"))
	c := lab.Start(t, lab.Options{Nodes: 3, Software: layer})
	w := &world{t: t, ctx: t.Context(), server: own{}, Cluster: &holdfast.Cluster{Cluster: c}}
	p := &peer{world: w, n1: c.Node("n1"), n2: c.Node("n2")}
	w.arbiter = c.Node("n3")
	w.must(c.PowerOnAll(w.ctx))
	w.server.setup(w)
	w.serve()
	p.certify()
	votes := "votes: 1"
	if algorithm == "lms" {
		votes = ""
	}
	conf := fmt.Sprintf(peerConf, p.n1.Addr(0), p.n2.Addr(0), votes, w.arbiter.Addr(0), algorithm)
	for _, n := range []*lab.Node{p.n1, p.n2} {
		w.must(n.WriteFile("/etc/corosync/corosync.conf", []byte(conf), 0o644))
		w.sh(n, "mkdir -p /var/lib/corosync /run/corosync-qdevice /var/log/corosync")
		w.job(n, "corosync", "-f")
	}
	for _, n := range []*lab.Node{p.n1, p.n2} {
		p.says(n, "corosync runs", "Ring ID", "Nodes:            2")
		w.job(n, "corosync-qdevice", "-f", "-d")
	}
	return p
}

// certify makes the certificates in the way of Corosync's tools, and signs with hcs.
func (p *peer) certify() {
	ca := p.read(p.arbiter, "/etc/holdfast/qnetd/ca.crt")
	for _, n := range []*lab.Node{p.n1, p.n2} {
		p.must(n.WriteFile("/tmp/ca.crt", ca, 0o644))
		p.sh(n, "rm -rf /etc/corosync/qdevice; mkdir -p /etc/corosync/qdevice/net; corosync-qdevice-net-certutil -i -c /tmp/ca.crt")
	}
	const db = "/etc/corosync/qdevice/net/nssdb/"
	p.sh(p.n1, "corosync-qdevice-net-certutil -r -n lab")
	_, cert := p.server.sign(p.world, p.read(p.n1, db+"qdevice-net-node.crq"))
	p.must(p.n1.WriteFile("/tmp/cluster-lab.crt", cert, 0o644))
	p.sh(p.n1, "corosync-qdevice-net-certutil -M -c /tmp/cluster-lab.crt")
	p.must(p.n2.WriteFile("/tmp/node.p12", p.read(p.n1, db+"qdevice-net-node.p12"), 0o600))
	p.sh(p.n2, "corosync-qdevice-net-certutil -m -c /tmp/node.p12")
}

// says waits until corosync-quorumtool prints all of the texts.
func (p *peer) says(n *lab.Node, what string, texts ...string) {
	p.t.Helper()
	err := holdfast.Poll(p.ctx, n.Name+": "+what, limit, func(ctx context.Context) (bool, error) {
		r, err := n.Run(ctx, "corosync-quorumtool", "-s")
		if err != nil {
			return false, err
		}
		for _, text := range texts {
			if !strings.Contains(r.Stdout, text) {
				return false, fmt.Errorf("%q is not in\n%s%s", text, r.Stdout, r.Stderr)
			}
		}
		return true, nil
	})
	if err != nil {
		p.t.Log(p.sh(p.arbiter, "hcs qdevice status --full"))
		p.t.Fatal(err)
	}
}

func TestPeer_DebiansCorosyncTakesTheVerdictOfOurServer(t *testing.T) {
	t.Parallel()
	p := startPeer(t, "ffsplit")
	for _, n := range []*lab.Node{p.n1, p.n2} {
		p.says(n, "has the device's vote", "Total votes:      3", "Quorate:          Yes", "A,V,NMW")
	}
	t.Log(p.sh(p.arbiter, "hcs qdevice status --full"))
	p.cut(p.n1, p.n2, true)
	p.says(p.n1, "goes on", "Nodes:            1", "Total votes:      2", "Quorate:          Yes")
	p.says(p.n2, "does not", "Nodes:            1", "Total votes:      1", "Quorate:          No")
	p.cut(p.n1, p.n2, false)
	for _, n := range []*lab.Node{p.n1, p.n2} {
		p.says(n, "is back", "Total votes:      3", "Quorate:          Yes", "A,V,NMW")
	}
	p.must(p.n1.PowerOff())
	p.says(p.n2, "goes on without n1", "Nodes:            1", "Total votes:      2", "Quorate:          Yes")
	p.kill()
	p.says(p.n2, "has lost the server", "Total votes:      1", "Quorate:          No")
	p.serve()
	p.says(p.n2, "has it back", "Total votes:      2", "Quorate:          Yes")
}

func TestPeer_LMS(t *testing.T) {
	if os.Getenv("HOLDFAST_RUNS") == "" {
		t.Skip("part of make qnetd")
	}
	t.Parallel()
	p := startPeer(t, "lms")
	for _, n := range []*lab.Node{p.n1, p.n2} {
		p.says(n, "has the device's vote", "Total votes:      3", "A,V,NMW")
	}
	p.cut(p.n1, p.n2, true)
	p.says(p.n1, "goes on", "Nodes:            1", "Quorate:          Yes")
	p.says(p.n2, "does not", "Nodes:            1", "Quorate:          No")
	p.must(p.n1.PowerOff())
	p.says(p.n2, "takes over", "Total votes:      2", "Quorate:          Yes")
}
