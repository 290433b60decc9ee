package corosyncconf

import (
	"strconv"
	"strings"
)

const journal = "the log goes to standard error, which systemd puts into its journal"

// readLogging tells the fate of the options of the log. Only whether there are debug messages has a counterpart.
func (c *converter) readLogging() {
	s := c.all("logging")
	for _, k := range s.Keys {
		switch k.Name {
		case "debug":
			if v := strings.ToLower(k.Value); v == "on" || v == "trace" || v == "yes" || v == "1" {
				c.fate(s, k, Mapped, `[logging] level = "debug"`)
				c.loggingText = "\n[logging]\nlevel = \"debug\"\n"
			} else {
				c.fate(s, k, Mapped, "the default level, info")
			}
		case "timestamp", "fileline", "function_name", "blackbox", "to_stderr", "to_logfile", "to_syslog", "logfile", "logfile_priority",
			"syslog_priority", "syslog_facility":
			c.fate(s, k, NoMeaning, journal)
		default:
			c.fate(s, k, Unknown, "")
		}
	}
	for _, sub := range s.Sections {
		switch sub.Name {
		case "logger_subsys", "logging_daemon":
			c.below(sub, NoMeaning, "each daemon has one log with one level")
		default:
			c.below(sub, Unknown, "Corosync does not know this section")
		}
	}
}

// readSystem reads section system.
func (c *converter) readSystem() {
	s := c.all("system")
	var text string
	for _, k := range s.Keys {
		switch k.Name {
		case "sched_rr":
			switch strings.ToLower(k.Value) {
			case "yes":
				c.fate(s, k, Mapped, "the default, true")
			case "no":
				c.fate(s, k, Used, "")
				text += "sched_rr = false\n"
			default:
				c.problem(s, k, "is %q, must be yes or no", k.Value)
			}
		case "priority":
			text += c.priority(s, k)
		case "qb_ipc_type":
			c.fate(s, k, NoMeaning, "programs talk to corosyncd over a unix socket")
		case "move_to_root_cgroup":
			c.fate(s, k, NoMeaning, "corosyncd leaves a cgroup only when it has no realtime budget there")
		case "allow_knet_handle_fallback":
			c.fate(s, k, NoMeaning, "every packet is encrypted by corosyncd itself")
		case "state_dir":
			c.fate(s, k, NoMeaning, "the state is in /var/lib/holdfast/corosyncd")
		default:
			c.fate(s, k, Unknown, "")
		}
	}
	for _, sub := range s.Sections {
		c.below(sub, Unknown, "Corosync does not know this section")
	}
	if text != "" {
		c.systemText = "\n[system]\n" + text
	}
}

// priority is the nice value of a process without realtime priority.
func (c *converter) priority(s *Section, k *Key) string {
	switch v := strings.ToLower(k.Value); v {
	case "max", "min":
		c.fate(s, k, Mapped, map[string]string{"max": "priority = -20", "min": "priority = 19"}[v])
		return map[string]string{"max": "priority = -20\n", "min": "priority = 19\n"}[v]
	default:
		n, err := strconv.Atoi(v)
		if err != nil || n < -20 || n > 19 {
			c.problem(s, k, "is %q, must be max, min or a nice value from -20 to 19", k.Value)
			return ""
		}
		c.fate(s, k, Used, "")
		return "priority = " + strconv.Itoa(n) + "\n"
	}
}
