package corosyncconf

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/holdfast-ha/holdfast/clusterfile"
	"github.com/holdfast-ha/holdfast/clusterfile/export"
)

// cluster writes [cluster].
func (c *converter) cluster() string {
	t := c.all("totem")
	name := "cluster"
	if k := t.find("cluster_name"); k != nil && k.Value != "" {
		name = k.Value
		if !clusterfile.PlainName(name) {
			c.problem(t, k, "%q cannot be the name of a cluster here: letters, digits, dots, dashes and underscores can", name)
		}
	}
	text := "[cluster]\nname = " + export.Quote(name) + "\n"
	if port := c.port(t); port != 0 {
		text += fmt.Sprintf("port = %d\n", port)
	}
	return text
}

// port is mcastport of the first link, 0 when the file does not say it.
func (c *converter) port(t *Section) int {
	for i, s := range links(t) {
		if k := s.find("mcastport"); k != nil && number(s, "linknumber", i) == 0 {
			n, _ := strconv.Atoi(k.Value)
			return n
		}
	}
	return 0
}

// links are the sections interface of totem.
func links(t *Section) []*Section {
	var list []*Section
	for _, s := range t.Sections {
		if s.Name == "interface" {
			list = append(list, s)
		}
	}
	return list
}

func number(s *Section, key string, fallback int) int {
	if k := s.find(key); k != nil {
		if n, err := strconv.Atoi(k.Value); err == nil {
			return n
		}
	}
	return fallback
}

// numeric are the numbers of totem with the ranges that Corosync allows. Those without a place in a cluster file are
// checked too, so that a slip is found here and not later.
var numeric = map[string][2]uint64{
	"version": {2, 2}, "config_version": {0, 1<<64 - 1}, "netmtu": {0, 1<<32 - 1}, "nodeid": {0, 1<<32 - 1}, "threads": {0, 1<<32 - 1},
	"token": {0, 1<<32 - 1}, "token_warning": {0, 100}, "token_coefficient": {0, 1<<32 - 1}, "token_retransmit": {0, 1<<32 - 1},
	"token_retransmits_before_loss_const": {0, 1<<32 - 1}, "hold": {0, 1<<32 - 1}, "join": {0, 1<<32 - 1}, "send_join": {0, 1<<32 - 1},
	"consensus": {0, 1<<32 - 1}, "merge": {0, 1<<32 - 1}, "downcheck": {0, 1<<32 - 1}, "fail_recv_const": {0, 1<<32 - 1},
	"seqno_unchanged_const": {0, 1<<32 - 1}, "heartbeat_failures_allowed": {0, 1<<32 - 1}, "max_network_delay": {0, 1<<32 - 1},
	"window_size": {0, 1<<32 - 1}, "max_messages": {0, 1<<32 - 1}, "miss_count_const": {0, 1<<32 - 1}, "knet_pmtud_interval": {0, 1<<32 - 1},
	"knet_mtu": {0, 1<<32 - 1}, "knet_compression_threshold": {0, 1<<32 - 1},
}

// inFile reports whether a cluster file knows a key, by asking its reader.
func inFile(section, key string) bool {
	_, err := clusterfile.Parse("", []byte("["+section+"]\n"+export.Quote(key)+" = 1\n"))
	var list clusterfile.Problems
	return !errors.As(err, &list) || !slices.ContainsFunc(list, func(p clusterfile.Problem) bool { return strings.HasPrefix(p.Message, "unknown key") })
}

// zeroIsDefault are the options in which Corosync takes 0 for "not said".
var zeroIsDefault = []string{"token", "token_retransmits_before_loss_const", "join", "consensus"}

// totem writes [totem] and tells the fate of its options. What the cluster file knows stands there under the same
// name; what it ignores has no meaning, for the reason that it gives.
func (c *converter) totem() string {
	t := c.all("totem")
	var b strings.Builder
	for _, k := range t.Keys {
		why, ignored := clusterfile.NoUse(k.Name)
		switch {
		case !c.inRange(t, k):
		case k.Name == "cluster_name":
			c.fate(t, k, Mapped, "[cluster] name")
		case ignored:
			c.fate(t, k, NoMeaning, why)
		case !inFile("totem", k.Name):
			c.fate(t, k, Unknown, "")
		case k.Value == "0" && slices.Contains(zeroIsDefault, k.Name):
			c.fate(t, k, Mapped, "0 means the default, so it is left out")
		default:
			c.fate(t, k, Used, "")
			fmt.Fprintf(&b, "%s = %s\n", k.Name, literal(k.Value))
		}
	}
	var interfaces strings.Builder
	for i, s := range links(t) {
		if text := c.link(s, i, b.String()); text != "" {
			fmt.Fprintf(&interfaces, "\n[[totem.interface]]\nlinknumber = %d\n%s", number(s, "linknumber", i), text)
		}
	}
	for _, s := range t.Sections {
		if s.Name != "interface" {
			c.below(s, Unknown, "Corosync does not know this section")
		}
	}
	if b.Len()+interfaces.Len() == 0 {
		return ""
	}
	return "\n[totem]\n" + b.String() + interfaces.String()
}

