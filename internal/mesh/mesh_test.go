package mesh

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/holdfast-ha/holdfast/internal/ipc"
	"github.com/holdfast-ha/holdfast/internal/pki"
)

func identity(t *testing.T, ca *pki.Authority, node string) *pki.Identity {
	t.Helper()
	csr, key, err := pki.Request(node)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := ca.Sign(node, csr)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := pki.Write(dir, ca.CertPEM, nil, cert, key); err != nil {
		t.Fatal(err)
	}
	id, err := pki.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func authority(t *testing.T, name string) *pki.Authority {
	t.Helper()
	ca, err := pki.NewAuthority(name)
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

// start runs a node that answers with the name of who asked.
func start(t *testing.T, id *pki.Identity) Resolve {
	t.Helper()
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	l, err := Listen("127.0.0.1:0", id, log, HTTP, Join)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /who", func(w http.ResponseWriter, r *http.Request) { ipc.Reply(w, Peer(r.Context())) })
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 2)
	go func() { done <- l.Run(ctx) }()
	go func() { done <- ipc.ServeConn(ctx, l.Proto(HTTP), mux, log, ConnContext) }()
	t.Cleanup(func() {
		cancel()
		for range 2 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	})
	return func(string) []string { return []string{l.Addr().String()} }
}

func TestClient_NodesKnowEachOtherByCertificate(t *testing.T) {
	ca := authority(t, "shop")
	resolve := start(t, identity(t, ca, "n1"))
	c := NewDialer(identity(t, ca, "n2"), resolve).Client("n1")
	defer c.Close()
	var who string
	if err := c.Call(t.Context(), "GET", "/who", nil, &who); err != nil || who != "n2" {
		t.Errorf("n1 saw %q, %v", who, err)
	}
}

func TestDial_RefusesOtherClustersAndOtherNames(t *testing.T) {
	ca := authority(t, "shop")
	resolve := start(t, identity(t, ca, "n1"))
	stranger := NewDialer(identity(t, authority(t, "other"), "n2"), resolve).Client("n1")
	defer stranger.Close()
	if err := stranger.Call(t.Context(), "GET", "/who", nil, nil); err == nil {
		t.Error("a node of another cluster got in")
	}
	wrong := NewDialer(identity(t, ca, "n2"), resolve).Client("n3")
	defer wrong.Close()
	err := wrong.Call(t.Context(), "GET", "/who", nil, nil)
	if err == nil || !strings.Contains(err.Error(), "n3") {
		t.Errorf("n1 was taken for n3: %v", err)
	}
}
