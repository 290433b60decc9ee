package store

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/peer"
	"github.com/holdfast-ha/holdfast/crmd/store/content"
	"github.com/holdfast-ha/holdfast/internal/pki"
)

// overTLS makes the stores of c talk over mutual TLS on loopback, as in a real cluster, with the log on disk.
func overTLS(tb testing.TB, c *cluster) {
	tb.Helper()
	ca, err := pki.NewAuthority("shop")
	if err != nil {
		tb.Fatal(err)
	}
	var mu sync.Mutex
	addrs := make(map[string]string)
	resolve := func(node string) []string {
		mu.Lock()
		defer mu.Unlock()
		if a := addrs[node]; a != "" {
			return []string{a}
		}
		return nil
	}
	c.cfg = func(cfg *Config) {
		p, err := peer.New(peer.Config{
			Identity: identity(tb, ca, cfg.Node, filepath.Join(c.root, "pki-"+cfg.Node)),
			Addr:     "127.0.0.1:0", Resolve: resolve, Log: cfg.Log,
		})
		if err != nil {
			tb.Fatal(err)
		}
		mu.Lock()
		addrs[cfg.Node] = p.Addr().String()
		mu.Unlock()
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- p.Run(ctx) }()
		cfg.Network = &tlsNetwork{RaftLayer: p.RaftLayer(), stop: func() {
			cancel()
			if err := <-done; err != nil {
				tb.Error(err)
			}
		}}
	}
}

// tlsNetwork ends its peer with the store that uses it.
type tlsNetwork struct {
	*peer.RaftLayer
	stop func()
}

func (n *tlsNetwork) Close() error {
	err := n.RaftLayer.Close()
	n.stop()
	return err
}

func identity(tb testing.TB, ca *pki.Authority, node, dir string) *pki.Identity {
	tb.Helper()
	csr, key, err := pki.Request(node)
	if err != nil {
		tb.Fatal(err)
	}
	cert, err := ca.Sign(node, csr)
	if err != nil {
		tb.Fatal(err)
	}
	if err := pki.Write(dir, ca.CertPEM, nil, cert, key); err != nil {
		tb.Fatal(err)
	}
	id, err := pki.Load(dir)
	if err != nil {
		tb.Fatal(err)
	}
	return id
}

// percentiles reports the median, the 99th percentile and the maximum in milliseconds.
func percentiles(b *testing.B, took []time.Duration) {
	b.Helper()
	slices.Sort(took)
	ms := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
	b.ReportMetric(ms(took[len(took)/2]), "ms-p50")
	b.ReportMetric(ms(took[len(took)*99/100]), "ms-p99")
	b.ReportMetric(ms(took[len(took)-1]), "ms-max")
}

// sized is a change with a patch of one KiB whose result has the size of a small CIB.
func sized(version int) content.Change {
	return content.Patch{Base: fmt.Sprintf("0.0.%d", version), Version: fmt.Sprintf("0.0.%d", version+1), Diff: strings.Repeat("x", 1024)}
}

func count(doc *cibxml.Element, _ string) (*cibxml.Element, error) {
	var n int
	if _, err := fmt.Sscan(doc.Get("num_updates"), &n); err != nil {
		return nil, err
	}
	return doc.WithAttr("num_updates", fmt.Sprint(n+1)), nil
}

func benchCluster(b *testing.B, voters int) (*cluster, *node) {
	b.Helper()
	c := newCluster(b, b.TempDir())
	overTLS(b, c)
	network := c.cfg
	c.cfg = func(cfg *Config) {
		network(cfg)
		cfg.Patch = count
		cfg.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	c.form(voters)
	return c, c.leader()
}

func BenchmarkPropose(b *testing.B) {
	for _, voters := range []int{1, 2, 3} {
		b.Run(fmt.Sprintf("voters=%d", voters), func(b *testing.B) {
			c, l := benchCluster(b, voters)
			defer c.stopAll()
			var took []time.Duration
			version := 0
			for b.Loop() {
				start := time.Now()
				c.must(l.Propose(b.Context(), sized(version)))
				took = append(took, time.Since(start))
				version++
			}
			percentiles(b, took)
		})
	}
}

// Pipelined changes: what a transition with many results costs.
func BenchmarkSubmit(b *testing.B) {
	for _, voters := range []int{1, 3} {
		b.Run(fmt.Sprintf("voters=%d", voters), func(b *testing.B) {
			c, l := benchCluster(b, voters)
			defer c.stopAll()
			var waiting []*Proposal
			version := 0
			for b.Loop() {
				waiting = append(waiting, l.Submit(sized(version)))
				version++
				if len(waiting) == 256 {
					c.must(waiting[0].Wait(b.Context()))
					waiting = waiting[1:]
				}
			}
			for _, p := range waiting {
				c.must(p.Wait(b.Context()))
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "changes/s")
		})
	}
}

// The leader of three is gone; from Campaign to Ready.
func BenchmarkCampaign(b *testing.B) {
	c, _ := benchCluster(b, 3)
	defer c.stopAll()
	var took []time.Duration
	for b.Loop() {
		b.StopTimer()
		old := c.leader()
		c.stop(old.name)
		best := best(c)
		b.StartTimer()
		start := time.Now()
		c.must(best.Campaign(b.Context()))
		if _, err := best.await(b.Context(), func(st Status) bool { return st.Ready }); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(start))
		b.StopTimer()
		c.start(old.name)
		c.leader()
		b.StartTimer()
	}
	percentiles(b, took)
}

func best(c *cluster) (best *node) {
	for _, name := range c.names() {
		if n := c.nodes[name]; best == nil || n.Last().Compare(best.Last()) > 0 {
			best = n
		}
	}
	return best
}

// One of two nodes is fenced; from Recover to a leader that can write, with a CIB of about 500 KB.
func BenchmarkRecover(b *testing.B) {
	c, l := benchCluster(b, 2)
	defer c.stopAll()
	big := emptyDoc()
	for i := range 5000 {
		big.Append(cibxml.New("primitive", "id", fmt.Sprintf("resource-%d", i), "class", "ocf", "provider", "pacemaker", "type", "Dummy"))
	}
	c.must(l.Propose(b.Context(), content.Replace{Doc: big}))
	c.stop("n1")
	n2 := c.nodes["n2"]
	var took []time.Duration
	for b.Loop() {
		start := time.Now()
		c.must(n2.Recover(b.Context(), n2.Epoch()+1))
		took = append(took, time.Since(start))
	}
	percentiles(b, took)
	b.ReportMetric(float64(len(big.Compact())), "bytes")
}

// The stores work over the real network too.
func TestStore_OverMutualTLS(t *testing.T) {
	c := newCluster(t, t.TempDir())
	overTLS(t, c)
	defer c.stopAll()
	c.form(3)
	c.add(c.leader(), "a")
	want(t, c.same(), []string{"a"})
	c.stop("n1")
	start := time.Now()
	c.must(best(c).Campaign(t.Context()))
	l := c.leader()
	t.Logf("%s leads after %s", l.name, time.Since(start))
	c.add(l, "b")
	c.start("n1")
	want(t, c.same(), []string{"a", "b"})
}
