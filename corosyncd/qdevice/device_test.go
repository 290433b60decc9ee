package qdevice

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/hcs/qdevice/service"
	"github.com/holdfast-ha/holdfast/qdevice/client"
	"github.com/holdfast-ha/holdfast/qdevice/credentials"
	"github.com/holdfast-ha/holdfast/qdevice/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rig is a node with a server of ours on loopback.
type rig struct {
	t          *testing.T
	server     string // directories of the certificates
	node       string
	port       int
	stopServer func()
	device     *Device

	mu     sync.Mutex
	votes  []client.Vote
	wanted int
}

func newRig(t *testing.T) *rig {
	r := &rig{t: t, server: t.TempDir(), node: t.TempDir()}
	if err := credentials.Setup(r.server); err != nil {
		t.Fatal(err)
	}
	r.serve()
	t.Cleanup(func() { r.stopServer() })
	d, err := New(Config{Dir: r.node, Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Want: func() { r.mu.Lock(); r.wanted++; r.mu.Unlock() },
		Vote: func(_ context.Context, v client.Vote, _ bool) {
			r.mu.Lock()
			r.votes = append(r.votes, v)
			r.mu.Unlock()
		}})
	if err != nil {
		t.Fatal(err)
	}
	r.device = d
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return r
}

// serve starts the server, on the port that it had before.
func (r *rig) serve() {
	r.t.Helper()
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: r.port})
	if err != nil {
		r.t.Fatal(err)
	}
	r.port = l.Addr().(*net.TCPAddr).Port
	admin, err := net.Listen("unix", filepath.Join(r.t.TempDir(), "s"))
	if err != nil {
		r.t.Fatal(err)
	}
	config, err := credentials.ServerConfig(r.server, true)
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	s := service.New(service.Config{Listener: l, Admin: admin, TLS: wire.TLSRequired, Credentials: config, ClientCert: true, MaxClients: 4, Log: slog.New(slog.DiscardHandler)})
	go func() { done <- s.Run(ctx) }()
	r.stopServer = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			r.t.Error(err)
		}
	})
}

// certify gives the node a certificate for a cluster.
func (r *rig) certify(cluster string) {
	r.t.Helper()
	request, err := credentials.Request(r.node, cluster)
	if err != nil {
		r.t.Fatal(err)
	}
	cert, err := credentials.Sign(r.server, cluster, request)
	if err != nil {
		r.t.Fatal(err)
	}
	ca, err := os.ReadFile(credentials.CAPath(r.server))
	if err != nil {
		r.t.Fatal(err)
	}
	n, err := credentials.Complete(r.node, cluster, ca, cert)
	if err == nil {
		err = n.Write(r.node)
	}
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) settings(commands ...[]string) *Settings {
	s := &Settings{Host: "127.0.0.1", Port: r.port, ServerName: credentials.ServerName, Commands: commands, Client: client.Config{
		Node: 1, Cluster: "shop", Nodes: []api.NodeID{1, 2}, Algorithm: wire.FFSplit, TieBreaker: wire.TieBreaker{Mode: wire.TieLowest}, Server: "q",
		Timeout: time.Second, Heartbeat: time.Second, ConnectTimeout: 5 * time.Second}}
	if len(commands) > 0 {
		s.Client.Heuristics = client.Heuristics{Mode: client.HeuristicsSync, Timeout: 10 * time.Second, SyncTimeout: 10 * time.Second, Interval: time.Hour}
	}
	return s
}

func (r *rig) use(s *Settings) {
	r.t.Helper()
	if err := r.device.Use(r.t.Context(), s); err != nil {
		r.t.Fatal(err)
	}
}

// alone is a view of node 1 in a ring.
func (r *rig) alone(seq uint64) {
	r.device.View(&api.View{Ring: api.RingID{Rep: 1, Seq: seq}, Members: []api.Member{{ID: 1}}})
}

// until waits for a condition that sockets and processes bring about.
func (r *rig) until(what string, ok func() bool) {
	r.t.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			s, _, _ := r.device.Status()
			r.t.Fatalf("not within 10 s: %s; %+v, votes %+v", what, s, r.votes)
		}
	}
}

