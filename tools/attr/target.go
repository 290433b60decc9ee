package attr

import (
	"context"
	"os"
	"strings"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/tools/cibclient"
	"github.com/holdfast-ha/holdfast/tools/cli"
	"github.com/holdfast-ha/holdfast/tools/crmclient"
	"github.com/holdfast-ha/holdfast/tools/program"
)

// target is the place of attributes in the CIB.
type target struct {
	section     string // nodes, status, tickets, crm_config, rsc_defaults, op_defaults
	utilization bool
	name        string // of the node, for nodes and status
	id          string // of the node
	remote      bool   // the node runs Pacemaker Remote
	// within is the element that holds the sets, nil where there is none yet.
	within *cibxml.Element
}

func (t *target) transient() bool { return t.section == "status" }

func (t *target) ofNode() bool { return t.section == "nodes" || t.section == "status" }

// setTag is the name of the element that holds the attributes.
func (t *target) setTag() string {
	switch {
	case t.section == "crm_config":
		return "cluster_property_set"
	case t.section == "tickets":
		return "instance_attributes"
	case !t.ofNode():
		return "meta_attributes"
	case t.utilization:
		return "utilization"
	}
	return "instance_attributes"
}

// setID is the id of a set that is to be made.
func (t *target) setID() string {
	switch {
	case t.section == "crm_config":
		return "cib-bootstrap-options"
	case t.section == "tickets":
		return "status-tickets"
	case !t.ofNode():
		return t.section + "-options"
	case t.utilization:
		return t.section + "-" + t.id + "-utilization"
	}
	return t.section + "-" + t.id
}

// locate finds the node and the element with its sets.
func (t *target) locate(ctx context.Context, env *cli.Env, conn *cibclient.Conn) error {
	if t.ofNode() {
		if err := t.locateNode(ctx, env, conn); err != nil {
			return err
		}
	}
	path := "/cib/configuration/" + t.section
	switch t.section {
	case "nodes":
		path = "/cib/configuration/nodes/node[@id=" + quote(t.id) + "]"
	case "status":
		path = "/cib/status/node_state[@id=" + quote(t.id) + "]/transient_attributes"
	case "tickets":
		path = "/cib/status/tickets"
	}
	found, err := conn.Find(ctx, path)
	if err != nil {
		return connectionFault(err)
	}
	if len(found) > 0 {
		t.within = found[0]
	}
	return nil
}

// locateNode finds the id of the node. A node without entry may be a Pacemaker Remote node: its name is its id.
func (t *target) locateNode(ctx context.Context, env *cli.Env, conn *cibclient.Conn) error {
	if t.name == "" {
		name, err := localNode(ctx, env, conn)
		if err != nil {
			return err
		}
		t.name = name
	}
	nodes, err := conn.Find(ctx, "/cib/configuration/nodes/node")
	if err != nil {
		return connectionFault(err)
	}
	for _, n := range nodes {
		if strings.EqualFold(n.Get("uname"), t.name) {
			t.id, t.remote = n.ID(), n.Get("type") == "remote"
			return nil
		}
	}
	q := quote(t.name)
	remote, err := conn.Find(ctx, "/cib/status/node_state[@remote_node='true'][@id="+q+"]"+
		"|/cib/configuration/resources//primitive[@class='ocf'][@provider='pacemaker'][@type='remote'][@id="+q+"]"+
		"|/cib/configuration/resources//meta_attributes/nvpair[@name='remote-node'][@value="+q+"]")
	if err != nil {
		return connectionFault(err)
	}
	if len(remote) == 0 {
		return program.Faultf(api.CodeNoSuchObject, "Could not map name=%s to a UUID", t.name)
	}
	t.id, t.remote = t.name, true
	return nil
}

// localNode is the name of the node that an attribute without node belongs to: inside of an agent what the
// cluster has told it, else the node on which the command runs.
func localNode(ctx context.Context, env *cli.Env, conn *cibclient.Conn) (string, error) {
	if n := agentNode(env); n != "" {
		return n, nil
	}
	if !conn.Live() {
		return os.Hostname()
	}
	crm := crmclient.New(env)
	defer crm.Close()
	s, err := crm.Status(ctx, "")
	if err != nil {
		return "", connectionFault(err)
	}
	return s.Node, nil
}

// agentNode is the node that an agent's environment names; in a container whose attributes are kept for its
// host that is the host.
func agentNode(env *cli.Env) string {
	if host := env.Getenv("OCF_RESKEY_CRM_meta_physical_host"); host != "" &&
		env.Getenv("OCF_RESKEY_CRM_meta_container_attribute_target") == "host" {
		return host
	}
	return env.Getenv("OCF_RESKEY_CRM_meta_on_node")
}

// quote makes a string literal of XPath. There is none for text with both kinds of quotes.
func quote(s string) string {
	if !strings.Contains(s, "'") {
		return "'" + s + "'"
	}
	if !strings.Contains(s, `"`) {
		return `"` + s + `"`
	}
	return "concat('" + strings.ReplaceAll(s, "'", `', "'", '`) + "')"
}

// connectionFault says that the CIB cannot be read.
func connectionFault(err error) error {
	code := cibclient.ExitCode(err)
	if code == api.CodeNotConnected {
		return program.Faultf(code, "Could not connect to the CIB: Transport endpoint is not connected")
	}
	return program.Faultf(code, "Error performing operation: %v", err)
}
