package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/holdfast-ha/holdfast/tests/lab/room"
)

// nodeMain is process 1 of a node. Its orders come through a pipe: one line with the node's description, an
// empty line when the network is there. When the pipe ends so does the node.
func nodeMain([]string) int {
	unix.CloseOnExec(room.LifeFD)
	unix.CloseOnExec(room.ReadyFD)
	ready := os.NewFile(room.ReadyFD, "ready")
	orders := bufio.NewReader(os.NewFile(room.LifeFD, "orders"))
	ended := children()
	if err := bootNode(orders, ready); err != nil {
		fmt.Fprintln(ready, err)
		return 1
	}
	ready.Close()
	go func() {
		orders.ReadByte()
		os.Exit(137)
	}()
	reapUntil(0, ended)
	return 0
}

// bootNode builds the node and starts its command.
func bootNode(orders *bufio.Reader, ready *os.File) error {
	line, err := orders.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("read the node's description: %w", err)
	}
	var n room.Machine
	if err := json.Unmarshal(line, &n); err != nil {
		return fmt.Errorf("read the node's description: %w", err)
	}
	if err := unix.Sethostname([]byte(n.Name)); err != nil {
		return fmt.Errorf("set the host name: %w", err)
	}
	console, err := os.OpenFile(n.Console, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer console.Close()
	if err := buildRoot(n); err != nil {
		return fmt.Errorf("build the root of %s: %w", n.Name, err)
	}
	if err := os.WriteFile("/run/lab-boot", fmt.Appendln(nil, n.Boot), 0o644); err != nil {
		return err
	}
	if err := watchSysrq(); err != nil {
		return err
	}
	if err := loopbackUp(); err != nil {
		return err
	}
	fmt.Fprintln(ready, "built")
	if _, err := orders.ReadBytes('\n'); err != nil {
		return fmt.Errorf("wait for the network: %w", err)
	}
	null, err := os.Open("/dev/null")
	if err != nil {
		return err
	}
	for fd, f := range map[int]*os.File{0: null, 1: console, 2: console} {
		if err := unix.Dup2(int(f.Fd()), fd); err != nil {
			return err
		}
	}
	if len(n.Command) > 0 {
		if _, err := start(n.Command[0], n.Command[1:], n.Env); err != nil {
			return err
		}
	}
	fmt.Fprintln(ready, "ok")
	return nil
}

// sysrq stands in for /proc/sysrq-trigger, by which a node resets itself.
const sysrq = "/run/lab-sysrq"

// watchSysrq makes a write to /proc/sysrq-trigger end this node, and not the machine.
func watchSysrq() error {
	const trigger = "/proc/sysrq-trigger"
	if !exists(trigger) {
		return nil // a kernel without it
	}
	if err := unix.Mkfifo(sysrq, 0o600); err != nil {
		return fmt.Errorf("make %s: %w", sysrq, err)
	}
	// Open for reading and writing, so that it neither waits for a writer nor ends with the first one.
	fifo, err := os.OpenFile(sysrq, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	if err := unix.Mount(sysrq, trigger, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("cover %s: %w", trigger, err)
	}
	go func() {
		var buf [1]byte
		for {
			n, err := fifo.Read(buf[:])
			if err != nil {
				return
			}
			switch buf[0] {
			case 'b', 'o', 'c':
				if n == 1 {
					syscall.Exit(138)
				}
			}
		}
	}()
	return nil
}
