package metadata

import (
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

// LSB makes metadata for an init script from the comment block that describes it.
func LSB(name, script string) *Agent {
	h := initHeader(script)
	return synthesize(name, "1.0", h["Short-Description"], h["Description"], []Action{
		{Name: "meta-data", Timeout: "5"}, {Name: "start", Timeout: "15"}, {Name: "stop", Timeout: "15"},
		{Name: "status", Timeout: "15"}, {Name: "restart", Timeout: "15"}, {Name: "force-reload", Timeout: "15"},
		{Name: "monitor", Timeout: "15", Interval: "15"},
	})
}

// Systemd makes metadata for a unit from its description.
func Systemd(unit, description string) *Agent {
	return synthesize(unit, "1.1", "systemd unit file for "+unit, description, []Action{
		{Name: "start", Timeout: "100"}, {Name: "stop", Timeout: "100"}, {Name: "status", Timeout: "100"},
		{Name: "monitor", Timeout: "100", Interval: "60"}, {Name: "meta-data", Timeout: "5"},
	})
}

func synthesize(name, ocf, short, long string, actions []Action) *Agent {
	root := cibxml.New("resource-agent", "name", name, "version", "0.1")
	text := func(tag, s string) *cibxml.Element {
		return cibxml.New(tag, "lang", "en").Append(&cibxml.Element{Kind: cibxml.Text, Text: s})
	}
	list := cibxml.New("actions")
	for _, a := range actions {
		e := cibxml.New("action", "name", a.Name, "timeout", a.Timeout)
		if a.Interval != "" {
			e.Set("interval", a.Interval)
		}
		list.Append(e)
	}
	root.Append(cibxml.New("version").Append(&cibxml.Element{Kind: cibxml.Text, Text: ocf}),
		text("longdesc", long), text("shortdesc", short), cibxml.New("parameters"), list)
	return &Agent{Name: name, Version: "0.1", OCF: ocf, Short: short, Long: long, Actions: actions,
		XML: "<?xml version=\"1.0\"?>\n" + root.String()}
}

// initHeader reads the block between BEGIN INIT INFO and END INIT INFO. A line that goes on begins with
// more than one blank or a tab.
func initHeader(script string) map[string]string {
	fields := map[string]string{}
	inside, last := false, ""
	for line := range strings.Lines(script) {
		line = strings.TrimRight(line, " \t\r\n")
		switch {
		case line == "### BEGIN INIT INFO":
			inside = true
			continue
		case line == "### END INIT INFO":
			return fields
		case !inside || !strings.HasPrefix(line, "#"):
			continue
		}
		body := line[1:]
		if last != "" && (strings.HasPrefix(body, "  ") || strings.HasPrefix(body, "\t")) {
			fields[last] += " " + strings.TrimSpace(body)
			continue
		}
		if name, value, ok := strings.Cut(strings.TrimSpace(body), ":"); ok {
			last = name
			fields[last] = strings.TrimSpace(value)
		}
	}
	return fields
}
