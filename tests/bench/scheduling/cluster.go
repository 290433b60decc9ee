package scheduling

import (
	"fmt"
	"strings"
)

// Cluster is the CIB of a cluster in which nothing has been started: a third of the resources in groups of
// three with a preferred node, pairs that are colocated and ordered, single ones, and now and then a clone.
func Cluster(resources, nodes int) string {
	var names, states, config, constraints strings.Builder
	for i := 1; i <= nodes; i++ {
		fmt.Fprintf(&names, `<node id="%d" uname="node%d"/>`, i, i)
		fmt.Fprintf(&states, `<node_state id="%d" uname="node%d" in_ccm="true" crmd="online" join="member" expected="member"/>`, i, i)
	}
	for i := 0; i < resources; {
		switch three := primitive(i) + primitive(i+1) + primitive(i+2); {
		case i%30 == 27:
			fmt.Fprintf(&config, `<clone id="c%d">%s</clone>`, i, primitive(i))
			i++
		case i%6 >= 3:
			fmt.Fprintf(&config, `<group id="g%d">%s</group>`, i, three)
			fmt.Fprintf(&constraints, `<rsc_location id="l%d" rsc="g%d" node="node%d" score="100"/>`, i, i, i%nodes+1)
			i += 3
		default:
			config.WriteString(three)
			fmt.Fprintf(&constraints, `<rsc_colocation id="k%d" rsc="r%d" with-rsc="r%d" score="INFINITY"/>`, i, i+1, i)
			fmt.Fprintf(&constraints, `<rsc_order id="o%d" first="r%d" then="r%d"/>`, i, i, i+1)
			i += 3
		}
	}
	return `<cib crm_feature_set="3.16.1" validate-with="pacemaker-3.9" epoch="1" num_updates="0" admin_epoch="0" have-quorum="1" dc-uuid="1"><configuration>` +
		`<crm_config><cluster_property_set id="cib-bootstrap-options"><nvpair id="no-fencing" name="stonith-enabled" value="false"/></cluster_property_set></crm_config>` +
		`<nodes>` + names.String() + `</nodes><resources>` + config.String() + `</resources><constraints>` + constraints.String() + `</constraints>` +
		`</configuration><status>` + states.String() + "</status></cib>\n"
}

func primitive(i int) string {
	return fmt.Sprintf(`<primitive id="r%d" class="ocf" provider="pacemaker" type="Dummy"><operations>`+
		`<op id="r%d-m" name="monitor" interval="10s" timeout="20s"/></operations></primitive>`, i, i)
}
