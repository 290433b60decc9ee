package machine

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/tests/vm/order"
)

const (
	// bootLimit is generous: a processor is emulated, on a machine that has more to do.
	bootLimit = 5 * time.Minute
	// orderLimit bounds an order, the program that it runs included.
	orderLimit = 2 * time.Minute
	// consoleTail is how much of a console is shown when its test fails.
	consoleTail = 6000
)

// Options say what a machine has.
type Options struct {
	Name      string
	Kernel    string
	Initramfs string
	MemoryMB  int
	// Disks are files that the machine has as /dev/vda, /dev/vdb and so on. Others may use them at the same time.
	Disks []string
	// Links are eth0, eth1 and so on.
	Links []Link
	// Init is what takes the machine over when it has modules and links; "" leaves it to the guest.
	Init string
}

// Link is a network interface.
type Link struct {
	Addr string // with the length of the prefix
	// Backend is qemu's -netdev without its id.
	Backend string
}

// Cable is what connects machines that have the same port: multicast on the loopback interface.
func Cable(port int) string {
	return fmt.Sprintf("socket,mcast=230.7.7.7:%d,localaddr=127.0.0.1", port)
}

// Uplink is a network in which 10.0.2.2 is the host's loopback interface.
const Uplink = "user"

// End is how a machine ended.
type End struct {
	// Reason is qemu's: guest-reset, guest-shutdown, host-qmp-quit ..., "" when qemu was killed.
	Reason string
	// At is when qemu's process was gone.
	At time.Time
}

// Machine is a virtual machine.
type Machine struct {
	Name    string
	t       testing.TB
	dir     string
	pid     int
	asking  sync.Mutex // one order at a time
	orders  net.Conn
	in      *json.Decoder
	out     *json.Encoder
	qmp     *monitor
	ended   chan struct{} // closed when qemu's process has been waited for
	end     End           // valid after ended
	endings sync.Once
}

// Start boots a machine and waits until it takes orders. It is killed, and waited for, when the test ends. A
// machine that is reset ends instead of booting anew.
func Start(t testing.TB, o Options) *Machine {
	t.Helper()
	dir, err := os.MkdirTemp("", "vm") // a test's own directory is too long for a socket's path
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	m := &Machine{Name: o.Name, t: t, dir: dir, ended: make(chan struct{})}
	orders, control := m.listen("orders"), m.listen("qmp")
	defer orders.Close()
	defer control.Close()
	if err := m.launch(o); err != nil {
		t.Fatalf("start qemu for %s: %v", o.Name, err)
	}
	t.Cleanup(m.cleanUp)
	m.orders = m.accept(orders)
	m.in, m.out = json.NewDecoder(m.orders), json.NewEncoder(m.orders)
	if m.qmp, err = newMonitor(m.accept(control)); err != nil {
		t.Fatalf("%s: %v", o.Name, err)
	}
	begin := time.Now()
	if _, err := m.answer(bootLimit); err != nil {
		t.Fatalf("%s does not come up: %v", o.Name, err)
	}
	t.Logf("%s has booted in %.1f s", o.Name, time.Since(begin).Seconds())
	return m
}

func (m *Machine) listen(name string) *net.UnixListener {
	m.t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(m.dir, name), Net: "unix"})
	if err != nil {
		m.t.Fatal(err)
	}
	return l
}

func (m *Machine) accept(l *net.UnixListener) net.Conn {
	m.t.Helper()
	_ = l.SetDeadline(time.Now().Add(orderLimit))
	c, err := l.Accept()
	if err != nil {
		said, _ := os.ReadFile(filepath.Join(m.dir, "qemu.log"))
		m.t.Fatalf("qemu of %s has not called: %v: %s", m.Name, err, said)
	}
	return c
}

// launch starts qemu. Its thread stays for it, because qemu is killed when the thread that started it ends, which
// leaves nothing behind when this process is killed.
func (m *Machine) launch(o Options) error {
	log, err := os.Create(filepath.Join(m.dir, "qemu.log"))
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command("qemu-system-x86_64", m.arguments(o)...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		_ = cmd.Wait() // its exit status is 0 for every reason
		m.end.At = time.Now()
		close(m.ended)
	}()
	if err := <-started; err != nil {
		return err
	}
	m.pid = cmd.Process.Pid
	return nil
}

