package corosyncconf

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/holdfast-ha/holdfast/clusterfile/export"
)

// quorum writes [quorum] and the sections of the device.
func (c *converter) quorum(nodes []*node) {
	q := c.all("quorum")
	device := c.device(q)
	out := map[string]string{}
	for _, k := range q.Keys {
		c.quorumKey(q, k, out)
	}
	for _, s := range q.Sections {
		if s.Name != "device" {
			c.below(s, Unknown, "Corosync does not know this section")
		}
	}
	c.combine(q, nodes, device != "", out)
	text := ""
	for _, key := range quorumOrder {
		if v := out[key]; v != "" {
			text += key + " = " + v + "\n"
		}
	}
	if text != "" {
		c.quorumText = "\n[quorum]\n" + text
	}
	c.quorumText += device
}

// quorumOrder is the order in which the options are written.
var quorumOrder = []string{"expected_votes", "two_node", "wait_for_all", "auto_tie_breaker", "auto_tie_breaker_node", "last_man_standing",
	"last_man_standing_window", "allow_downscale", "expected_votes_tracking"}

// quorumKey takes one option.
func (c *converter) quorumKey(q *Section, k *Key, out map[string]string) {
	use := func(v string) {
		out[k.Name] = v
		c.fate(q, k, Used, "")
	}
	switch k.Name {
	case "provider":
		if k.Value != "corosync_votequorum" {
			c.problem(q, k, "is %q, the only provider is corosync_votequorum", k.Value)
			return
		}
		c.fate(q, k, NoMeaning, "there is always a quorum, with votequorum's rules")
	case "two_node", "wait_for_all", "auto_tie_breaker", "last_man_standing", "allow_downscale", "expected_votes_tracking":
		switch k.Value {
		case "1", "0":
			use(map[string]string{"1": "true", "0": "false"}[k.Value])
		default:
			c.problem(q, k, "is %q, must be 0 or 1", k.Value)
		}
	case "expected_votes":
		use(strconv.Itoa(c.small(q, k, 1, 1<<20)))
	case "last_man_standing_window":
		if n := c.small(q, k, 0, 1<<31-1); n == 0 {
			c.fate(q, k, Mapped, "0 means the default, so it is left out")
		} else {
			use(strconv.Itoa(n))
		}
	case "auto_tie_breaker_node":
		use(export.Quote(k.Value))
	case "votes":
		c.fate(q, k, NoMeaning, "votes are [[node]] votes")
	case "leaving_timeout":
		c.fate(q, k, NoMeaning, "a node has left as soon as it says so")
	default:
		c.fate(q, k, Unknown, "")
	}
}

// combine does what Corosync does with options that exclude each other: what it switches off is left out, what it does
// not start with is a problem.
func (c *converter) combine(q *Section, nodes []*node, device bool, out map[string]string) {
	on := func(key string) bool { return out[key] == "true" }
	if device {
		for _, key := range []string{"two_node", "auto_tie_breaker", "last_man_standing", "allow_downscale"} {
			if on(key) {
				c.problem(q, q.find(key), "cannot be combined with a quorum device; Corosync does not start with both")
			}
		}
	}
	sum, most := 0, 0
	for _, n := range nodes {
		sum += n.votes
		most = max(most, n.votes)
	}
	if v, err := strconv.Atoi(out["expected_votes"]); err == nil {
		sum = max(sum, v)
	}
	if on("two_node") && on("auto_tie_breaker") {
		c.dropped(q, "two_node", "Corosync switches it off together with auto_tie_breaker", out)
		if out["wait_for_all"] == "" {
			out["wait_for_all"] = "true" // which two_node had brought along, and which stays
		}
	}
	if on("two_node") && len(nodes) != 2 {
		c.dropped(q, "two_node", fmt.Sprintf("it is for two nodes, and here are %d", len(nodes)), out)
	}
	if on("auto_tie_breaker") && sum%2 == 1 {
		if on("last_man_standing") && !on("wait_for_all") {
			c.problem(q, q.find("auto_tie_breaker"), "and last_man_standing do not go together with an odd number of votes (%d); Corosync does not start with both", sum)
			return
		}
		c.dropped(q, "auto_tie_breaker", fmt.Sprintf("an odd number of votes (%d) has no halves", sum), out)
	}
	if on("last_man_standing") && most > 1 {
		c.dropped(q, "last_man_standing", "Corosync switches it off where a node has more than one vote", out)
	}
	if !on("auto_tie_breaker") && out["auto_tie_breaker_node"] != "" {
		c.dropped(q, "auto_tie_breaker_node", "there is no auto_tie_breaker", out)
	}
}

