package probe

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// patience is how long one request waits: longer than any answer of a living server, shorter than the kernel's
// first repetition of a lost SYN, which would hide when the server came back.
const patience = 250 * time.Millisecond

// Browser asks a web server again and again, each time with a new connection. Requests overlap, so that one
// without an answer does not hold up the next.
type Browser struct {
	answers
	addr  string
	every time.Duration
}

// NewBrowser makes a browser for host:port.
func NewBrowser(addr string, every time.Duration) *Browser { return &Browser{addr: addr, every: every} }

// Run asks until the context ends.
func (b *Browser) Run(ctx context.Context) error {
	var asking sync.WaitGroup
	defer asking.Wait()
	tick := time.NewTicker(b.every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			asking.Go(func() { b.ask(ctx) })
		case <-ctx.Done():
			return nil
		}
	}
}

func (b *Browser) ask(ctx context.Context) {
	asked := time.Now()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", b.addr)
	if err != nil {
		return
	}
	defer conn.Close()
	// Closing without TIME_WAIT: thousands of connections come from this address.
	conn.(*net.TCPConn).SetLinger(0)
	conn.SetDeadline(asked.Add(patience))
	if _, err := fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", b.addr); err != nil {
		return
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
	if err != nil || resp.StatusCode != http.StatusOK {
		return
	}
	b.add(Answer{Asked: asked, At: time.Now(), Text: strings.TrimSpace(string(body))})
}
