// Package watchdog speaks the kernel's watchdog interface: a device that resets the machine unless it is
// written to in time.
package watchdog

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Port is an open watchdog device, which the kernel has started by the opening.
type Port interface {
	Info() (unix.WatchdogInfo, error)
	// SetTimeout sets the whole seconds after which the machine is reset, and returns what the device made of
	// them.
	SetTimeout(seconds int) (int, error)
	Timeout() (int, error)
	// SetPretimeout sets how many seconds before the reset the kernel is told.
	SetPretimeout(seconds int) (int, error)
	BootStatus() (int, error)
	Disable() error
	Write(p []byte) (int, error)
	// Close closes the device. Unless the magic character was written before, it goes on counting.
	Close() error
}

// Settings are what the device is set to.
type Settings struct {
	Timeout    time.Duration
	Pretimeout time.Duration // 0 where it is not wanted or not there
	// KeepTimeout leaves the device's own timeout.
	KeepTimeout bool
}

// Watchdog is an armed device. One goroutine owns it.
type Watchdog struct {
	port     Port
	path     string
	info     unix.WatchdogInfo
	settings Settings
	// ResetBefore tells that the machine's last start followed a reset by this device.
	ResetBefore bool
}

// Arm opens and arms a device. It fails when the device cannot be set to the timeout, because everything else
// is reckoned from it: one that is longer would let a node live that the others believe dead.
func Arm(path string, want Settings) (*Watchdog, error) {
	port, err := open(path)
	if err != nil {
		return nil, err
	}
	w, err := arm(path, port, want)
	if err != nil {
		// What was started is stopped again, as far as the device lets itself be stopped.
		return nil, errors.Join(err, (&Watchdog{port: port, path: path}).Disarm())
	}
	return w, nil
}

func arm(path string, port Port, want Settings) (*Watchdog, error) {
	w := &Watchdog{port: port, path: path, settings: want}
	var err error
	if w.info, err = port.Info(); err != nil {
		return nil, fmt.Errorf("%s is not a watchdog: %w", path, err)
	}
	if status, err := port.BootStatus(); err == nil {
		w.ResetBefore = status&unix.WDIOF_CARDRESET != 0
	}
	if !want.KeepTimeout {
		if err := w.setTimeout(want.Timeout); err != nil {
			return nil, err
		}
	}
	seconds, err := port.Timeout()
	switch actual := time.Duration(seconds) * time.Second; {
	case err != nil:
		return nil, fmt.Errorf("read the timeout of %s back: %w", path, err)
	case !want.KeepTimeout && actual > want.Timeout:
		return nil, fmt.Errorf("%s is set to %v and reads %v: choose a timeout that it can keep, or another device", path, want.Timeout, actual)
	case actual <= 0:
		return nil, fmt.Errorf("%s has no timeout", path)
	default:
		w.settings.Timeout = actual
	}
	w.settings.Pretimeout = w.setPretimeout(want.Pretimeout)
	return w, w.Pet()
}

func (w *Watchdog) setTimeout(d time.Duration) error {
	if d < time.Second || d%time.Second != 0 {
		return fmt.Errorf("%s: a watchdog timeout is whole seconds, not %v", w.path, d)
	}
	if _, err := w.port.SetTimeout(int(d / time.Second)); err != nil {
		return fmt.Errorf("set the timeout of %s (%s) to %v: %w; the device may have a range, see its driver's documentation", w.path, w.Identity(), d, err)
	}
	return nil
}

// setPretimeout sets what the device can; nobody relies on it.
func (w *Watchdog) setPretimeout(d time.Duration) time.Duration {
	if d <= 0 || w.info.Options&unix.WDIOF_PRETIMEOUT == 0 || d >= w.settings.Timeout {
		return 0
	}
	n, err := w.port.SetPretimeout(int(d / time.Second))
	if err != nil {
		return 0
	}
	return time.Duration(n) * time.Second
}

// Settings are what the device says that it is set to.
func (w *Watchdog) Settings() Settings { return w.settings }

// Identity is the driver's name for the device.
func (w *Watchdog) Identity() string { return unix.ByteSliceToString(w.info.Identity[:]) }

// Pet makes the device count from the beginning.
func (w *Watchdog) Pet() error {
	if _, err := w.port.Write([]byte{0}); err != nil {
		return fmt.Errorf("pet %s: %w", w.path, err)
	}
	return nil
}

// SetTimeout changes the timeout of an armed device.
func (w *Watchdog) SetTimeout(d time.Duration) error { return w.setTimeout(d) }

// disarmTries is how often the magic character is written until the device takes it.
const disarmTries = 5

// Disarm stops the device and closes it: for an orderly stop only. A device whose driver does not let itself
// be stopped (nowayout) goes on counting, which is an error.
func (w *Watchdog) Disarm() error {
	disable := w.port.Disable()
	var magic error
	for range disarmTries {
		if _, magic = w.port.Write([]byte{'V'}); magic == nil {
			break
		}
	}
	err := w.port.Close()
	if magic != nil && disable != nil {
		return fmt.Errorf("stop %s: %w; it goes on counting and will reset this machine", w.path, errors.Join(disable, magic))
	}
	if err != nil {
		return fmt.Errorf("close %s: %w", w.path, err)
	}
	return nil
}

// Abandon closes the device without stopping it: it resets the machine after its timeout, whatever else
// happens.
func (w *Watchdog) Abandon() error { return w.port.Close() }

// open opens a device of the kernel, which starts it.
func open(path string) (Port, error) {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("open watchdog: %w; load a driver, softdog where the machine has no hardware for it", err)
	case errors.Is(err, unix.EBUSY):
		return nil, fmt.Errorf("open watchdog: %w; only one program can use it: look for another with `sbd query-watchdog`", err)
	case err != nil:
		return nil, fmt.Errorf("open watchdog: %w", err)
	}
	return kernelPort{f}, nil
}
