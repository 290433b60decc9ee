// Package ipc is HTTP with JSON over a unix socket: how the commands and the daemons of one node talk.
package ipc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"time"
)

// Error is the body of every answer that is not a success.
type Error struct {
	// Code is the exit code of a command that ends because of this error.
	Code int `json:"code"`
	// Message is a sentence for a person: what failed, on what, and what to do if that is known.
	Message string `json:"message"`
}

func (e *Error) Error() string { return e.Message }

// Errorf makes an Error.
func Errorf(code int, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// codeNotConnected is Pacemaker's exit code for "no such daemon".
const codeNotConnected = 102

// dialTimeout bounds connecting to a local socket whose daemon hangs with a full backlog.
const dialTimeout = 5 * time.Second

// maxReply bounds what a client reads of one answer; a CIB of 10,000 resources with history is far below it.
const maxReply = 512 << 20

// Client calls the daemon behind one socket. The zero value is not usable; its methods are safe for
// concurrent use.
type Client struct {
	who  string // the daemon, for errors
	http *http.Client
}

// NewClient makes a client for the socket. It connects when it is used.
func NewClient(socket string) *Client {
	d := net.Dialer{Timeout: dialTimeout}
	who := strings.TrimSuffix(filepath.Base(socket), ".sock") + " (" + socket + ")"
	return NewClientOn(who, &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return d.DialContext(ctx, "unix", socket)
		},
		MaxIdleConnsPerHost: 4,
		IdleConnTimeout:     30 * time.Second,
		DisableCompression:  true,
	})
}

// NewClientOn makes a client that reaches its daemon in another way; who names the daemon in errors.
func NewClientOn(who string, transport http.RoundTripper) *Client {
	return &Client{who: who, http: &http.Client{Transport: transport}}
}

// Close drops idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Call sends in as JSON (nothing when nil) and reads the answer into out (ignored when nil). An answer that
// is not a success is returned as *Error; a daemon that is not there is an *Error with code 102.
func (c *Client) Call(ctx context.Context, method, path string, in, out any) error {
	resp, err := c.do(ctx, method, path, in)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	defer io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<16))
	if out == nil {
		return nil
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxReply)).Decode(out); err != nil {
		return fmt.Errorf("%s %s: reading the answer: %w", method, path, err)
	}
	return nil
}

func (c *Client) do(ctx context.Context, method, path string, in any) (*http.Response, error) {
	var body io.Reader
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", method, path, err)
		}
		body = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://node"+path, body)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		var op *net.OpError
		if errors.As(err, &op) && op.Op == "dial" {
			return nil, Errorf(codeNotConnected, "%s is not running: %v", c.who, op.Err)
		}
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	if resp.StatusCode/100 == 2 {
		return resp, nil
	}
	defer resp.Body.Close()
	e := &Error{}
	raw, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if json.Unmarshal(raw, e) != nil || e.Message == "" {
		return nil, Errorf(1, "%s %s: %s", method, path, resp.Status)
	}
	return nil, e
}

// Watch reads a stream of values and gives each to fn until fn fails, the context ends or the stream does.
// A stream that ends by itself returns io.EOF.
func Watch[T any](ctx context.Context, c *Client, path string, fn func(T) error) error {
	return WatchAlive(ctx, c, path, func() {}, fn)
}

// WatchAlive is Watch, and calls alive whenever the daemon has said anything, before fn: a value, or that there is
// nothing new (Stream.Alive).
func WatchAlive[T any](ctx context.Context, c *Client, path string, alive func(), fn func(T) error) error {
	resp, err := c.do(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	dec := json.NewDecoder(&sounding{resp.Body, alive})
	for {
		var v T
		if err := dec.Decode(&v); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if errors.Is(err, io.ErrUnexpectedEOF) {
				return io.EOF
			}
			return err
		}
		if err := fn(v); err != nil {
			return err
		}
	}
}

// sounding is a reader that tells of everything that arrives.
type sounding struct {
	io.Reader
	alive func()
}

func (s *sounding) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	if n > 0 {
		s.alive()
	}
	return n, err
}
