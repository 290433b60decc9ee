package catalogue

import (
	"github.com/holdfast-ha/holdfast/fenced/driver/param"
)

// names are the agents, with what their default for lanplus is: the boards of the others have known nothing
// older for fifteen years.
var names = []string{"fence_ipmilan", "fence_ilo3", "fence_ilo4", "fence_ilo5", "fence_idrac", "fence_imm", "fence_ipmilanplus"}

// IPMI are the agents that the IPMI driver serves.
func IPMI() []*param.Agent {
	var list []*param.Agent
	for _, name := range names {
		list = append(list, ipmi(name))
	}
	return list
}

func ipmi(name string) *param.Agent {
	return &param.Agent{
		Name: name, Short: "Power by IPMI over LAN", Actions: param.Power(), Split: true, Notice: cardNotice,
		Long: "Switches a machine off and on through its management card, by IPMI over LAN (RMCP+). Off is believed when the card has read off twice. A card shares its machine's power: add a second fencing level for the case that the machine has none.",
		Params: append(param.Fencing(),
			param.Spec{Name: "ip", Old: "ipaddr", Kind: param.String, Text: "Address or host name of the management card"},
			param.Spec{Name: "ipport", Kind: param.Integer, Default: "623", Text: "UDP port of the management card"},
			param.Spec{Name: "username", Old: "login", Kind: param.String, Text: "User of the management card"},
			param.Spec{Name: "password", Old: "passwd", Kind: param.String, Text: "Password"},
			param.Spec{Name: "password_script", Old: "passwd_script", Kind: param.String, Text: "Program that prints the password"},
			param.Spec{Name: "cipher", Kind: param.Integer, Text: "Cipher suite (default: 17, and 3 where the card refuses that)"},
			param.Spec{Name: "privlvl", Kind: param.Select, Default: "administrator", Options: []string{"callback", "user", "operator", "administrator"}, Text: "Privilege level of the session"},
			param.Spec{Name: "lanplus", Kind: param.Boolean, Text: "No: IPMI 1.5, which sends the password in a form that is easily broken (default: yes)"},
			param.Spec{Name: "auth", Kind: param.Select, Options: []string{"md5", "password", "none"}, Text: "Without effect: what the card offers is used"},
			param.Spec{Name: "method", Kind: param.Select, Default: "onoff", Options: []string{"onoff", "cycle"}, Text: "Without effect: a power cycle cannot be proven, off can"},
			param.Spec{Name: "hexadecimal_kg", Kind: param.String, Text: "Not supported: use the external agent (driver=legacy)"},
			param.Spec{Name: "target", Kind: param.String, Text: "Not supported: use the external agent (driver=legacy)"},
			param.Plug(false, "Without effect, unless port_as_ip is set"),
			param.Spec{Name: "port_as_ip", Kind: param.Boolean, Default: "0", Text: "The plug is the address"},
			param.Spec{Name: "ipmitool_path", Kind: param.String, Text: "Without effect"},
			param.Spec{Name: "ipmitool_timeout", Kind: param.String, Text: "Without effect"},
			param.Spec{Name: "use_sudo", Old: "sudo", Kind: param.Boolean, Text: "Without effect"},
			param.Spec{Name: "sudo_path", Kind: param.String, Text: "Without effect"},
		),
	}
}