func (r *rig) last() client.Vote {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.votes) == 0 {
		return client.Vote{}
	}
	return r.votes[len(r.votes)-1]
}

func (r *rig) cast(seq uint64, yes bool) func() bool {
	return func() bool {
		return r.last() == client.Vote{Ring: api.RingID{Rep: 1, Seq: seq}, Answered: true, Cast: yes}
	}
}

func TestDevice_TheServerGoesAndComes(t *testing.T) {
	r := newRig(t)
	r.certify("shop")
	r.alone(4)
	r.use(r.settings())
	r.until("the vote", r.cast(4, true))
	r.stopServer()
	r.until("it is lost", r.cast(4, false))
	r.serve()
	r.until("it is back", r.cast(4, true))
	r.alone(8)
	r.until("that of the next ring", r.cast(8, true))
	if err := credentials.RenewServer(r.server); err != nil {
		t.Fatal(err)
	}
	r.certify("shop")
	if err := r.device.Reconnect(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.until("with new certificates", r.cast(8, true))
	r.use(nil)
	if _, _, ok := r.device.Status(); ok || r.last() != (client.Vote{}) {
		t.Error("it is still there")
	}
}

func TestDevice_CertificatesAreAskedForAndChecked(t *testing.T) {
	r := newRig(t)
	r.alone(4)
	r.use(r.settings())
	r.until("it asks for certificates", func() bool { r.mu.Lock(); defer r.mu.Unlock(); return r.wanted > 0 })
	r.certify("bank")
	if err := r.device.Reconnect(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.until("that of another cluster is refused", func() bool {
		s, _, _ := r.device.Status()
		return s.State == "Disconnected" && s.Problem == "the server has closed the connection"
	})
	r.certify("shop")
	s := r.settings()
	s.ServerName = "Somebody"
	s.Client.Server = "else"
	r.use(s)
	r.until("a server of another name is refused", func() bool {
		s, _, _ := r.device.Status()
		return s.Problem == `TLS: the server is not the one it should be: its certificate is that of "Qnetd Server", not of "Somebody"`
	})
	r.use(r.settings())
	r.until("and all is well", r.cast(4, true))
}

func TestDevice_HeuristicsAreRunWithoutAShell(t *testing.T) {
	r := newRig(t)
	r.certify("shop")
	file := filepath.Join(t.TempDir(), "a file; false")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r.alone(4)
	r.use(r.settings([]string{"/usr/bin/test", "-e", file}, []string{"/bin/sh", "-c", "exit 0"}))
	r.until("they pass", func() bool {
		s, _, _ := r.device.Status()
		return s.Connect == wire.HeuristicsPass && s.State == "Connected"
	})
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	r.alone(8)
	r.until("one fails", func() bool { s, _, _ := r.device.Status(); return s.Membership == wire.HeuristicsFail })
	r.until("nobody else is there", r.cast(8, true))
}

// Whatever a stranger sends, the server goes on serving, and gives him up.
func TestService_StrangersDoNoHarm(t *testing.T) {
	r := newRig(t)
	r.certify("shop")
	r.alone(4)
	r.use(r.settings())
	r.until("the vote", r.cast(4, true))
	huge := binary.BigEndian.AppendUint32([]byte{0, 0}, 1<<31)
	preinit := (&wire.Message{Type: wire.Preinit, Cluster: "shop"}).With(wire.OptCluster).Append(nil)
	starttls := (&wire.Message{Type: wire.StartTLS}).Append(nil)
	for _, bytes := range [][]byte{huge, []byte("GET / HTTP/1.0\r\n\r\n"), append(append(preinit, starttls...), "no TLS at all..."...)} {
		c, err := net.DialTCP("tcp", nil, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: r.port})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Write(bytes); err != nil {
			t.Fatal(err)
		}
		c.Close()
	}
	// More than the server takes are turned away.
	for range 8 {
		c, err := tls.DialWithDialer(&net.Dialer{Timeout: 20 * time.Millisecond}, "tcp", (&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: r.port}).String(), &tls.Config{InsecureSkipVerify: true})
		if err == nil {
			c.Close()
			t.Error("TLS without being asked for")
		}
	}
	r.alone(8)
	r.until("it still decides", r.cast(8, true))
}
