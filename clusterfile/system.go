package clusterfile

// System is section [system]: how the operating system is to run corosyncd.
type System struct {
	// Realtime is sched_rr: corosyncd asks for realtime priority.
	Realtime bool
	// Nice is priority: the nice value of a corosyncd without realtime priority.
	Nice int
}

func readSystem(root *Section) System {
	s := root.Table("system")
	y := System{Realtime: s.Bool("sched_rr", true), Nice: s.Int("priority", 0, -20, 19)}
	s.Ignore("move_to_root_cgroup", "corosyncd leaves a cgroup only when it has no realtime budget there")
	s.Ignore("allow_knet_handle_fallback", "every packet is encrypted by corosyncd itself")
	s.Ignore("state_dir", "the state is in /var/lib/holdfast/corosyncd")
	s.Done()
	return y
}
