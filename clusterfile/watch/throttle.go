package watch

import (
	"slices"
	"strconv"
	"strings"

	"github.com/holdfast-ha/holdfast/clusterfile"
	"github.com/holdfast-ha/holdfast/clusterfile/option"
	"github.com/holdfast-ha/holdfast/crmd/throttle"
)

// modes are the names of the throttle's modes.
var modes = []string{"negligible", "low", "medium", "high", "extreme"}

// tasks are what can be exempt from the throttle. fence is a word for the task stonith.
var tasks = []string{"fence", "start", "stop", "promote", "demote", "monitor", "probe", "migrate_to", "migrate_from", "notify", "reload", "cancel"}

// readThrottle reads [throttle] and each node's overrides of it, [node.throttle]; those are complete, by name of
// the node.
func readThrottle(f *clusterfile.File) (throttle.Config, map[string]throttle.Config) {
	all := throttleSection(f.Rest.Table("throttle"), throttle.Default())
	nodes := map[string]throttle.Config{}
	for _, n := range f.Nodes {
		if n.Rest.Has("throttle") {
			nodes[n.Name] = throttleSection(n.Rest.Table("throttle"), all)
		}
	}
	return all, nodes
}

// throttleSection reads what a section changes of a configuration.
func throttleSection(s *clusterfile.Section, c throttle.Config) throttle.Config {
	c.LoadThreshold = percentage(s, "load_threshold", c.LoadThreshold)
	c.SingleCore = number(s, "single_core", c.SingleCore)
	c.StoreLimit = number(s, "store_limit", c.StoreLimit)
	c.StoreLimitSingle = number(s, "store_limit_single", c.StoreLimitSingle)
	numbers(s, "factors", c.Factors[:], modes[1:4])
	numbers(s, "store_factors", c.StoreFactors[:], modes[1:])
	if s.Has("shares") {
		sub := s.Table("shares")
		for i, m := range modes {
			c.Shares[i] = share(sub, m, c.Shares[i])
		}
		sub.Done()
	}
	c.JobsPerCore = s.Int("jobs_per_core", c.JobsPerCore, 1, 1000)
	c.NodeActionLimit = s.Int("node_action_limit", c.NodeActionLimit, 0, 100000)
	c.ClusterHigh = number(s, "cluster_high", c.ClusterHigh)
	c.ClusterExtreme = number(s, "cluster_extreme", c.ClusterExtreme)
	c.SampleMs = duration(s, "sample", c.SampleMs)
	c.FastMs = duration(s, "fast_sample", c.FastMs)
	c.FallMs = duration(s, "fall", c.FallMs)
	if s.Has("inputs") {
		c.Inputs = s.Strings("inputs")
	}
	if s.Has("thresholds") {
		c.Thresholds = inputThresholds(s.Table("thresholds"), c.Thresholds)
	}
	if s.Has("exempt") {
		c.Exempt = exempt(s)
	}
	s.Done()
	if err := c.Validate(); err != nil {
		for _, line := range strings.Split(err.Error(), "\n") {
			key, msg, _ := strings.Cut(strings.TrimPrefix(line, "throttle."), ": ")
			key, _, _ = strings.Cut(key, ".")
			s.Problem(key, "%s", msg)
		}
	}
	return c
}

// inputThresholds reads a table of modes for each input that is named.
func inputThresholds(s *clusterfile.Section, from map[string][4]float64) map[string][4]float64 {
	out := make(map[string][4]float64, len(from))
	for name, t := range from {
		if s.Has(name) {
			numbers(s, name, t[:], modes[1:])
		}
		out[name] = t
	}
	s.Done()
	return out
}

func exempt(s *clusterfile.Section) []string {
	var list []string
	for _, word := range s.Strings("exempt") {
		switch {
		case word == "fence" || word == "stonith":
			list = append(list, "stonith")
		case slices.Contains(tasks, word):
			list = append(list, word)
		default:
			if near := option.Nearest(word, tasks); near != "" {
				s.Problem("exempt", "there is no task %q; did you mean %q?", word, near)
			} else {
				s.Problem("exempt", "there is no task %q, only %s", word, strings.Join(tasks, ", "))
			}
		}
	}
	return list
}

// share reads a fraction such as 0.5, or a number of jobs such as "1 job".
func share(s *clusterfile.Section, key string, fallback throttle.Share) throttle.Share {
	if !s.Has(key) {
		return fallback
	}
	text, isText := s.Raw(key).(string)
	if !isText {
		return throttle.Share{Fraction: number(s, key, fallback.Fraction)}
	}
	count, unit, _ := strings.Cut(text, " ")
	n, err := strconv.Atoi(count)
	if err != nil || n < 1 || unit != "job" && unit != "jobs" {
		s.Problem(key, "is %q, must be a fraction such as 0.5 or a number of jobs such as \"1 job\"", text)
		return fallback
	}
	return throttle.Share{Jobs: n}
}
