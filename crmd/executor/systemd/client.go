// Package systemd runs units as cluster resources over D-Bus.
package systemd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/coreos/go-systemd/v22/dbus"
	godbus "github.com/godbus/dbus/v5"
	"golang.org/x/sync/singleflight"
)

// Options say where systemd is. The zero value is the machine's own.
type Options struct {
	// Dial connects to systemd's bus; nil is the system bus. The connection must end with the context.
	Dial func(context.Context) (*godbus.Conn, error)
	// DropIns is where run-time drop-ins of units are put; "" is /run/systemd/system.
	DropIns string
	// Before names the units of this cluster stack. At shutdown systemd stops a unit that the cluster
	// runs only after these, so that the cluster stops it in its own order.
	Before []string
	Log    *slog.Logger
}

// Client talks to systemd. It connects when it is first needed and again after the bus was restarted.
type Client struct {
	o      Options
	life   context.Context // of connections, which outlive the operation that made them
	cancel context.CancelFunc
	dials  singleflight.Group

	mu   sync.Mutex
	conn *dbus.Conn

	reloads   atomic.Uint64 // reloads that have begun
	reloading chan struct{} // capacity 1: held by who reloads
	reloadErr error         // of the last reload; belongs to who holds reloading
}

// New makes a client, without a connection.
func New(o Options) *Client {
	if o.DropIns == "" {
		o.DropIns = "/run/systemd/system"
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Dial == nil {
		o.Dial = dialSystemBus
	}
	c := &Client{o: o, reloading: make(chan struct{}, 1)}
	c.life, c.cancel = context.WithCancel(context.Background())
	return c
}

// Close ends the connection.
func (c *Client) Close() {
	c.cancel()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
}

func dialSystemBus(ctx context.Context) (*godbus.Conn, error) {
	return godbus.ConnectSystemBus(godbus.WithContext(ctx))
}

// errNoBus is what every operation fails with while there is no D-Bus.
var errNoBus = errors.New("no connection to D-Bus")

// connection returns a live connection. A bus that hangs while connecting costs the caller its own time only.
func (c *Client) connection(ctx context.Context) (*dbus.Conn, error) {
	c.mu.Lock()
	conn := c.conn
	c.mu.Unlock()
	if conn != nil && conn.Connected() {
		return conn, nil
	}
	made := c.dials.DoChan("bus", func() (any, error) {
		conn, err := dbus.NewConnection(func() (*godbus.Conn, error) { return c.o.Dial(c.life) })
		if err != nil {
			return nil, err
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.life.Err() != nil {
			conn.Close()
			return nil, c.life.Err()
		}
		if c.conn != nil {
			c.conn.Close()
		}
		c.conn = conn
		return conn, nil
	})
	select {
	case r := <-made:
		if r.Err != nil {
			return nil, fmt.Errorf("%w: %w", errNoBus, r.Err)
		}
		return r.Val.(*dbus.Conn), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// suffixes are the unit types that can be resources.
var suffixes = []string{".service", ".socket", ".mount", ".timer", ".path"}

// UnitName completes a resource type to a unit's name.
func UnitName(typ string) string {
	if slices.ContainsFunc(suffixes, func(s string) bool { return strings.HasSuffix(typ, s) }) {
		return typ
	}
	return typ + ".service"
}

// Description is the unit's own words; the error wraps os.ErrNotExist when there is no such unit.
func (c *Client) Description(ctx context.Context, typ string) (string, error) {
	conn, err := c.connection(ctx)
	if err != nil {
		return "", err
	}
	unit := UnitName(typ)
	load, err := property(ctx, conn, unit, "LoadState")
	if err != nil || load == "not-found" {
		return "", errors.Join(err, fmt.Errorf("systemd unit %s: %w", unit, os.ErrNotExist))
	}
	return property(ctx, conn, unit, "Description")
}

// Known reports whether systemd has loaded the unit or knows that it is masked.
func (c *Client) Known(ctx context.Context, typ string) bool {
	conn, err := c.connection(ctx)
	if err != nil {
		return false
	}
	load, err := property(ctx, conn, UnitName(typ), "LoadState")
	return err == nil && (load == "loaded" || load == "masked")
}

// List names the installed units that can be resources, services without their suffix, sorted without
// regard to case.
func (c *Client) List(ctx context.Context) ([]string, error) {
	conn, err := c.connection(ctx)
	if err != nil {
		return nil, err
	}
	files, err := conn.ListUnitFilesContext(ctx)
	if err != nil {
		return nil, fmt.Errorf("list systemd unit files: %w", err)
	}
	var names []string
	for _, f := range files {
		name := f.Path[strings.LastIndexByte(f.Path, '/')+1:]
		if slices.ContainsFunc(suffixes, func(s string) bool { return strings.HasSuffix(name, s) }) {
			names = append(names, strings.TrimSuffix(name, ".service"))
		}
	}
	slices.SortFunc(names, func(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) })
	return slices.Compact(names), nil
}

// property reads a textual property of a unit. systemd loads the unit for it.
func property(ctx context.Context, conn *dbus.Conn, unit, name string) (string, error) {
	p, err := conn.GetUnitPropertyContext(ctx, unit, name)
	if err != nil {
		return "", err
	}
	s, ok := p.Value.Value().(string)
	if !ok {
		return "", fmt.Errorf("systemd unit %s: property %s is a %s, not a text", unit, name, p.Value.Signature())
	}
	return s, nil
}
