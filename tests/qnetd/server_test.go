// Package qnetd proves on clusters of real daemons that a quorum device lets the right side survive, with Debian's
// corosync-qnetd and with the server of hcs, and that Debian's corosync-qdevice works with the latter.
package qnetd

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/tests/lab"
	"github.com/holdfast-ha/holdfast/tests/lab/enter"
	"github.com/holdfast-ha/holdfast/tests/lab/holdfast"
)

func TestMain(m *testing.M) { holdfast.Main(m.Run) }

// limit bounds what takes a second or two.
const limit = 40 * time.Second

// runs is how often faults are repeated: few times in `make test`, as often as HOLDFAST_RUNS says in `make qnetd`.
func runs(few int) int {
	if n, err := strconv.Atoi(os.Getenv("HOLDFAST_RUNS")); err == nil {
		return n
	}
	return few
}

// server is a quorum device server on a machine of its own.
type server interface {
	setup(w *world)
	start(w *world) *enter.Job
	// name is the process's.
	name() string
	sign(w *world, request []byte) (ca, cert []byte)
	renew(w *world)
}

// debian is corosync-qnetd as Debian packages it.
type debian struct{}

func (debian) name() string { return "corosync-qnetd" }

func (debian) setup(w *world) {
	w.sh(w.arbiter, "rm -rf /etc/corosync/qnetd/nssdb; corosync-qnetd-certutil -i -G; mkdir -p /run/corosync-qnetd")
}

func (debian) start(w *world) *enter.Job { return w.job(w.arbiter, "corosync-qnetd", "-f", "-d") }

func (debian) sign(w *world, request []byte) (ca, cert []byte) {
	w.must(w.arbiter.WriteFile("/tmp/lab.crq", request, 0o644))
	w.sh(w.arbiter, "corosync-qnetd-certutil -s -c /tmp/lab.crq -n lab")
	return w.read(w.arbiter, "/etc/corosync/qnetd/nssdb/qnetd-cacert.crt"), w.read(w.arbiter, "/etc/corosync/qnetd/nssdb/cluster-lab.crt")
}

// renew makes a new certificate of the server under the same CA, as corosync-qnetd-certutil makes the first.
func (debian) renew(w *world) {
	w.sh(w.arbiter, `set -e; cd /etc/corosync/qnetd/nssdb; certutil -D -d . -n "QNetd Cert" -f pwdfile.txt
n=$(cat serial.txt); n=$((n + 1)); echo $n >serial.txt
certutil -S -n "QNetd Cert" -s "CN=Qnetd Server" -c "QNet CA" -t u,u,u -m $n -v 1200 -d . -z noise.txt -f pwdfile.txt`)
}

// own is hcs qdevice serve.
type own struct{}

func (own) name() string { return "hcs" }
func (own) setup(w *world) {
	w.sh(w.arbiter, "rm -rf /etc/holdfast/qnetd; hcs qdevice setup model net")
}

func (own) start(w *world) *enter.Job { return w.job(w.arbiter, "hcs", "qdevice", "serve") }

func (own) sign(w *world, request []byte) (ca, cert []byte) {
	w.must(w.arbiter.WriteFile("/tmp/lab.crq", request, 0o644))
	w.sh(w.arbiter, "hcs qdevice sign lab /tmp/lab.crq -o /tmp/lab.crt")
	return w.read(w.arbiter, "/etc/holdfast/qnetd/ca.crt"), w.read(w.arbiter, "/tmp/lab.crt")
}

func (own) renew(w *world) { w.sh(w.arbiter, "hcs qdevice renew") }

// world is a cluster with a quorum device server.
type world struct {
	*holdfast.Cluster
	t       *testing.T
	ctx     context.Context
	arbiter *lab.Node
	server  server
	running *enter.Job
}

// options of a world.
type options struct {
	nodes int
	algo  string
	// more is what follows in the cluster file, in section [quorum.device.net] first.
	more string
}

// start forms a cluster whose device is connected.
func start(t *testing.T, s server, o options) *world {
	t.Helper()
	if _, ok := s.(debian); ok {
		if _, err := exec.LookPath("corosync-qnetd"); err != nil {
			t.Skip("corosync-qnetd is not installed: apt-get install corosync-qnetd libnss3-tools")
		}
	}
	if o.algo == "" {
		o.algo = "ffsplit"
	}
	w := &world{t: t, ctx: t.Context(), server: s}
	w.Cluster = holdfast.Start(t, holdfast.Options{
		Options: lab.Options{Nodes: o.nodes}, Bare: 1,
		Sections: fmt.Sprintf("[quorum.device]\nmodel = \"net\"\ntimeout = 1500\nsync_timeout = 10000\n[quorum.device.net]\nhost = \"n%d\"\nalgorithm = %q\n%s", o.nodes+1, o.algo, o.more),
	})
	w.arbiter = w.Bare()[0]
	w.must(w.arbiter.PowerOn(w.ctx))
	s.setup(w)
	w.serve()
	w.must(w.PowerOnAll(w.ctx))
	w.certify()
	w.whole()
	return w
}

