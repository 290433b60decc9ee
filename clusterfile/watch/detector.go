package watch

import (
	"time"

	"github.com/holdfast-ha/holdfast/clusterfile"
	"github.com/holdfast-ha/holdfast/clusterfile/option"
	"github.com/holdfast-ha/holdfast/crmd/detect"
)

// severities are what an alarm can be, from the least on.
var severities = []string{"info", "warning", "critical"}

// readDetectors reads [detector.NAME].
func readDetectors(f *clusterfile.File) detect.Config {
	all := f.Rest.Table("detector")
	out := detect.Config{}
	for _, name := range all.Keys() {
		set, ok := detect.Default(name)
		if !ok {
			if near := option.Nearest(name, detect.Names()); near != "" {
				all.Problem(name, "there is no detector of this name; did you mean %q?", near)
			} else {
				all.Problem(name, "there is no detector of this name; hcs alarms --detectors lists them")
			}
			continue
		}
		out[name] = readDetector(all.Table(name), name, set)
	}
	return out
}

func readDetector(s *clusterfile.Section, name string, set detect.Setting) detect.Setting {
	set.Enabled = s.Bool("enabled", set.Enabled)
	set.Raise = time.Duration(duration(s, "for", set.Raise.Milliseconds())) * time.Millisecond
	set.Clear = time.Duration(duration(s, "clear_after", set.Clear.Milliseconds())) * time.Millisecond
	set.Severity = s.Word("severity", set.Severity, severities...)
	set.Action = readAction(s, set.Action)
	for _, r := range detect.Rules() {
		if r.Name != name {
			continue
		}
		for _, t := range r.Thresholds {
			v := number(s, t.Name, set.Limits[t.Name])
			if t.Unit == "percent" && v > 100 {
				s.Problem(t.Name, "is %g, must be from 0 to 100 percent", v)
			}
			set.Limits[t.Name] = v
		}
	}
	s.Done()
	return set
}

// readAction reads what is done about an alarm.
func readAction(s *clusterfile.Section, a detect.Action) detect.Action {
	a.Attribute = s.Str("attribute", a.Attribute)
	a.Value = s.Str("value", "red")
	a.Hook = s.Str("hook", a.Hook)
	a.Everywhere = s.Bool("everywhere", a.Everywhere)
	a.From = s.Word("action_from", a.From, severities...)
	if a.Hook != "" && a.Hook[0] != '/' {
		s.Problem("hook", "is %q, must be the path of a program, written from / on", a.Hook)
	}
	if a.Attribute == "" {
		if s.Has("value") {
			s.Problem("value", "is the value of attribute, which is missing")
		}
		a.Value = ""
	}
	if a.Everywhere && a.Hook == "" {
		s.Problem("everywhere", "is about hook, which is missing")
	}
	return a
}
