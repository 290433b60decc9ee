package vip

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"

	"github.com/mdlayher/packet"
	"github.com/vishvananda/netlink"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// probes is how often the network is asked within the time for the check.
const probes = 3

// wire is access to an interface's frames that are about neighbours. A nil wire, of an interface without
// Ethernet addresses, has nobody to ask or tell.
type wire struct {
	conn *packet.Conn
	mac  net.HardwareAddr
	name string
}

// open gets access to the frames about neighbours of one family of addresses.
func open(l link, v6 bool) (*wire, error) {
	a := l.Attrs()
	if len(a.HardwareAddr) != 6 || a.Flags&net.FlagLoopback != 0 || a.RawFlags&unix.IFF_NOARP != 0 {
		return nil, nil
	}
	proto, cfg := etherARP, &packet.Config{}
	if v6 {
		proto = etherIPv6
		filter, err := bpf.Assemble([]bpf.Instruction{
			bpf.LoadAbsolute{Off: 14 + 6, Size: 1}, // next header
			bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 58, SkipTrue: 4},
			bpf.LoadAbsolute{Off: 14 + 40, Size: 1}, // ICMPv6 type
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: icmpAdvertise, SkipTrue: 1},
			bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: icmpSolicit, SkipTrue: 1},
			bpf.RetConstant{Val: 1500},
			bpf.RetConstant{Val: 0},
		})
		if err != nil {
			return nil, err
		}
		cfg.Filter = filter
	}
	ifi := &net.Interface{Index: a.Index, Name: a.Name, MTU: a.MTU, HardwareAddr: a.HardwareAddr, Flags: a.Flags}
	conn, err := packet.Listen(ifi, packet.Raw, proto, cfg)
	if err != nil {
		return nil, fmt.Errorf("packet socket on %s: %w", a.Name, err)
	}
	return &wire{conn: conn, mac: a.HardwareAddr, name: a.Name}, nil
}

func (w *wire) close() {
	if w != nil {
		w.conn.Close()
	}
}

func (w *wire) send(frame []byte) error {
	if _, err := w.conn.WriteTo(frame, &packet.Addr{HardwareAddr: net.HardwareAddr(frame[:6])}); err != nil {
		return fmt.Errorf("send on %s: %w", w.name, err)
	}
	return nil
}

// announce tells the neighbours where the address is.
func (w *wire) announce(ip netip.Addr) error {
	if w == nil {
		return nil
	}
	for _, frame := range announcements(w.mac, ip) {
		if err := w.send(frame); err != nil {
			return err
		}
	}
	return nil
}

// file is a second descriptor of the socket.
func (w *wire) file() (*os.File, error) {
	raw, err := w.conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	var dup int
	var derr error
	if err := raw.Control(func(fd uintptr) { dup, derr = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0) }); err != nil {
		return nil, err
	}
	if derr != nil {
		return nil, derr
	}
	return os.NewFile(uintptr(dup), "packet socket"), nil
}

// AnnounceFlag makes this program tell the neighbours of an address; Announce reads the arguments after it.
const AnnounceFlag = "--announce"

// announceLater goes on announcing in a process of its own, so that the start need not wait for it. That
// process gets the socket, too, only to be the last who closes it: the kernel takes some 10 ms for that.
func announceLater(w *wire, l link, ip netip.Addr, n int, gap time.Duration) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	socket, err := w.file()
	if err != nil {
		return err
	}
	defer socket.Close()
	cmd := exec.Command(self, AnnounceFlag, strconv.Itoa(l.Attrs().Index), ip.String(), strconv.Itoa(n), gap.String())
	cmd.Dir, cmd.Env, cmd.ExtraFiles = "/", []string{}, []*os.File{socket}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	return cmd.Process.Release()
}

// maxAnnouncing bounds the life of the process that announces.
const maxAnnouncing = time.Minute

// Announce is that process. It ends at once when the address is gone, because announcing an address that
// is already elsewhere would draw the traffic here.
func Announce(args []string) error {
	if len(args) != 4 {
		return errors.New("announce: want interface index, address, count and gap")
	}
	index, err1 := strconv.Atoi(args[0])
	ip, err2 := netip.ParseAddr(args[1])
	n, err3 := strconv.Atoi(args[2])
	gap, err4 := time.ParseDuration(args[3])
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return fmt.Errorf("announce: %w", err)
	}
	end := time.Now().Add(maxAnnouncing)
	for i := 0; i < n && time.Now().Add(gap).Before(end); i++ {
		time.Sleep(gap)
		l, err := netlink.LinkByIndex(index)
		if err != nil {
			return nil
		}
		at, err := find(settings{ip: ip, nic: l.Attrs().Name})
		if err != nil || at == nil {
			return err
		}
		w, err := open(at, ip.Is6())
		if err != nil {
			return err
		}
		err = w.announce(ip)
		w.close()
		if err != nil {
			return err
		}
	}
	return nil
}

// probe asks the network for the time given who has the address. It returns at the first answer, or nil.
func (w *wire) probe(ctx context.Context, ip netip.Addr, within time.Duration) (net.HardwareAddr, error) {
	if w == nil || within == 0 {
		return nil, nil
	}
	end := time.Now().Add(within)
	buf := make([]byte, 2048)
	for i := range probes {
		if err := w.send(question(w.mac, ip)); err != nil {
			return nil, err
		}
		// The last answers get a full share of the time as well.
		if err := w.conn.SetReadDeadline(end.Add(-within * time.Duration(probes-1-i) / probes)); err != nil {
			return nil, err
		}
		for {
			n, _, err := w.conn.ReadFrom(buf)
			if errors.Is(err, os.ErrDeadlineExceeded) {
				break
			}
			if err != nil {
				return nil, err
			}
			if who := claims(buf[:n], w.mac, ip); who != nil {
				return who, nil
			}
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	return nil, nil
}
