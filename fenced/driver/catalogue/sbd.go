package catalogue

import (
	"slices"

	"github.com/holdfast-ha/holdfast/fenced/driver/param"
	"github.com/holdfast-ha/holdfast/fenced/plan/device"
)

// SBD is the agent that the driver of messages on shared disks serves.
func SBD() *param.Agent {
	return &param.Agent{
		Name: "fence_sbd", Short: "Messages on shared disks (sbd)",
		Long:    "Fences a node by a message in its slot on one to three shared disks. The node has to run sbd with a watchdog: it obeys the message, or is reset because it cannot read it. A fence takes the time msgwait of the disks' header; stonith-timeout has to be longer.",
		Notice:  messageNotice,
		Actions: slices.Concat(param.Power(), []param.Action{{Name: device.List}}),
		Params: append(param.Fencing(),
			param.Spec{Name: "devices", Kind: param.String, Text: "Shared disks, separated by commas (default: SBD_DEVICE of this node)"},
			param.Plug(false, "Name of the target's slot, the node's name"),
			param.Spec{Name: "crashdump", Kind: param.Boolean, Default: "0", Text: "Have the target write a crash dump before it restarts"},
			param.Spec{Name: "method", Kind: param.Select, Default: "cycle", Options: []string{"onoff", "cycle"}, Text: "Without effect: a reboot is one message"},
			param.Spec{Name: "sbd_path", Kind: param.String, Default: "/usr/sbin/sbd", Text: "Without effect: the disks are read and written directly"},
			param.Spec{Name: "separator", Kind: param.String, Default: ",", Text: "Without effect"},
		),
	}
}
