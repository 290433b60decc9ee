package systemd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/dbus"
	godbus "github.com/godbus/dbus/v5"

	"github.com/holdfast-ha/holdfast/cib/lrm"
	"github.com/holdfast-ha/holdfast/internal/atomicfile"
)

// Answer is what came of an operation.
type Answer struct {
	Status lrm.Status
	RC     lrm.RC
	Reason string
}

var answerOK = Answer{Status: lrm.Done, RC: lrm.RCOK}

// Start starts a unit and waits until systemd's job has ended and the unit is active. The context's
// deadline is the operation's timeout.
func (c *Client) Start(ctx context.Context, typ string) Answer {
	return c.answer(ctx, typ, func(conn *dbus.Conn, unit string) (Answer, error) {
		if err := exists(ctx, conn, unit); err != nil {
			return Answer{}, err
		}
		if err := c.claim(ctx, conn, unit); err != nil {
			return Answer{}, err
		}
		state, err := c.job(ctx, conn, unit, conn.StartUnitContext)
		if err != nil || running(state) {
			return answerOK, err
		}
		return Answer{Status: lrm.Done, RC: lrm.RCError,
			Reason: fmt.Sprintf("systemd unit %s is %s after its start%s", unit, state, why(ctx, conn, unit))}, nil
	})
}

// Stop stops a unit and waits until it is inactive. A unit that does not exist is stopped.
func (c *Client) Stop(ctx context.Context, typ string) Answer {
	a := c.answer(ctx, typ, func(conn *dbus.Conn, unit string) (Answer, error) {
		state, err := c.job(ctx, conn, unit, conn.StopUnitContext)
		if err != nil {
			return Answer{}, err
		}
		if running(state) {
			return Answer{Status: lrm.Done, RC: lrm.RCError,
				Reason: fmt.Sprintf("systemd unit %s is still %s after its stop", unit, state)}, nil
		}
		return answerOK, c.disown(ctx, conn, unit)
	})
	if a.Status == lrm.NotInstalled {
		return answerOK
	}
	return a
}

// Monitor tells whether a unit is active. While it is on its way to another state Monitor waits, up to
// the context's deadline.
func (c *Client) Monitor(ctx context.Context, typ string) Answer {
	return c.answer(ctx, typ, func(conn *dbus.Conn, unit string) (Answer, error) {
		if err := exists(ctx, conn, unit); err != nil {
			return Answer{}, err
		}
		state, err := settled(ctx, conn, unit)
		if err != nil || running(state) {
			return answerOK, err
		}
		return Answer{Status: lrm.Done, RC: lrm.RCNotRunning, Reason: state}, nil
	})
}

// errNotFound is an operation on a unit that systemd does not know.
var errNotFound = errors.New("not found")

// answer runs an operation and turns its error into what Pacemaker reports for it.
func (c *Client) answer(ctx context.Context, typ string, op func(*dbus.Conn, string) (Answer, error)) Answer {
	unit := UnitName(typ)
	conn, err := c.connection(ctx)
	var a Answer
	if err == nil {
		a, err = op(conn, unit)
	}
	var call godbus.Error
	switch {
	case err == nil:
		return a
	case ctx.Err() != nil && errors.Is(ctx.Err(), context.DeadlineExceeded):
		return Answer{Status: lrm.Timeout, RC: lrm.RCError,
			Reason: "Investigate reason for timeout, and adjust configured operation timeout if necessary"}
	case errors.Is(err, errNoBus), errors.Is(err, godbus.ErrClosed):
		c.o.Log.Warn("systemd cannot be reached", "err", err)
		return Answer{Status: lrm.Error, RC: lrm.RCError, Reason: "No DBus connection"}
	case errors.Is(err, errNotFound), errors.As(err, &call) && unknownUnit(call.Name):
		return Answer{Status: lrm.NotInstalled, RC: lrm.RCNotInstalled, Reason: "systemd unit " + typ + " not found"}
	default:
		return Answer{Status: lrm.Error, RC: lrm.RCError, Reason: fmt.Sprintf("systemd unit %s: %v", unit, err)}
	}
}

func unknownUnit(name string) bool {
	switch strings.TrimPrefix(name, "org.freedesktop.systemd1.") {
	case "NoSuchUnit", "LoadFailed":
		return true
	}
	return name == "org.freedesktop.DBus.Error.InvalidName"
}

