package catalogue

import (
	"github.com/holdfast-ha/holdfast/fenced/driver/param"
)

// Ways to derive reservation keys: values of the parameter key_value.
const (
	KeyByID   = "id"          // fence_scsi's: cluster name and position in the node list
	KeyByHash = "hash"        // fence_scsi's: cluster name and node name
	KeyByLife = "incarnation" // ours: cluster name, node id and when the node's life began
)

// SCSI is the agent that the driver of reservations serves.
func SCSI() *param.Agent {
	return &param.Agent{
		Name: "fence_scsi", Short: "SCSI-3 persistent reservations", Actions: param.Fabric(),
		Long: "Cuts a node off from shared disks by persistent reservations. Each node registers a key with the disks when it joins (unfencing); fencing preempts the key of the target and aborts what it has under way. The disks have to know reservations of the type Write Exclusive, registrants only.",
		Params: append(param.Fencing(),
			param.Spec{Name: "devices", Kind: param.String, Text: "Disks, separated by commas or blanks (default: the physical volumes of shared volume groups)"},
			param.Plug(false, "Name of the node"),
			param.Spec{Name: "key", Kind: param.String, Text: "Key of the node that the action is about (default: derived)"},
			param.Spec{Name: "key_value", Kind: param.Select, Default: KeyByID, Options: []string{KeyByID, KeyByHash, KeyByLife}, Text: "What keys are derived from: position in the node list, the node's name, or node id and incarnation"},
			param.Spec{Name: "reservation", Kind: param.Select, Default: "wero", Options: []string{"wero", "wear"}, Text: "Type of a new reservation: held by one registrant, or by all"},
			param.Spec{Name: "aptpl", Kind: param.Boolean, Default: "0", Text: "Registrations outlive a loss of the storage's power"},
			param.Spec{Name: "readonly", Kind: param.Boolean, Text: "Without effect"},
			param.Spec{Name: "suppress_errors", Old: "suppress-errors", Kind: param.Boolean, Text: "Without effect"},
			param.Spec{Name: "logfile", Kind: param.String, Text: "Without effect"},
			param.Spec{Name: "corosync_cmap_path", Kind: param.String, Text: "Without effect"},
			param.Spec{Name: "sg_persist_path", Kind: param.String, Text: "Without effect"},
			param.Spec{Name: "sg_turs_path", Kind: param.String, Text: "Without effect"},
			param.Spec{Name: "vgs_path", Kind: param.String, Text: "Without effect"},
		),
	}
}
