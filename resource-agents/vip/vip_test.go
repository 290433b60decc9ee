package vip

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
)

func TestVIP_IPv4FindsItsNetworkAndTellsTheNeighbours(t *testing.T) {
	l := newLab(t)
	frames := l.sniff(etherARP)
	const ip = "ip=192.0.2.100"
	l.want(7, "", "monitor", ip)
	l.want(0, "", "stop", ip)
	begin := time.Now()
	l.want(0, "", "start", ip, "arp_interval=50")
	took := time.Since(begin)
	if !strings.Contains(l.addresses(), "192.0.2.100/24 brd 192.0.2.255 scope global secondary eth0") {
		t.Errorf("after the start:\n%s", l.addresses())
	}
	l.want(0, "", "monitor", ip)
	l.want(0, "", "monitor", ip, "probe=")
	l.want(0, "", "monitor", ip, "OCF_CHECK_LEVEL=10")
	l.eventually("all announcements are made", func() bool {
		requests, replies, _ := frames.about("192.0.2.100")
		return requests >= 5 && replies >= 5 && !announcing("192.0.2.100")
	})
	requests, replies, _ := frames.about("192.0.2.100")
	if requests != 5 || replies != 5 || took > time.Second {
		t.Errorf("%d requests and %d replies announced; the start took %v", requests, replies, took)
	}
	l.want(0, "", "start", ip)
	l.want(0, "", "stop", ip)
	l.want(7, "", "monitor", ip)
	l.want(0, "", "stop", ip)
	if strings.Contains(l.addresses(), "192.0.2.100") {
		t.Errorf("after the stop:\n%s", l.addresses())
	}
}

func TestVIP_IPv6(t *testing.T) {
	l := newLab(t)
	frames := l.sniff(etherIPv6)
	const ip = "ip=2001:db8::100"
	l.want(7, "", "monitor", ip)
	l.want(0, "", "start", ip, "arp_interval=50")
	if !strings.Contains(l.addresses(), "2001:db8::100/64 scope global nodad") || strings.Contains(l.addresses(), "100/64 scope global tentative") {
		t.Errorf("after the start:\n%s", l.addresses())
	}
	l.want(0, "", "monitor", ip, "OCF_CHECK_LEVEL=10")
	l.eventually("all announcements are made", func() bool {
		_, _, n := frames.about("2001:db8::100")
		return n >= 5 && !announcing("2001:db8::100")
	})
	if _, _, n := frames.about("2001:db8::100"); n != 5 {
		t.Errorf("%d advertisements", n)
	}
	l.want(0, "", "stop", ip)
	l.want(7, "", "monitor", ip)
}

func TestVIP_SomebodyElseHasTheAddress(t *testing.T) {
	l := newLab(t)
	var mac string
	l.atPeer(func() {
		l.ip("addr", "add", "192.0.2.50/24", "dev", "far0")
		l.ip("addr", "add", "2001:db8::50/64", "dev", "far0", "nodad")
		far, err := netlink.LinkByName("far0")
		if err != nil {
			t.Fatal(err)
		}
		mac = far.Attrs().HardwareAddr.String()
	})
	for _, ip := range []string{"192.0.2.50", "2001:db8::50"} {
		begin := time.Now()
		l.want(1, ip+" is in use by "+mac, "start", "ip="+ip)
		if d := time.Since(begin); d > 500*time.Millisecond {
			t.Errorf("found out after %v", d)
		}
		l.want(7, "", "monitor", "ip="+ip)
		l.want(0, "", "start", "ip="+ip, "duplicate_check=0")
		l.want(0, "", "monitor", "ip="+ip)
		l.want(1, "is in use by "+mac, "monitor", "ip="+ip, "OCF_CHECK_LEVEL=10")
		l.want(0, "", "stop", "ip="+ip)
	}
}

func TestVIP_PulledCable(t *testing.T) {
	l := newLab(t)
	const ip = "ip=192.0.2.100"
	l.want(0, "", "start", ip)
	l.atPeer(func() { l.ip("link", "set", "far0", "down") })
	l.eventually("the carrier is lost", func() bool {
		eth, err := netlink.LinkByName("eth0")
		return err == nil && !carrier(eth)
	})
	l.want(1, "interface eth0 has no carrier", "monitor", ip)
	l.want(0, "", "monitor", ip, "check_link=no")
	l.want(0, "", "monitor", ip, "probe=")
	l.want(0, "", "stop", ip)
	l.want(1, "interface eth0 has no carrier", "start", ip)
}

func TestVIP_AnnouncesNoMoreOnceItIsStopped(t *testing.T) {
	l := newLab(t)
	l.want(0, "", "start", "ip=192.0.2.100", "arp_interval=100", "arp_count=50")
	l.want(0, "", "stop", "ip=192.0.2.100")
	frames := l.sniff(etherARP)
	l.eventually("the announcing process ends", func() bool { return !announcing("192.0.2.100") })
	if requests, replies, _ := frames.about("192.0.2.100"); requests+replies != 0 {
		t.Errorf("%d announcements after the stop", requests+replies)
	}
}

