package fabric

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// apply brings filters and relays of all plugged nodes in line with the rules.
func (f *Fabric) apply() error {
	var errs []error
	for node := range f.plugged {
		for link := range f.links {
			errs = append(errs, f.filter(cable{node, link}), f.tendRelay(cable{node, link}))
		}
	}
	return errors.Join(errs...)
}

// drop is a share of one sender's frames that a port does not let through to its node.
type drop struct {
	from  int
	share float64
}

// filter puts a program on the port's way out to the node that drops what the rules say. It is classic BPF:
// that needs neither netem nor rights outside of the network namespace.
func (f *Fabric) filter(at cable) error {
	var drops []drop
	for d, how := range f.rules {
		if d.to != at.node || d.link != at.link {
			continue
		}
		if how.Delay > 0 || how.Jitter > 0 {
			how.Loss = 1 // the relay lets through what is not lost
		}
		if how.Loss > 0 {
			drops = append(drops, drop{d.from, how.Loss})
		}
	}
	slices.SortFunc(drops, func(a, b drop) int { return cmp.Compare(a.from, b.from) })
	port, err := netlink.LinkByName(f.port(at.node, at.link))
	if err != nil {
		return err
	}
	program, err := bpf.Assemble(f.program(at.link, drops))
	if err != nil {
		return fmt.Errorf("filter of %s: %w", f.port(at.node, at.link), err)
	}
	index := port.Attrs().Index
	qdisc := &netlink.Clsact{QdiscAttrs: netlink.QdiscAttrs{
		LinkIndex: index, Handle: netlink.MakeHandle(0xffff, 0), Parent: netlink.HANDLE_CLSACT,
	}}
	if err := netlink.QdiscAdd(qdisc); err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("filter of %s: add clsact: %w", f.port(at.node, at.link), err)
	}
	if err := attach(index, program); err != nil {
		return fmt.Errorf("filter of %s: %w", f.port(at.node, at.link), err)
	}
	return nil
}

// Results of a classifier program in direct-action mode.
const (
	actOK   = 0
	actShot = 2
)

// program looks at the sender's hardware address.
func (f *Fabric) program(link int, drops []drop) []bpf.Instruction {
	mac := f.mac(0, link)
	prefix, cluster := binary.BigEndian.Uint32(mac), uint32(mac[4])<<8
	block := 4 // instructions for each drop
	prog := []bpf.Instruction{
		bpf.LoadAbsolute{Off: 6, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: prefix, SkipTrue: 1},
		bpf.RetConstant{Val: actOK},
	}
	for _, d := range drops {
		prog = append(prog,
			bpf.LoadAbsolute{Off: 10, Size: 2},
			bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: cluster | uint32(d.from), SkipTrue: uint8(block)},
			bpf.LoadExtension{Num: bpf.ExtRand},
			bpf.JumpIf{Cond: bpf.JumpGreaterThan, Val: threshold(d.share), SkipTrue: 1},
			bpf.RetConstant{Val: actShot},
			bpf.RetConstant{Val: actOK},
		)
	}
	return append(prog, bpf.RetConstant{Val: actOK})
}

// threshold is the largest random number at which a frame is lost.
func threshold(share float64) uint32 {
	return uint32(min(1, max(0, share)) * math.MaxUint32)
}

// attach replaces the port's program. It is one change: no frame passes in between.
func attach(index int, program []bpf.RawInstruction) error {
	req := nl.NewNetlinkRequest(unix.RTM_NEWTFILTER, unix.NLM_F_CREATE|unix.NLM_F_ACK)
	req.AddData(&nl.TcMsg{
		Family: nl.FAMILY_ALL, Ifindex: int32(index), Handle: 1, Parent: netlink.HANDLE_MIN_EGRESS,
		Info: netlink.MakeHandle(1, nl.Swap16(unix.ETH_P_ALL)),
	})
	req.AddData(nl.NewRtAttr(nl.TCA_KIND, nl.ZeroTerminated("bpf")))
	var ops []byte
	for _, i := range program {
		ops = binary.NativeEndian.AppendUint16(ops, i.Op)
		ops = append(ops, i.Jt, i.Jf)
		ops = binary.NativeEndian.AppendUint32(ops, i.K)
	}
	options := nl.NewRtAttr(nl.TCA_OPTIONS, nil)
	options.AddRtAttr(nl.TCA_BPF_OPS_LEN, nl.Uint16Attr(uint16(len(program))))
	options.AddRtAttr(nl.TCA_BPF_OPS, ops)
	options.AddRtAttr(nl.TCA_BPF_FLAGS, nl.Uint32Attr(nl.TCA_BPF_FLAG_ACT_DIRECT))
	req.AddData(options)
	if _, err := req.Execute(unix.NETLINK_ROUTE, 0); err != nil {
		return fmt.Errorf("attach classic BPF program: %w", err)
	}
	return nil
}