// certify gives the cluster a certificate.
func (w *world) certify() {
	w.t.Helper()
	n1 := w.Nodes()[0]
	w.sh(n1, "hcs qdevice certs request -o /tmp/lab.crq")
	ca, cert := w.server.sign(w, w.read(n1, "/tmp/lab.crq"))
	w.must(n1.WriteFile("/tmp/ca.crt", ca, 0o644))
	w.must(n1.WriteFile("/tmp/lab.crt", cert, 0o644))
	w.sh(n1, "hcs qdevice certs import --ca /tmp/ca.crt --cert /tmp/lab.crt")
}

func (w *world) serve() { w.running = w.server.start(w) }

// kill ends the server without a word.
func (w *world) kill() {
	w.t.Helper()
	n, err := w.arbiter.Signal(w.server.name(), syscall.SIGKILL)
	w.must(err)
	if n != 1 {
		w.t.Fatalf("%d processes are called %s", n, w.server.name())
	}
	_ = w.running.Wait() // it was killed
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) sh(n *lab.Node, script string) string {
	w.t.Helper()
	out, err := n.Exec(w.ctx, "sh", "-c", script)
	w.must(err)
	return out
}

func (w *world) read(n *lab.Node, path string) []byte {
	w.t.Helper()
	raw, err := n.ReadFile(path)
	w.must(err)
	return raw
}

// job starts a command that ends with its machine.
func (w *world) job(n *lab.Node, words ...string) *enter.Job {
	w.t.Helper()
	cmd := exec.Command(words[0], words[1:]...)
	out := &headWriter{}
	cmd.Stdout, cmd.Stderr = out, out
	j, err := n.Start(cmd)
	w.must(err)
	w.t.Cleanup(func() {
		if w.t.Failed() {
			w.t.Logf("%s:\n%s", words[0], out)
		}
	})
	return j
}

func (w *world) until(what string, holds func(context.Context) (bool, error)) {
	w.t.Helper()
	if err := holdfast.Poll(w.ctx, what, limit, holds); err != nil {
		for _, n := range w.Nodes() {
			if v, err := holdfast.View(w.ctx, n); err == nil {
				w.t.Logf("%s: %+v", n.Name, v.Quorum)
			}
		}
		w.t.Fatal(err)
	}
}

// verdicts waits until each of the nodes has a view of exactly the nodes in it and the verdict, for good.
func (w *world) verdicts(what string, quorate bool, nodes ...*lab.Node) {
	w.t.Helper()
	w.until(what, func(ctx context.Context) (bool, error) {
		for _, n := range nodes {
			v, err := holdfast.View(ctx, n)
			if err != nil || v.Stale || v.Quorum.Quorate != quorate || len(v.Members) != len(nodes) {
				return false, fmt.Errorf("%s: %d members, quorate %t, stale %t: %s (%v)", n.Name, len(v.Members), v.Quorum.Quorate, v.Stale, v.Quorum.Reason, err)
			}
		}
		return true, nil
	})
}

// whole waits until every node is a member, quorate, and has the device's votes.
func (w *world) whole() {
	w.t.Helper()
	w.verdicts("the cluster is whole", true, w.Nodes()...)
	w.cast(w.Nodes()...)
}

// cast waits until the device's votes count for the nodes.
func (w *world) cast(nodes ...*lab.Node) {
	w.t.Helper()
	w.until("the device's votes count", func(ctx context.Context) (bool, error) {
		for _, n := range nodes {
			v, err := holdfast.View(ctx, n)
			if err != nil || !v.Quorum.Device.Cast {
				return false, fmt.Errorf("%s: %+v %v %s", n.Name, v.Quorum, err, w.device(ctx, n))
			}
		}
		return true, nil
	})
}

func (w *world) device(ctx context.Context, n *lab.Node) string {
	c := n.Client("corosyncd")
	defer c.Close()
	var s api.QdeviceStatus
	if err := c.Call(ctx, "GET", api.PathQdevice, nil, &s); err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%+v", s)
}

// headWriter keeps the beginning of what is written. The program may still write when it is read.
type headWriter struct {
	mu sync.Mutex
	b  strings.Builder
}

func (t *headWriter) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.b.Len() < 64<<10 {
		t.b.Write(p)
	}
	return len(p), nil
}

func (t *headWriter) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.b.String()
}
