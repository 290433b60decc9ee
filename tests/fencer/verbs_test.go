package fencer

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/api"
)

// verbs are what a line of a scenario can begin with.
var verbs = map[string]func(s *scenario, words []string, rest string){
	"fencing": func(s *scenario, _ []string, rest string) { s.sections += rest + "\n" },
	"nodes":   func(s *scenario, words []string, _ string) { s.c = newCluster(s.t, s.sections, words...) },
	"view":    func(s *scenario, words []string, _ string) { s.c.SetView(words...) },
	"quorate": func(s *scenario, words []string, _ string) { s.c.Quorate = words[0] == "yes" },
	"reborn":  func(s *scenario, words []string, _ string) { s.node(words[0]).Life += 10 },
	"stop":    func(s *scenario, words []string, _ string) { s.node(words[0]).Stop() },
	"start":   func(s *scenario, words []string, _ string) { s.node(words[0]).Start() },
	"device":  func(s *scenario, words []string, _ string) { s.device(words) },
	"set":     func(s *scenario, words []string, _ string) { s.setting(words[0], words[1]) },
	"attr": func(s *scenario, words []string, _ string) {
		name, value, _ := strings.Cut(words[1], "=")
		s.config.NodeAttrs = map[string]map[string]string{words[0]: {name: value}}
		s.put()
	},
	"on": func(s *scenario, words []string, _ string) { s.on(words) },
	"all": func(s *scenario, words []string, _ string) {
		for _, name := range s.c.Names {
			s.on(append([]string{name}, words...))
		}
	},
	"bg": func(s *scenario, words []string, _ string) {
		n, _, args := s.command(words)
		done := make(chan outcome, 1)
		s.running = append(s.running, done)
		go func() { done <- s.admin(n, args) }()
	},
	"join": func(s *scenario, words []string, _ string) {
		code := 0
		if len(words) == 1 {
			for _, r := range words[0] {
				code = code*10 + int(r-'0')
			}
		}
		s.join(code)
	},
	"stdout": func(s *scenario, _ []string, rest string) { s.match("stdout", s.last.stdout, rest) },
	"stderr": func(s *scenario, _ []string, rest string) { s.match("stderr", s.last.stderr, rest) },
	"took": func(s *scenario, words []string, _ string) {
		limit := duration(words[1])
		if words[0] == "<" && s.last.took >= limit || words[0] == ">" && s.last.took < limit {
			s.fatal("it took %v", s.last.took)
		}
	},
	// calls compares what agents were told since the last look; order counts.
	"calls": func(s *scenario, _ []string, rest string) {
		want := list(rest)
		got := list(strings.Join(s.calls(), ","))
		if !slices.Equal(got, want) {
			s.fatal("the agents were told %s", strings.Join(got, ", "))
		}
		_ = os.Remove(filepath.Join(s.c.Dir, "calls"))
	},
	"forget": func(s *scenario, _ []string, _ string) { _ = os.Remove(filepath.Join(s.c.Dir, "calls")) },
	"told": func(s *scenario, _ []string, rest string) {
		s.c.Eventually("an agent is told "+rest, func() bool { return slices.Contains(s.calls(), rest) })
	},
	"power": func(s *scenario, words []string, _ string) {
		_, err := os.Stat(filepath.Join(s.c.Dir, "off."+words[0]+"."+words[1]))
		if off := err == nil; off != (words[2] == "off") {
			s.fatal("off is %v", off)
		}
	},
	"switch": func(s *scenario, words []string, _ string) {
		path := filepath.Join(s.c.Dir, "off."+words[0]+"."+words[1])
		if words[2] == "off" {
			_ = os.WriteFile(path, nil, 0o600)
		} else {
			_ = os.Remove(path)
		}
	},
	// knows NODE TARGET STATE TEXT: the newest event about the target, as the node knows it.
	"knows": func(s *scenario, words []string, rest string) {
		n := s.node(words[0])
		want := strings.Join(words[3:], " ")
		var e api.FenceEvent
		s.c.Eventually(rest, func() bool {
			events := s.events(n, words[1])
			if len(events) == 0 {
				return words[2] == "nothing"
			}
			e = events[0]
			return e.State == words[2] && strings.Contains(e.Action+" by "+e.Result.Delegate+" with "+e.Result.Device+" for "+e.Origin+" "+e.Result.Reason, want)
		})
	},
	// usable NODE DEVICE [no]: whether the agent's metadata is known there.
	"usable": func(s *scenario, words []string, rest string) {
		s.c.Eventually("usable "+rest, func() bool {
			var list []api.FenceDeviceStatus
			if s.node(words[0]).Call(http.MethodGet, api.PathFenceDevices, nil, &list) != nil {
				return false
			}
			i := slices.IndexFunc(list, func(d api.FenceDeviceStatus) bool { return d.ID == words[1] })
			return i >= 0 && (list[i].Error == "") == (len(words) < 3)
		})
	},
	"wait": func(_ *scenario, words []string, _ string) { <-time.After(duration(words[0])) },
}