func TestVIP_StopSparesTheOtherAddresses(t *testing.T) {
	l := newLab(t)
	l.ip("addr", "del", "192.0.2.1/24", "dev", "eth0")
	if err := os.WriteFile("/proc/sys/net/ipv4/conf/all/promote_secondaries", []byte("0"), 0); err != nil {
		t.Skip(err)
	}
	first, second := []string{"ip=192.0.2.100/24", "nic=eth0"}, []string{"ip=192.0.2.101/24", "nic=eth0"}
	l.want(0, "", "start", first...)
	l.want(0, "", "start", second...)
	l.want(0, "", "stop", first...)
	l.want(0, "", "monitor", second...)
}

func TestVIP_WhereItGoes(t *testing.T) {
	l := newLab(t)
	l.ip("link", "add", "eth1", "type", "veth", "peer", "name", "nowhere0")
	l.ip("link", "set", "nowhere0", "up")
	l.ip("addr", "add", "192.0.2.129/25", "dev", "eth1")
	const fast = "duplicate_check=0"
	cases := []struct {
		name, want string
		params     []string
	}{
		{"the smallest network", "192.0.2.200/25 brd 192.0.2.255 scope global secondary eth1", []string{"ip=192.0.2.200", fast}},
		{"a given interface", "192.0.2.10/24 brd 192.0.2.255 scope global secondary eth0", []string{"ip=192.0.2.10", "nic=eth0", fast}},
		{"a foreign network", "10.1.1.1/32 scope global eth1", []string{"ip=10.1.1.1", "nic=eth1", fast}},
		{"a given prefix", "10.2.2.2/16 brd 10.2.255.255 scope global eth1", []string{"ip=10.2.2.2", "nic=eth1", "cidr_netmask=255.255.0.0", fast}},
		{"a label", "192.0.2.11/24 brd 192.0.2.255 scope global secondary eth0:vip", []string{"ip=192.0.2.11", "iflabel=vip", fast}},
		{"never a source", "192.0.2.12/24 brd 192.0.2.255 scope global secondary deprecated eth0", []string{"ip=192.0.2.12", "preferred_lft=0", fast}},
		{"no route", "10.3.3.3/8 brd 10.255.255.255 scope global noprefixroute eth1", []string{"ip=10.3.3.3/8", "nic=eth1", "noprefixroute=1", fast}},
	}
	l.ip("link", "set", "eth1", "up")
	for _, c := range cases {
		l.want(0, "", "start", c.params...)
		l.want(0, "", "monitor", c.params...)
		if all := l.ip("-o", "addr"); !strings.Contains(all, c.want) {
			t.Errorf("%s: want %s in\n%s", c.name, c.want, all)
		}
		l.want(0, "", "stop", c.params...)
	}
	l.ip("link", "set", "eth1", "down")
	l.want(0, "", "start", "ip=10.1.1.1", "nic=eth1", fast)
	l.want(1, "192.0.2.1 is on interface eth0 already, not on eth1", "start", "ip=192.0.2.1", "nic=eth1")
	l.want(5, "this node has no interface eth9", "start", "ip=10.1.1.1", "nic=eth9")
	l.want(5, "no network of this node contains 10.9.9.9", "start", "ip=10.9.9.9")
	l.want(7, "", "monitor", "ip=10.1.1.1", "nic=eth9")
	l.want(0, "", "stop", "ip=10.1.1.1", "nic=eth9")
}

func TestVIP_WrongParameters(t *testing.T) {
	l := &lab{t: t}
	for params, reason := range map[string]string{
		"":                                      "the parameter ip is not set",
		"ip=192.0.2":                            "not an IPv4 or IPv6 address",
		"ip=224.0.0.1":                          "not an IPv4 or IPv6 address",
		"ip=192.0.2.1/33":                       "between 1 and 32",
		"ip=192.0.2.1/24 cidr_netmask=25":       "different prefixes",
		"ip=192.0.2.1 cidr_netmask=255.0.255.0": "not a netmask",
		"ip=fe80::1":                            "nic is needed",
		"ip=2001:db8::1 iflabel=x":              "IPv6 addresses have no label",
		"ip=192.0.2.1 nic=abcdefghijklmnop":     "at most 15 characters",
		"ip=192.0.2.1 preferred_lft=soon":       "preferred_lft",
		"ip=192.0.2.1 arp_count=0":              "at least 1",
	} {
		l.want(6, reason, "validate-all", strings.Fields(params)...)
	}
	l.want(0, "", "validate-all", "ip=2001:db8::1/64", "nic=eth0")
}

func TestVIP_PassesTheTesterOfResourceAgents(t *testing.T) {
	tester, err := exec.LookPath("ocf-tester")
	if err != nil {
		t.Skip("needs ocf-tester (package resource-agents)")
	}
	l := newLab(t)
	program := buildProgram(t)
	out, _ := exec.Command(tester, "-n", "vip", "-o", "ip=192.0.2.100", program).CombinedOutput()
	// The tester knows the metadata of OCF 1.0 only; the agents of Pacemaker itself that follow 1.1 fail the
	// same check.
	for _, line := range strings.Split(string(out), "\n") {
		if strings.HasPrefix(line, "* rc=") && !strings.Contains(line, "conform to ra-api-1.dtd") {
			t.Errorf("%s\n%s", line, out)
		}
	}
	if !strings.Contains(string(out), "failed 1 tests") {
		t.Errorf("%s", out)
	}
	l.want(7, "", "monitor", "ip=192.0.2.100")
}
