package main

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/tests/lab/enter"
)

// stack is a cluster under measurement: Holdfast or the peer. Both are told what to do with the same commands,
// so that only what differs is in here.
type stack interface {
	name() string
	// up starts a cluster of so many nodes with nothing in it; down ends it and may be called at any time.
	up(ctx context.Context, want shape) error
	down() error
	nodes() []string
	// pid is the node's process 1 as this process sees it, 0 when the node is off.
	pid(node string) int
	// powerOff cuts the power and returns at once; powerOn returns when the node boots.
	powerOff(node string) error
	powerOn(ctx context.Context, node string) error
	// pull takes the node's cable out, or puts it back.
	pull(node string, out bool) error
	// watch follows the node's views until ctx ends, over its restarts.
	watch(ctx context.Context, node string) (viewing, error)
	// complaints are figures of the node's heartbeat daemon about its own trouble since a time, by name.
	complaints(ctx context.Context, node string, from time.Time) map[string]float64
	// space is the network namespace from which users reach the nodes, as a file; "" is this process's.
	space() string
	vip() netip.Addr
	// fenced tells when the power switch was asked for a node, and had done it, after a time; zero when not.
	fenced(target string, since time.Time) (asked, done time.Time)
	fenceAgent() string
	// heartbeat is the process that keeps the membership; others are not part of the stack: process 1 and shells.
	heartbeat() string
	others() []string
}

// shape is what a cluster is made of.
type shape struct {
	nodes, token int // the heartbeat's token in ms
	// bare nodes run the heartbeat and nothing else, where the stack can; a slow one runs it without realtime
	// priority.
	bare, slow bool
}

// usualToken is the token of clusters in which something else than the heartbeat is measured.
const usualToken = 1000

// environment of commands on the nodes.
var environment = []string{
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8", "LC_ALL=C.UTF-8",
}

// commandTimeout bounds one command; waiting loops have bounds of their own.
const commandTimeout = 60 * time.Second

// run runs a command on a node that must succeed.
func run(ctx context.Context, s stack, node, stdin string, command ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, commandTimeout)
	defer cancel()
	pid := s.pid(node)
	if pid == 0 {
		return "", fmt.Errorf("%s: run %s on %s: the node is off", s.name(), command[0], node)
	}
	r, err := enter.Run(ctx, pid, environment, stdin, command...)
	if err == nil {
		err = r.Err(node, command...)
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w", s.name(), err)
	}
	return r.Stdout + r.Stderr, nil
}

// status is what crm_mon says of the cluster.
type status struct {
	DC     string
	Online []string
}

func getStatus(ctx context.Context, s stack, via string) (status, error) {
	out, err := run(ctx, s, via, "", "crm_mon", "-1", "--output-as=xml")
	if err != nil {
		return status{}, err
	}
	var doc struct {
		DC struct {
			Present bool   `xml:"present,attr"`
			Name    string `xml:"name,attr"`
		} `xml:"summary>current_dc"`
		Nodes []struct {
			Name    string `xml:"name,attr"`
			Online  bool   `xml:"online,attr"`
			Pending bool   `xml:"pending,attr"`
			Unclean bool   `xml:"unclean,attr"`
		} `xml:"nodes>node"`
	}
	if err := xml.Unmarshal([]byte(out), &doc); err != nil {
		return status{}, fmt.Errorf("%s: crm_mon on %s: %w", s.name(), via, err)
	}
	var st status
	if doc.DC.Present {
		st.DC = doc.DC.Name
	}
	for _, n := range doc.Nodes {
		if n.Online && !n.Pending && !n.Unclean {
			st.Online = append(st.Online, n.Name)
		}
	}
	return st, nil
}

