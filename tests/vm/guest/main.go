// Command guest is the init of a virtual machine of tests/vm: it mounts, loads modules and carries out orders. With an
// argument it plays a role there.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/holdfast-ha/holdfast/internal/ipc"
	"github.com/holdfast-ha/holdfast/internal/paths"
	"github.com/holdfast-ha/holdfast/tests/vm/order"
)

// portLimit bounds the wait for the virtio-serial port after its driver was loaded.
const portLimit = time.Minute

func main() {
	if len(os.Args) > 1 {
		play(os.Args[1:])
		return
	}
	run := serve
	if os.Getpid() == 1 {
		run = boot
	}
	if err := run(); err != nil {
		fmt.Println("guest:", err)
		_ = unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
	}
}

// boot makes the machine usable and then only waits for children, also for those that others left behind. The
// orders are another process's work, because whoever starts a program waits for it by its id.
func boot() error {
	for _, m := range []struct{ kind, at string }{
		{"proc", "/proc"}, {"sysfs", "/sys"}, {"devtmpfs", "/dev"}, {"tmpfs", "/dev/shm"}, {"tmpfs", "/run"}, {"tmpfs", "/tmp"},
	} {
		if err := os.MkdirAll(m.at, 0o755); err != nil {
			return err
		}
		if err := unix.Mount(m.kind, m.at, m.kind, 0, ""); err != nil {
			return fmt.Errorf("mount %s: %w", m.at, err)
		}
	}
	if err := os.Setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"); err != nil {
		return err
	}
	if err := loadModules("/modules"); err != nil {
		return err
	}
	name := parameter("vm.name")
	if err := unix.Sethostname([]byte(name)); err != nil {
		return fmt.Errorf("host name %s: %w", name, err)
	}
	if err := configureLinks(); err != nil {
		return err
	}
	child := exec.Command("/init")
	child.Stdout, child.Stderr = os.Stdout, os.Stderr
	if err := child.Start(); err != nil {
		return err
	}
	for {
		pid, err := unix.Wait4(-1, nil, 0, nil)
		if err != nil && err != unix.EINTR || pid == child.Process.Pid {
			return fmt.Errorf("the process that carries out orders has ended: %w", err)
		}
	}
}

// loadModules loads the files of a directory in the order of their names.
func loadModules(dir string) error {
	files, err := filepath.Glob(filepath.Join(dir, "*.ko"))
	if err != nil {
		return err
	}
	for _, path := range files {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		err = unix.FinitModule(int(f.Fd()), "", 0)
		f.Close()
		if err != nil && err != unix.EEXIST {
			return fmt.Errorf("load %s: %w", path, err)
		}
	}
	return nil
}

// parameter is one of the kernel's command line, "" when it is not there.
func parameter(name string) string {
	line, _ := os.ReadFile("/proc/cmdline")
	for _, word := range strings.Fields(string(line)) {
		if v, ok := strings.CutPrefix(word, name+"="); ok {
			return v
		}
	}
	return ""
}

// serve carries out orders until the machine ends.
func serve() error {
	port, err := openPort()
	if err != nil {
		return err
	}
	defer port.Close()
	in, out := json.NewDecoder(port), json.NewEncoder(port)
	answer := order.Answer{}
	for {
		if err := out.Encode(answer); err != nil {
			return fmt.Errorf("answer: %w", err)
		}
		var o order.Order
		if err := in.Decode(&o); err != nil {
			return fmt.Errorf("read an order: %w", err)
		}
		if answer, err = carryOut(o); err != nil {
			answer.Error = err.Error()
		}
	}
}

func openPort() (*os.File, error) {
	for until := time.Now().Add(portLimit); ; time.Sleep(10 * time.Millisecond) {
		f, err := os.OpenFile(order.Port, os.O_RDWR, 0)
		if err == nil || time.Now().After(until) {
			return f, err
		}
	}
}

func carryOut(o order.Order) (a order.Answer, err error) {
	switch {
	case len(o.Run) > 0:
		return start(o)
	case o.Kill > 0:
		return a, unix.Kill(o.Kill, unix.Signal(o.Signal))
	case o.Read != "":
		a.Output, err = os.ReadFile(o.Read)
		return a, err
	case o.Write != "":
		if err := os.MkdirAll(filepath.Dir(o.Write), 0o755); err != nil {
			return a, err
		}
		return a, os.WriteFile(o.Write, o.Data, os.FileMode(o.Mode))
	case o.Ask != "":
		a.Output, err = ask(o.Ask, o.Path)
		return a, err
	case o.Network != nil:
		return a, disturb("eth0", *o.Network)
	}
	return a, fmt.Errorf("an empty order: %+v", o)
}

// askLimit bounds a daemon's answer.
const askLimit = 30 * time.Second

func ask(daemon, path string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), askLimit)
	defer cancel()
	client := ipc.NewClient(paths.FromEnv().Socket(daemon))
	defer client.Close()
	var answer json.RawMessage
	err := client.Call(ctx, "GET", path, nil, &answer)
	return answer, err
}

func start(o order.Order) (a order.Answer, err error) {
	cmd := exec.Command(o.Run[0], o.Run[1:]...)
	cmd.Env = append(os.Environ(), o.Env...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if o.Background {
		if err := cmd.Start(); err != nil {
			return a, err
		}
		go func() { fmt.Printf("guest: %s has ended: %v\n", o.Run[0], cmd.Wait()) }() // it ends with the machine at the latest
		return order.Answer{PID: cmd.Process.Pid}, nil
	}
	if o.Console {
		err = cmd.Run()
	} else {
		cmd.Stdout, cmd.Stderr = nil, nil
		a.Output, err = cmd.CombinedOutput()
	}
	if cmd.ProcessState == nil {
		return a, err
	}
	a.Code = cmd.ProcessState.ExitCode()
	return a, nil
}
