package controller

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/cib/value"
	"github.com/holdfast-ha/holdfast/crmd/throttle"
)

// errNotDC ends requests that this node took while it led.
var errNotDC = errors.New("this node is not the DC any more; try again")

// docCache keeps the assembled document for as long as its parts are the same.
type docCache struct {
	config, status *cibxml.Element
	num            int
	dc             string
	quorate        bool
	doc            *cibxml.Element
}

// Document is the whole CIB as this node sees it: the committed configuration and the status.
func (m *Machine) Document() *cibxml.Element { return m.assemble(&m.doc, m.config) }

func (m *Machine) assemble(c *docCache, config *cibxml.Element) *cibxml.Element {
	if config == nil {
		return nil
	}
	dc := m.DC()
	if c.doc != nil && c.config == config && c.status == m.status && c.num == m.numUpdates && c.dc == dc && c.quorate == m.view.Quorum.Quorate {
		return c.doc
	}
	doc := config.WithAttr("num_updates", strconv.Itoa(m.numUpdates))
	doc.Set("have-quorum", map[bool]string{true: "1", false: "0"}[m.view.Quorum.Quorate])
	if id := m.nodeID(dc); id != 0 {
		doc.Set("dc-uuid", id.String())
	} else {
		doc.Unset("dc-uuid")
	}
	doc.Children = []*cibxml.Element{config.Child("configuration"), m.status}
	*c = docCache{config, m.status, m.numUpdates, dc, m.view.Quorum.Quorate, doc}
	return doc
}

// DC is the name of the node that leads, "" when none is known.
func (m *Machine) DC() string {
	switch {
	case m.role.leads:
		return m.cfg.Node
	case m.raft.Leader != "" && m.memberNamed(m.raft.Leader) != nil && m.raft.Leader != m.cfg.Node:
		return m.raft.Leader
	default:
		return ""
	}
}

// version counts num_updates: it rises with every change of the status and starts anew with every change of
// the configuration. Followers take it from the DC.
func (m *Machine) version() {
	if !m.role.leads || m.config == nil {
		return
	}
	epoch := m.config.Get("admin_epoch") + "." + m.config.Get("epoch")
	switch {
	case epoch != m.epochSeen:
		m.epochSeen, m.numUpdates = epoch, 0
	case m.doc.doc != nil && (m.doc.status != m.status || m.doc.quorate != m.view.Quorum.Quorate || m.doc.dc != m.DC()):
		m.numUpdates++
	}
	m.Document()
}

// configChanged takes a committed configuration.
func (m *Machine) configChanged(doc *cibxml.Element) {
	old := m.config
	m.config = doc
	if len(m.pending) == 0 {
		m.head = doc
	}
	if !m.role.leads || old == nil {
		return
	}
	if old.Child("configuration") != doc.Child("configuration") {
		m.want("Configuration change")
	}
}

// cibCommand carries out a client's write.
func (m *Machine) cibCommand(in CIBCommand) {
	fail := func(err error) { m.emit(Answer{Ticket: in.Ticket, Err: err}) }
	if !m.role.leads {
		fail(errNotDC)
		return
	}
	var c docCache
	res, err := cib.Apply(m.assemble(&c, m.head), in.Command)
	if err != nil {
		fail(err)
		return
	}
	if res.Configuration && m.role.acting {
		fail(&cib.Error{Code: api.CodeNoQuorum, Msg: m.ReadOnly()})
		return
	}
	if res.Status {
		m.takeStatus(res.Doc.Child("status"))
	}
	if !res.Configuration {
		m.emit(Answer{Ticket: in.Ticket, Value: res})
		return
	}
	m.propose(res.Doc, in.Ticket)
}

// takeStatus is a write of a client to the status section.
func (m *Machine) takeStatus(s *cibxml.Element) {
	if s == nil {
		s = cibxml.New("status")
	}
	m.status = s
	m.want("Status changed by a command")
}

// proposal is a change of the configuration that raft has not answered for.
type proposal struct {
	ticket  int    // 0 for the cluster's own changes
	version string // that it makes
}

// propose commits a configuration; the ticket (0 for none) is answered when it is committed.
func (m *Machine) propose(doc *cibxml.Element, ticket int) {
	head := doc.WithoutAttr("have-quorum").WithoutAttr("dc-uuid").WithAttr("num_updates", "0")
	head.Children = []*cibxml.Element{doc.Child("configuration")}
	m.proposals++
	m.pending[m.proposals] = proposal{ticket, cib.VersionOf(head).String()}
	m.emit(Propose{ID: m.proposals, Old: m.head, New: head})
	m.head = head
}

// committed ends a proposal. After a failure everything that was built upon it has failed too.
func (m *Machine) committed(in Committed) {
	p, mine := m.pending[in.ID]
	if !mine {
		return
	}
	delete(m.pending, in.ID)
	if in.Err != nil || len(m.pending) == 0 {
		m.head = m.config
	}
	if in.Err != nil {
		m.written = make(map[string]bool)
	}
	if p.ticket != 0 {
		m.emit(Answer{Ticket: p.ticket, Value: p.version, Err: in.Err})
	} else if in.Err != nil {
		m.warn("configuration", m.cfg.Node, "the cluster's own entries could not be written: "+in.Err.Error())
	}
}