// poll waits until holds says yes. Errors are only told when the time is over: a cluster that starts has many.
func poll(ctx context.Context, what string, limit, every time.Duration, holds func() (bool, error)) error {
	deadline := time.Now().Add(limit)
	for {
		ok, err := holds()
		if ok {
			return nil
		}
		if time.Now().After(deadline) {
			return errors.Join(fmt.Errorf("not within %v: %s", limit, what), err)
		}
		select {
		case <-time.After(every):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// settled waits until all nodes are online and the DC has been idle in two looks in a row; it returns the DC.
func settled(ctx context.Context, s stack) (string, error) {
	dc, idle := "", 0
	err := poll(ctx, s.name()+" is stable", 3*time.Minute, 200*time.Millisecond, func() (bool, error) {
		st, err := getStatus(ctx, s, s.nodes()[0])
		if err != nil {
			idle = 0
			return false, err
		}
		for _, n := range s.nodes() {
			if !slices.Contains(st.Online, n) {
				idle = 0
				return false, fmt.Errorf("%s: online are %v", s.name(), st.Online)
			}
		}
		out, err := run(ctx, s, s.nodes()[0], "", "crmadmin", "-S", st.DC)
		if err != nil || !strings.Contains(out, "S_IDLE") {
			idle = 0
			return false, err
		}
		idle++
		dc = st.DC
		return idle >= 2, nil
	})
	return dc, err
}

// nvpairs writes name and value pairs with ids.
func nvpairs(prefix string, pairs ...string) string {
	var b strings.Builder
	for i := 0; i < len(pairs); i += 2 {
		fmt.Fprintf(&b, `<nvpair id="%s-%s" name="%s" value="%s"/>`, prefix, pairs[i], pairs[i], pairs[i+1])
	}
	return b.String()
}

func monitor(id, interval string) string {
	if interval == "" {
		return ""
	}
	return fmt.Sprintf(`<op id="%s-monitor" name="monitor" interval="%s" timeout="20s"/>`, id, interval)
}

// dummy is an ocf:pacemaker:Dummy whose state file the bench can see; "" is no monitor.
func dummy(id, interval string) string {
	return fmt.Sprintf(`<primitive id="%s" class="ocf" provider="pacemaker" type="Dummy"><instance_attributes id="%s-ia">%s</instance_attributes><operations>%s</operations></primitive>`,
		id, id, nvpairs(id, "state", stateDir+"/"+id), monitor(id, interval))
}

// stateDir is where Dummies keep their state files; it ends with the node's power.
const stateDir = "/run/dummy"

func group(s stack, interval string) string {
	vip := fmt.Sprintf(`<primitive id="vip1" class="ocf" provider="heartbeat" type="IPaddr2"><instance_attributes id="vip1-ia">%s</instance_attributes><operations>%s</operations></primitive>`,
		nvpairs("vip1", "ip", s.vip().String(), "nic", "eth0", "cidr_netmask", "24"), monitor("vip1", interval))
	return `<group id="g1">` + dummy("d1", interval) + vip + `</group>`
}

// configure puts resources, beside the fence device, and cluster properties into the CIB and waits until the
// cluster has done what follows from them.
func configure(ctx context.Context, s stack, resources string, properties ...string) error {
	device := fmt.Sprintf(`<primitive id="fence" class="stonith" type="%s"><instance_attributes id="fence-ia">%s</instance_attributes><operations>%s</operations></primitive>`,
		s.fenceAgent(), nvpairs("fence", "pcmk_host_list", strings.Join(s.nodes(), " "), "pcmk_host_check", "static-list"), monitor("fence", "60s"))
	via := s.nodes()[0]
	if _, err := run(ctx, s, via, "", "crm_attribute", "-t", "rsc_defaults", "-n", "resource-stickiness", "-v", "100"); err != nil {
		return err
	}
	properties = append([]string{"stonith-enabled", "true"}, properties...)
	for _, part := range [][2]string{
		{"crm_config", `<crm_config><cluster_property_set id="cib-bootstrap-options">` + nvpairs("opt", properties...) + `</cluster_property_set></crm_config>`},
		{"resources", "<resources>" + device + resources + "</resources>"},
		{"constraints", "<constraints/>"},
	} {
		if _, err := run(ctx, s, via, part[1], "cibadmin", "--replace", "-o", part[0], "--xml-pipe"); err != nil {
			return err
		}
	}
	time.Sleep(time.Second)
	_, err := settled(ctx, s)
	return err
}

// stateFile is the path of a Dummy's state file on a running node.
func stateFile(s stack, node, id string) string {
	return fmt.Sprintf("/proc/%d/root%s/%s", s.pid(node), stateDir, id)
}