func exists(ctx context.Context, conn *dbus.Conn, unit string) error {
	load, err := property(ctx, conn, unit, "LoadState")
	if err == nil && load == "not-found" {
		return errNotFound
	}
	return err
}

func running(state string) bool {
	return state == "active" || state == "reloading" || state == "refreshing"
}

func moving(state string) bool { return state == "activating" || state == "deactivating" }

// job asks for a start or stop and waits until the unit has no job any more and a final state. The job is
// looked at again and again, because go-systemd's way to be told of its end makes all operations wait for
// each other on one lock while systemd does not answer.
func (c *Client) job(ctx context.Context, conn *dbus.Conn, unit string,
	ask func(context.Context, string, string, chan<- string) (int, error)) (state string, err error) {
	if _, err := ask(ctx, unit, "replace", nil); err != nil {
		return "", err
	}
	err = poll(ctx, func() (bool, error) {
		p, err := conn.GetUnitPropertyContext(ctx, unit, "Job")
		if err != nil {
			return false, err
		}
		job, ok := p.Value.Value().([]any) // (number, path); 0 is none
		return ok && len(job) > 0 && job[0] == uint32(0), nil
	})
	if err != nil {
		return "", err
	}
	return settled(ctx, conn, unit)
}

// settled reads the unit's state until it is not on its way to another.
func settled(ctx context.Context, conn *dbus.Conn, unit string) (state string, err error) {
	err = poll(ctx, func() (bool, error) {
		state, err = property(ctx, conn, unit, "ActiveState")
		return !moving(state), err
	})
	return state, err
}

// poll asks until the answer is yes, at first often, for units that start at once, and then seldom.
func poll(ctx context.Context, done func() (bool, error)) error {
	for wait := 5 * time.Millisecond; ; wait = min(2*wait, 500*time.Millisecond) {
		if ok, err := done(); ok || err != nil {
			return err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// why adds the reason that systemd knows for a service that failed.
func why(ctx context.Context, conn *dbus.Conn, unit string) string {
	if !strings.HasSuffix(unit, ".service") {
		return ""
	}
	p, err := conn.GetUnitTypePropertyContext(ctx, unit, "Service", "Result")
	if err != nil {
		return ""
	}
	if s, ok := p.Value.Value().(string); ok && s != "" && s != "success" {
		return " (result " + s + ")"
	}
	return ""
}

// dropIn is the file that makes a unit the cluster's for as long as the cluster runs it.
func (c *Client) dropIn(unit string) string {
	return filepath.Join(c.o.DropIns, unit+".d", "50-holdfast.conf")
}

// claim tells systemd not to restart the unit by itself and to stop it only after the cluster stack.
// Reloading all of systemd's configuration is slow, so it is done only for a file that is new.
func (c *Client) claim(ctx context.Context, conn *dbus.Conn, unit string) error {
	text := "[Unit]\nDescription=Cluster Controlled " + strings.TrimSuffix(unit, ".service") + "\n"
	if len(c.o.Before) > 0 {
		text += "Before=" + strings.Join(c.o.Before, " ") + "\n"
	}
	if strings.HasSuffix(unit, ".service") {
		text += "\n[Service]\nRestart=no\n"
	}
	path := c.dropIn(unit)
	if old, err := os.ReadFile(path); err == nil && string(old) == text {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("put a drop-in: %w", err)
	}
	if err := atomicfile.Write(path, []byte(text), 0o644); err != nil {
		return err
	}
	return c.reload(ctx, conn)
}

// disown gives the unit back to systemd.
func (c *Client) disown(ctx context.Context, conn *dbus.Conn, unit string) error {
	path := c.dropIn(unit)
	if err := os.Remove(path); err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		return fmt.Errorf("remove a drop-in: %w", err)
	}
	_ = os.Remove(filepath.Dir(path)) // stays if somebody else has a drop-in there
	return c.reload(ctx, conn)
}

// reload makes systemd read its configuration, which may take it a second. Operations that ask while one is
// under way share the next one: all that counts is that it began after their change.
func (c *Client) reload(ctx context.Context, conn *dbus.Conn) error {
	seen := c.reloads.Load()
	select {
	case c.reloading <- struct{}{}:
		defer func() { <-c.reloading }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if c.reloads.Load() > seen && c.reloadErr == nil {
		return nil
	}
	c.reloads.Add(1)
	c.reloadErr = conn.ReloadContext(ctx)
	if c.reloadErr != nil {
		return fmt.Errorf("reload systemd's configuration: %w", c.reloadErr)
	}
	return nil
}