// dropped takes an option out again.
func (c *converter) dropped(q *Section, key, why string, out map[string]string) {
	delete(out, key)
	for i := range c.options {
		if o := &c.options[i]; o.Key == q.Path+"."+key && o.Fate == Used {
			o.Fate, o.Why = NoMeaning, why
		}
	}
}

// device writes [quorum.device] and the sections below it, "" when there is none.
func (c *converter) device(q *Section) string {
	var s *Section
	for _, x := range q.Sections {
		if x.Name == "device" {
			s = x
		}
	}
	if s == nil {
		return ""
	}
	c.dedupe(s)
	var own, rest strings.Builder
	for _, k := range s.Keys {
		switch k.Name {
		case "model":
			if k.Value != "net" {
				c.problem(s, k, "is %q, the only model is net", k.Value)
				continue
			}
			c.fate(s, k, Used, "")
			own.WriteString("model = \"net\"\n")
		case "timeout", "sync_timeout", "votes":
			fmt.Fprintf(&own, "%s = %d\n", k.Name, c.small(s, k, 0, 1<<31-1))
			c.fate(s, k, Used, "")
		case "master_wins":
			c.fate(s, k, NoMeaning, "Corosync leaves it to the device, and the model net has it off")
		default:
			c.fate(s, k, Unknown, "")
		}
	}
	if s.find("model") == nil {
		c.problem(s, nil, "has no model; the only one is net")
	}
	for _, sub := range s.Sections {
		switch sub.Name {
		case "net", "heuristics":
			c.dedupe(sub)
			fmt.Fprintf(&rest, "\n[quorum.device.%s]\n", sub.Name)
			for _, k := range sub.Keys {
				c.deviceKey(sub, k, &rest)
			}
		default:
			c.below(sub, Unknown, "Corosync does not know this section")
		}
	}
	return "\n[quorum.device]\n" + own.String() + rest.String()
}

// deviceKey takes an option of the sections net and heuristics.
func (c *converter) deviceKey(s *Section, k *Key, out *strings.Builder) {
	v := ""
	word := strings.ToLower(k.Value)
	onOff := map[string]string{"on": "on", "yes": "on", "1": "on", "off": "off", "no": "off", "0": "off"}
	switch s.Name + "." + k.Name {
	case "net.host":
		v = export.Quote(k.Value)
	case "net.algorithm", "net.tie_breaker":
		v = literal(word)
	case "net.tls":
		v = export.Quote(or(onOff[word], word))
	case "heuristics.mode":
		v = export.Quote(or(onOff[word], word))
	case "net.port", "net.connect_timeout", "net.force_ip_version", "heuristics.timeout", "heuristics.sync_timeout", "heuristics.interval":
		v = strconv.Itoa(c.small(s, k, 0, 1<<31-1))
	case "net.keep_active_partition_tie_breaker":
		if onOff[word] == "" {
			c.problem(s, k, "is %q, must be on or off", k.Value)
			return
		}
		v = map[string]string{"on": "true", "off": "false"}[onOff[word]]
	default:
		if s.Name != "heuristics" || !strings.HasPrefix(k.Name, "exec_") {
			c.fate(s, k, Unknown, "")
			return
		}
		v = export.Quote(k.Value)
	}
	c.fate(s, k, Used, "")
	fmt.Fprintf(out, "%s = %s\n", k.Name, v)
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