func (m *Machine) arguments(o Options) []string {
	args := []string{"-name", o.Name, "-nodefaults", "-display", "none", "-no-reboot", "-M", "q35", "-smp", "1", "-m", fmt.Sprint(o.MemoryMB)}
	if kvmUsable() {
		args = append(args, "-accel", "kvm", "-cpu", "host")
	} else {
		// Not -cpu max: what it has besides is slower to emulate than to do without.
		args = append(args, "-accel", "tcg,thread=multi", "-cpu", "qemu64")
	}
	args = append(args, "-kernel", o.Kernel, "-initrd", o.Initramfs,
		"-append", "console=ttyS0 panic=-1 quiet tsc=reliable net.ifnames=0 mitigations=off vm.name="+o.Name+addresses(o.Links)+initOf(o),
		"-serial", "file:"+m.consoleFile(),
		"-device", "virtio-serial-pci", "-chardev", "socket,id=orders,path="+filepath.Join(m.dir, "orders"),
		"-device", "virtserialport,chardev=orders,name=orders",
		"-device", "virtio-rng-pci",
		"-chardev", "socket,id=qmp,path="+filepath.Join(m.dir, "qmp"), "-mon", "chardev=qmp,mode=control")
	for i, file := range o.Disks {
		args = append(args, "-drive", fmt.Sprintf("if=none,id=disk%d,file=%s,format=raw,cache=none,aio=threads,file.locking=off", i, file),
			"-device", fmt.Sprintf("virtio-blk-pci,drive=disk%d,share-rw=on", i))
	}
	for i, l := range o.Links {
		args = append(args, "-netdev", fmt.Sprintf("%s,id=net%d", l.Backend, i),
			"-device", fmt.Sprintf("virtio-net-pci,netdev=net%d,mac=%s", i, hardwareAddr(o.Name, i)))
	}
	return args
}

// hardwareAddr differs between the machines of a cable.
func hardwareAddr(name string, link int) net.HardwareAddr {
	sum := sha256.Sum256([]byte(name))
	return append(net.HardwareAddr{0x52, 0x54, 0}, sum[0], sum[1], byte(link))
}

// addresses is the kernel parameter that tells the machine's init its addresses.
func addresses(links []Link) string {
	var list []string
	for _, l := range links {
		list = append(list, l.Addr)
	}
	if len(list) == 0 {
		return ""
	}
	return " vm.addrs=" + strings.Join(list, ",")
}

func initOf(o Options) string {
	if o.Init == "" {
		return ""
	}
	return " vm.init=" + o.Init
}

// kvmUsable reports whether the processor itself can run an unchanged kernel in a machine. A host that is a
// virtual machine may have /dev/kvm without that; it emulates, and much slower than qemu.
func kvmUsable() bool {
	f, err := os.OpenFile("/dev/kvm", os.O_RDWR, 0)
	if err != nil {
		return false
	}
	f.Close()
	info, err := os.ReadFile("/proc/cpuinfo")
	return err == nil && (strings.Contains(string(info), " vmx ") || strings.Contains(string(info), " svm "))
}

func (m *Machine) consoleFile() string { return filepath.Join(m.dir, "console") }

// Console is everything that was printed on the console.
func (m *Machine) Console() string {
	text, err := os.ReadFile(m.consoleFile())
	if err != nil {
		m.t.Error(err)
	}
	return string(text)
}

// Kill takes the machine's power away and waits until qemu is gone.
func (m *Machine) Kill() {
	select {
	case <-m.ended: // the id may be another process's by now
	default:
		_ = syscall.Kill(m.pid, syscall.SIGKILL)
	}
	<-m.ended
}

func (m *Machine) cleanUp() {
	m.Kill()
	if m.orders != nil {
		m.orders.Close()
	}
	if m.qmp != nil {
		m.qmp.close()
	}
	if m.t.Failed() {
		text := m.Console()
		m.t.Logf("console of %s:\n%s", m.Name, text[max(0, len(text)-consoleTail):])
	}
}

// Wait waits until the machine has ended.
func (m *Machine) Wait(limit time.Duration) (End, error) {
	select {
	case <-m.ended:
		m.endings.Do(func() { m.end.Reason = m.qmp.reason() })
		return m.end, nil
	case <-time.After(limit):
		return End{}, fmt.Errorf("%s still runs after %v", m.Name, limit)
	}
}

// Running reports whether qemu runs.
func (m *Machine) Running() bool {
	select {
	case <-m.ended:
		return false
	default:
		return true
	}
}

// QMP gives qemu a command.
func (m *Machine) QMP(command string, arguments any) error {
	return m.qmp.execute(command, arguments)
}

// Do has an order carried out in the machine.
func (m *Machine) Do(o order.Order) (order.Answer, error) {
	m.asking.Lock()
	defer m.asking.Unlock()
	if err := m.out.Encode(o); err != nil {
		return order.Answer{}, fmt.Errorf("order to %s: %w", m.Name, err)
	}
	return m.answer(orderLimit)
}

func (m *Machine) answer(limit time.Duration) (a order.Answer, err error) {
	if err := m.orders.SetReadDeadline(time.Now().Add(limit)); err != nil {
		return a, err
	}
	if err := m.in.Decode(&a); err != nil {
		return a, fmt.Errorf("answer of %s: %w", m.Name, err)
	}
	if a.Error != "" {
		err = errors.New(m.Name + ": " + a.Error)
	}
	return a, err
}