// inRange checks a number.
func (c *converter) inRange(s *Section, k *Key) bool {
	r, ok := numeric[k.Name]
	if !ok {
		return true
	}
	n, err := strconv.ParseUint(k.Value, 0, 64)
	if err != nil || n < r[0] || n > r[1] {
		c.problem(s, k, "is %q, must be a whole number from %d to %d", k.Value, r[0], r[1])
		return false
	}
	return true
}

// link tells the fate of the options of one link and returns those that a cluster file has for it, in
// which the rest of [totem] is this.
func (c *converter) link(s *Section, i int, totem string) string {
	var b strings.Builder
	for _, k := range s.Keys {
		switch k.Name {
		case "linknumber", "ringnumber":
			if n, err := strconv.Atoi(k.Value); err != nil || n < 0 || n > 7 {
				c.problem(s, k, "is %q, must be from 0 to 7", k.Value)
				continue
			}
			c.fate(s, k, Mapped, "the place in [[node]] links")
		case "mcastport":
			if n, err := strconv.Atoi(k.Value); err != nil || n < 1 || n > 65535 {
				c.problem(s, k, "is %q, must be from 1 to 65535", k.Value)
			} else if number(s, "linknumber", i) == 0 {
				c.fate(s, k, Mapped, "[cluster] port")
			} else {
				c.fate(s, k, NoMeaning, "one port serves every link")
			}
		case "bindnetaddr", "mcastaddr", "broadcast", "ttl":
			c.fate(s, k, NoMeaning, "links are the addresses in [[node]] links")
		case "knet_transport":
			c.fate(s, k, NoMeaning, "there is one transport: encrypted UDP")
		case "knet_link_priority", "knet_ping_timeout", "knet_pong_count":
			if c.linkNumber(s, k, totem) {
				fmt.Fprintf(&b, "%s = %s\n", k.Name, literal(k.Value))
			}
		case "knet_ping_interval", "knet_ping_precision":
			c.fate(s, k, NoMeaning, "every heartbeat is a ping of each link")
		default:
			c.fate(s, k, Unknown, "")
		}
	}
	for _, sub := range s.Sections {
		c.below(sub, NoMeaning, "members are [[node]]")
	}
	return b.String()
}

// linkRanges are what a cluster file takes. Both of Corosync's ranges are wider, and 0 is its default.
var linkRanges = map[string][2]int{"knet_link_priority": {0, 255}, "knet_ping_timeout": {0, 3_600_000}, "knet_pong_count": {0, 100}}

// linkNumber tells the fate of a number of a link, and whether it stands in the cluster file.
func (c *converter) linkNumber(s *Section, k *Key, totem string) bool {
	r := linkRanges[k.Name]
	n, err := strconv.Atoi(k.Value)
	switch {
	case err != nil || n < r[0] || n > r[1]:
		c.problem(s, k, "is %q, must be a whole number from %d to %d", k.Value, r[0], r[1])
		return false
	case n == 0:
		c.fate(s, k, Mapped, "0 means the default, so it is left out")
		return false
	case k.Name == "knet_ping_timeout" && !inInterface(totem, k.Name, n):
		c.fate(s, k, NoMeaning, "it is shorter than two heartbeats")
		return false
	}
	c.fate(s, k, Used, "")
	return true
}

// inInterface reports whether a cluster file with that section [totem] takes a value, by asking its reader.
func inInterface(totem, key string, value int) bool {
	_, err := clusterfile.Parse("", fmt.Appendf(nil, "[totem]\n%s[[totem.interface]]\n%s = %d\n", totem, key, value))
	var list clusterfile.Problems
	return !errors.As(err, &list) || !slices.ContainsFunc(list, func(p clusterfile.Problem) bool { return strings.Contains(p.Message, key) })
}

// literal is a value as TOML: a number or a text.
func literal(v string) string {
	if n, err := strconv.ParseInt(v, 0, 64); err == nil {
		return strconv.FormatInt(n, 10)
	}
	return export.Quote(v)
}
