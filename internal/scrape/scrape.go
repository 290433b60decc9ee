// Package scrape lets Prometheus read a daemon's metrics, over its socket and over TCP.
package scrape

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/holdfast-ha/holdfast/internal/exposition"
)

// Path is where metrics are read.
const Path = "/metrics"

// Handler answers with what collect gives. It may be called by several clients at once.
func Handler(collect func(ctx context.Context) string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		// The client is gone when this fails.
		_, _ = io.WriteString(w, collect(r.Context()))
	})
}

// Bounds of a client over TCP.
const (
	readTimeout  = 5 * time.Second
	writeTimeout = 30 * time.Second
	maxHeader    = 16 << 10
	// maxClients bounds the connections: metrics must not cost a node its memory.
	maxClients = 16
	// lookAgain is the pause before the address is asked for again, or tried again: it may not be there yet.
	lookAgain = 5 * time.Second
)

// Serve answers over TCP until ctx ends. address is asked again every few seconds, so that it may change; "" does
// not listen. That nothing can listen does not end the daemon.
func Serve(ctx context.Context, address func() string, collect func(ctx context.Context) string, log *slog.Logger) error {
	mux := http.NewServeMux()
	mux.Handle("GET "+Path, Handler(collect))
	for ctx.Err() == nil {
		addr := address()
		one, cancel := context.WithCancel(ctx)
		done := make(chan error, 1)
		if addr == "" {
			done <- nil
		} else {
			go func() { done <- serve(one, addr, mux) }()
		}
		for ctx.Err() == nil && address() == addr {
			select {
			case <-time.After(lookAgain):
			case err := <-done:
				if err != nil {
					log.Warn("metrics cannot be read over the network", "address", addr, "err", err)
					addr += " failed" // try again
				}
				done <- nil
				sleep(ctx, lookAgain)
			case <-ctx.Done():
			}
		}
		cancel()
		<-done
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

func serve(ctx context.Context, addr string, h http.Handler) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: h, ReadTimeout: readTimeout, WriteTimeout: writeTimeout, MaxHeaderBytes: maxHeader}
	stop := context.AfterFunc(ctx, func() { srv.Close() })
	defer stop()
	err = srv.Serve(&limited{Listener: l, slots: make(chan struct{}, maxClients)})
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// limited accepts only so many connections at once.
type limited struct {
	net.Listener
	slots chan struct{}
}

func (l *limited) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		select {
		case l.slots <- struct{}{}:
			return &slot{Conn: c, l: l}, nil
		default:
			c.Close()
		}
	}
}

type slot struct {
	net.Conn
	l    *limited
	once sync.Once
}

// Close frees the slot.
func (s *slot) Close() error {
	s.once.Do(func() { <-s.l.slots })
	return s.Conn.Close()
}

// Process adds what every process tells of itself, under the names that Prometheus's clients use.
func Process(p *exposition.Page) {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) == nil {
		p.Counter("process_cpu_seconds_total", "User and system CPU time spent in seconds.").Add(time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds())
	}
	if raw, err := os.ReadFile("/proc/self/statm"); err == nil {
		if f := strings.Fields(string(raw)); len(f) > 1 {
			pages, _ := strconv.ParseFloat(f[1], 64)
			p.Gauge("process_resident_memory_bytes", "Resident memory size in bytes.").Add(pages * float64(os.Getpagesize()))
		}
	}
	p.Gauge("go_goroutines", "Number of goroutines that currently exist.").Add(float64(runtime.NumGoroutine()))
}

// Read reads the metrics of another daemon on this node.
func Read(ctx context.Context, socket string) (string, error) {
	d := net.Dialer{}
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return d.DialContext(ctx, "unix", socket) }}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://node"+Path, nil)
	if err != nil {
		return "", err
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return "", fmt.Errorf("metrics of %s: %w", socket, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("metrics of %s: %s", socket, resp.Status)
	}
	raw, err := io.ReadAll(io.LimitReader(resp.Body, 8<<20))
	return string(raw), err
}
