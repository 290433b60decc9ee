package store

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// fabric is an in-memory network whose cuts behave like a cable that was pulled: what is sent vanishes, and
// nobody is told.
type fabric struct {
	mu    sync.Mutex
	ends  map[string]*endpoint
	cut   map[[2]string]bool
	pipes map[*pipe]bool
}

func newFabric() *fabric {
	return &fabric{ends: make(map[string]*endpoint), cut: make(map[[2]string]bool), pipes: make(map[*pipe]bool)}
}

func pair(a, b string) [2]string {
	if a > b {
		a, b = b, a
	}
	return [2]string{a, b}
}

// join makes the endpoint of a node that has just started.
func (f *fabric) join(name string) *endpoint {
	e := &endpoint{fabric: f, name: name, in: make(chan net.Conn), closed: make(chan struct{})}
	f.mu.Lock()
	f.ends[name] = e
	f.mu.Unlock()
	return e
}

// set cuts or heals the link between two nodes. Connections that were cut are dead after healing.
func (f *fabric) set(a, b string, cut bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cut[pair(a, b)] = cut
	for p := range f.pipes {
		if p.ends != pair(a, b) {
			continue
		}
		if cut {
			p.frozen.Store(true)
		} else if p.frozen.Load() {
			go p.Conn.Close()
		}
	}
}

// isolate cuts or heals all links of a node.
func (f *fabric) isolate(name string, cut bool) {
	f.mu.Lock()
	var others []string
	for o := range f.ends {
		if o != name {
			others = append(others, o)
		}
	}
	f.mu.Unlock()
	for _, o := range others {
		f.set(name, o, cut)
	}
}

type endpoint struct {
	fabric *fabric
	name   string
	in     chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func (e *endpoint) Accept() (net.Conn, error) {
	select {
	case c := <-e.in:
		return c, nil
	case <-e.closed:
		return nil, net.ErrClosed
	}
}

func (e *endpoint) Close() error {
	e.once.Do(func() { close(e.closed) })
	return nil
}

func (e *endpoint) Dial(ctx context.Context, node string) (net.Conn, error) {
	f := e.fabric
	f.mu.Lock()
	to, cut := f.ends[node], f.cut[pair(e.name, node)]
	f.mu.Unlock()
	if cut {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if to == nil {
		return nil, errors.New("connection refused")
	}
	a, b := net.Pipe()
	near, far := f.track(a, e.name, node), f.track(b, e.name, node)
	select {
	case to.in <- far:
		return near, nil
	case <-to.closed:
		return nil, errors.New("connection refused")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (f *fabric) track(c net.Conn, a, b string) *pipe {
	p := &pipe{Conn: c, ends: pair(a, b), fabric: f}
	f.mu.Lock()
	f.pipes[p] = true
	f.mu.Unlock()
	return p
}

// pipe is one end of a connection.
type pipe struct {
	net.Conn
	ends   [2]string
	fabric *fabric
	frozen atomic.Bool
	closed atomic.Bool
}

func (p *pipe) Write(b []byte) (int, error) {
	if p.closed.Load() {
		return 0, net.ErrClosed
	}
	if p.frozen.Load() {
		return len(b), nil
	}
	return p.Conn.Write(b)
}

func (p *pipe) Close() error {
	p.closed.Store(true)
	if p.frozen.Load() {
		return p.Conn.SetDeadline(time.Now()) // this end is closed, the other is not told
	}
	p.fabric.mu.Lock()
	delete(p.fabric.pipes, p)
	p.fabric.mu.Unlock()
	return p.Conn.Close()
}