// ReadOnly says why the configuration cannot be changed now, "" when it can.
func (m *Machine) ReadOnly() string {
	switch {
	case m.role.leads && m.role.acting && m.raftMajority():
		return "the configuration is read-only: its log elects no leader although most voters are here; are their disks full?"
	case m.role.leads && m.role.acting && m.view.Quorum.Quorate:
		return "the configuration is read-only until the missing nodes are fenced or back: raft has no majority in this partition"
	case m.role.leads && m.role.acting:
		return "the configuration is read-only: this partition has no quorum (" + m.view.Quorum.Reason + ")"
	case m.DC() == "":
		return "the configuration is read-only: no DC is elected"
	default:
		return ""
	}
}

// tendConfiguration writes what the cluster itself keeps in the configuration: its nodes and a few properties.
func (m *Machine) tendConfiguration(now time.Time) {
	if m.role.acting || m.head == nil || !m.settledOnce {
		return
	}
	nodes := m.head.Child("configuration").Child("nodes")
	for _, name := range m.memberNames() {
		x := m.members[name]
		if n := nodes.Find("node", x.ID.String()); n.Get("uname") != name {
			node := cibxml.New("node", "id", x.ID.String(), "uname", name)
			m.write(now, "node "+name, cib.Command{Op: cib.OpModify, Section: "nodes", Input: node, AllowCreate: true})
		}
	}
	set := func(name, val string) {
		if val == "" || m.option(name) == val {
			return
		}
		nv := cibxml.New("nvpair", "id", "cib-bootstrap-options-"+name, "name", name, "value", val)
		block := cibxml.New("crm_config").Append(cibxml.New("cluster_property_set", "id", "cib-bootstrap-options").Append(nv))
		m.write(now, "property "+name, cib.Command{Op: cib.OpModify, Section: "crm_config", Input: block, AllowCreate: true})
	}
	set("have-watchdog", "false")
	set("dc-version", m.cfg.Version)
	set("cluster-infrastructure", "corosync")
	if m.option("cluster-name") == "" {
		set("cluster-name", m.view.Cluster)
	}
}

// write proposes a change of the cluster's own, once in an office: one that is refused is not tried for ever.
func (m *Machine) write(now time.Time, what string, cmd cib.Command) {
	if m.written[what] {
		return
	}
	m.written[what] = true
	cmd.Client, cmd.User, cmd.Origin, cmd.Now = "crmd", "hacluster", m.cfg.Node, now.Unix()
	var c docCache
	res, err := cib.Apply(m.assemble(&c, m.head), cmd)
	if err != nil {
		m.warn("configuration", m.cfg.Node, fmt.Sprintf("cannot write %s to the configuration: %v", what, err))
		return
	}
	if res.Configuration {
		m.propose(res.Doc, 0)
	}
}

// option is a cluster option's value, "" when it is not set. cib-bootstrap-options wins over other sets.
func (m *Machine) option(name string) string {
	found := ""
	for set := range m.configSection("crm_config").Tags("cluster_property_set") {
		for nv := range set.Tags("nvpair") {
			if nv.Get("name") != name {
				continue
			}
			if set.ID() == "cib-bootstrap-options" {
				return nv.Get("value")
			}
			if found == "" {
				found = nv.Get("value")
			}
		}
	}
	return found
}

func (m *Machine) configSection(name string) *cibxml.Element {
	return m.config.Child("configuration").Child(name)
}

func (m *Machine) optionDuration(name string, fallback time.Duration) time.Duration {
	if s := m.option(name); s != "" {
		if ms, err := value.Duration(s); err == nil {
			return time.Duration(ms) * time.Millisecond
		}
	}
	return fallback
}

func (m *Machine) optionInt(name string, fallback int) int {
	if n, err := strconv.Atoi(m.option(name)); err == nil {
		return n
	}
	return fallback
}

func (m *Machine) optionBool(name string, fallback bool) bool {
	if b, err := value.Bool(m.option(name)); err == nil {
		return b
	}
	return fallback
}

// ThrottleOf is a node's throttle with the cluster options that override it.
func (m *Machine) ThrottleOf(node string) throttle.Config {
	c, differs := m.throttles.Nodes[node]
	if !differs {
		c = m.throttles.All
	}
	c.NodeActionLimit = m.optionInt("node-action-limit", c.NodeActionLimit)
	if s := m.option("load-threshold"); s != "" {
		if n, err := strconv.ParseFloat(trimPercent(s), 64); err == nil {
			c.LoadThreshold = n / 100
		}
	}
	return c
}

func trimPercent(s string) string {
	if n := len(s); n > 0 && s[n-1] == '%' {
		return s[:n-1]
	}
	return s
}
