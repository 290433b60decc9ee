package sbd

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/holdfast-ha/holdfast/fenced/watchdog"
)

// queryWatchdog lists the watchdog devices. Unlike sbd's it starts none of them to find out what they are.
func (c *call) queryWatchdog(context.Context, []string) error {
	_, err := c.discover()
	return err
}

func (c *call) discover() ([]watchdog.Found, error) {
	found, err := watchdog.Discover("/dev", "/sys")
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(c.env.Stdout, "\nDiscovered %d watchdog devices:\n", len(found))
	for i, f := range found {
		identity := cmp.Or(f.Identity, "Error: device hogged via alias major/minor?")
		if f.Active {
			identity = "Busy: " + cmp.Or(f.Holder, "held by the kernel")
		}
		fmt.Fprintf(c.env.Stdout, "\n[%d] %s\nIdentity: %s\nDriver: %s\n", i+1, f.Path, identity, cmp.Or(f.Driver, "<unknown>"))
		if f.Soft() {
			fmt.Fprintln(c.env.Stdout, "CAUTION: Not recommended for use with sbd.")
		}
	}
	return found, nil
}

// testWatchdog starts the watchdog and waits for what it is there for.
func (c *call) testWatchdog(ctx context.Context, _ []string) error {
	if c.settings.WatchdogDevice == "" {
		return fmt.Errorf("the watchdog is switched off, there is nothing to test")
	}
	if _, err := c.discover(); err != nil {
		return err
	}
	if c.onTerminal() {
		fmt.Fprintf(c.env.Stdout, "\nWARNING: %s will be started and not be fed: this machine will be reset\nin %v without being shut down. Programs lose what they have not saved.\n\nProceed? [NO/Proceed] ",
			c.settings.WatchdogDevice, c.settings.WatchdogTimeout)
		if answer, _ := bufio.NewReader(c.env.Stdin).ReadString('\n'); answer != "Proceed\n" {
			fmt.Fprintln(c.env.Stdout, "Aborting watchdog test!!!")
			return nil
		}
	}
	timeout := c.settings.WatchdogTimeout
	fmt.Fprintf(c.env.Stdout, "Initializing %s with a reset countdown of %d seconds ...\n", c.settings.WatchdogDevice, int(timeout/time.Second))
	w, err := watchdog.Arm(c.settings.WatchdogDevice, watchdog.Settings{Timeout: timeout})
	if err != nil {
		fmt.Fprintln(c.env.Stdout, "Failed to initialize watchdog!!!")
		return err
	}
	fmt.Fprintf(c.env.Stdout, "\nNOTICE: The watchdog device is expected to reset the system\n        in %v. If it does not within ten seconds more, it may not be functional.\n", w.Settings().Timeout)
	if err := sleep(ctx, w.Settings().Timeout+10*time.Second); err != nil {
		return w.Disarm()
	}
	_ = w.Disarm()
	return fmt.Errorf("Error: The watchdog device has failed to reboot the system, watchdog may not be functional.") //nolint:staticcheck // sbd's text
}

// onTerminal reports whether a person can be asked.
func (c *call) onTerminal() bool {
	f, ok := c.env.Stdin.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}
