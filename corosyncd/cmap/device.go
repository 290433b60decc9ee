package cmap

import "github.com/holdfast-ha/holdfast/clusterfile"

// device is section [quorum.device] with Corosync's keys.
func (e *entries) device(d *clusterfile.Device) {
	const at, net, heuristics = "quorum.device.", "quorum.device.net.", "quorum.device.heuristics."
	e.str(at+"model", "net")
	e.u32(at+"votes", d.Votes)
	e.u32(at+"timeout", d.Timeout.Milliseconds())
	e.u32(at+"sync_timeout", d.SyncTimeout.Milliseconds())
	n, h := &d.Net, &d.Heuristics
	e.str(net+"host", n.Host)
	e.str(net+"algorithm", n.Algorithm)
	e.str(net+"tls", n.TLS)
	e.str(net+"tie_breaker", n.TieBreaker)
	if n.TieBreaker == "node" {
		(*e)[len(*e)-1].Value = n.TieBreakerNode.String()
	}
	e.add("str", net+"port", n.Port)
	e.add("str", net+"connect_timeout", n.ConnectTimeout.Milliseconds())
	e.str(net+"keep_active_partition_tie_breaker", map[bool]string{true: "on", false: "off"}[n.KeepActive])
	if n.ForceIP != 0 {
		e.add("str", net+"force_ip_version", n.ForceIP)
	}
	e.str(heuristics+"mode", h.Mode)
	if h.Mode != "off" {
		e.u32(heuristics+"timeout", h.Timeout.Milliseconds())
		e.u32(heuristics+"sync_timeout", h.SyncTimeout.Milliseconds())
		e.u32(heuristics+"interval", h.Interval.Milliseconds())
	}
	e.flag("runtime.votequorum.qdevice_can_operate", true)
	e.flag("runtime.votequorum.qdevice_master_wins", d.MasterWins)
}
