package catalogue

import (
	"github.com/holdfast-ha/holdfast/fenced/driver/param"
)

// Redfish is the agent that the Redfish driver serves.
func Redfish() *param.Agent {
	return &param.Agent{
		Name: "fence_redfish", Short: "Power by Redfish", Actions: param.Power(), Split: true, Notice: cardNotice,
		Long: "Switches a machine off and on through its management card, by Redfish over HTTPS. Off is believed when the card has read off twice. A card shares its machine's power: add a second fencing level for the case that the machine has none.",
		Params: append(param.Fencing(),
			param.Spec{Name: "ip", Old: "ipaddr", Kind: param.String, Text: "Address or host name of the management card"},
			param.Spec{Name: "ipport", Kind: param.Integer, Default: "443", Text: "TCP port of the management card"},
			param.Spec{Name: "username", Old: "login", Kind: param.String, Required: true, Text: "User of the management card"},
			param.Spec{Name: "password", Old: "passwd", Kind: param.String, Text: "Password"},
			param.Spec{Name: "password_script", Old: "passwd_script", Kind: param.String, Text: "Program that prints the password"},
			param.Spec{Name: "redfish_uri", Old: "redfish-uri", Kind: param.String, Default: "/redfish/v1", Text: "Where the service begins"},
			param.Spec{Name: "systems_uri", Old: "systems-uri", Kind: param.String, Text: "The system, such as /redfish/v1/Systems/System.Embedded.1 (default: the only one, or the one that the plug names)"},
			param.Plug(false, "Id, name, host name, serial number or UUID of the system, where the card has several"),
			param.Spec{Name: "port_as_ip", Kind: param.Boolean, Default: "0", Text: "The plug is the address"},
			param.Spec{Name: "off_type", Kind: param.Select, Default: "ForceOff", Options: []string{"ForceOff", "GracefulShutdown", "PushPowerButton"}, Text: "How to switch off; anything but ForceOff leaves it to the machine"},
			param.Spec{Name: "ssl", Kind: param.Boolean, Default: "1", Text: "Without effect: HTTPS is always used"},
			param.Spec{Name: "ssl_secure", Kind: param.Boolean, Text: "Without effect: certificates are always checked unless ssl_insecure is set"},
			param.Spec{Name: "ssl_fingerprint", Kind: param.String, Text: "SHA-256 fingerprint of the card's certificate, which is then the only one that is accepted"},
			param.Spec{Name: "ssl_ca", Kind: param.String, Text: "File with the certificate authority that has signed the card's certificate"},
			param.Spec{Name: "ssl_insecure", Kind: param.Boolean, Default: "0", Text: "Accept any certificate: whoever can stand in for the card learns its password"},
			param.Spec{Name: "gnutlscli_path", Kind: param.String, Text: "Without effect"},
		),
	}
}
