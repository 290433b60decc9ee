package ocf

import (
	"strings"
)

// XML is the agent's metadata.
func (a *Agent) XML() string {
	w := &xmlWriter{}
	w.b.WriteString("<?xml version=\"1.0\"?>\n")
	w.open("resource-agent", "name", a.Name, "version", a.Version)
	w.text("version", "1.1")
	w.describe(a.Long, a.Short)
	w.open("parameters")
	for _, p := range a.Params {
		w.param(p)
	}
	w.close("parameters")
	w.open("actions")
	for _, x := range a.Actions {
		w.empty("action", "name", x.Name, "timeout", x.Timeout, "interval", x.Interval, "depth", x.Depth)
	}
	w.empty("action", "name", metaData, "timeout", "5s")
	w.empty("action", "name", validateAll, "timeout", "20s")
	w.close("actions")
	w.close("resource-agent")
	return w.b.String()
}

// xmlWriter writes indented XML. Attributes with an empty value are left out unless they are defaults.
type xmlWriter struct {
	b     strings.Builder
	depth int
}

func (w *xmlWriter) param(p Param) {
	yes := func(b bool) string {
		if b {
			return "1"
		}
		return ""
	}
	// unique is OCF 1.0's word, which pcs 0.10 and crmsh look for.
	w.open("parameter", "name", p.Name, "unique-group", p.UniqueGroup, "unique", yes(p.UniqueGroup != ""),
		"required", yes(p.Required), "reloadable", yes(p.Reloadable))
	w.describe(p.Long, p.Short)
	attrs := []string{"type", string(p.Type)}
	if !p.Required {
		attrs = append(attrs, "=default", p.Default)
	}
	if len(p.Values) == 0 {
		w.empty("content", attrs...)
	} else {
		w.open("content", attrs...)
		for _, v := range p.Values {
			w.empty("option", "value", v)
		}
		w.close("content")
	}
	w.close("parameter")
}

func (w *xmlWriter) describe(long, short string) {
	w.indent()
	w.b.WriteString(`<longdesc lang="en">` + "\n" + escape(strings.TrimSpace(long)) + "\n</longdesc>\n")
	w.indent()
	w.b.WriteString(`<shortdesc lang="en">` + escape(short) + "</shortdesc>\n")
}

func (w *xmlWriter) indent() { w.b.WriteString(strings.Repeat("  ", w.depth)) }

// tag writes the begin of an element. A name that begins with = is written although its value is empty.
func (w *xmlWriter) tag(name string, attrs []string) {
	w.indent()
	w.b.WriteString("<" + name)
	for i := 0; i+1 < len(attrs); i += 2 {
		attr, always := strings.CutPrefix(attrs[i], "=")
		if attrs[i+1] != "" || always {
			w.b.WriteString(" " + attr + `="` + escape(attrs[i+1]) + `"`)
		}
	}
}

func (w *xmlWriter) open(name string, attrs ...string) {
	w.tag(name, attrs)
	w.b.WriteString(">\n")
	w.depth++
}

func (w *xmlWriter) empty(name string, attrs ...string) {
	w.tag(name, attrs)
	w.b.WriteString("/>\n")
}

func (w *xmlWriter) text(name, text string) {
	w.tag(name, nil)
	w.b.WriteString(">" + escape(text) + "</" + name + ">\n")
}

func (w *xmlWriter) close(name string) {
	w.depth--
	w.indent()
	w.b.WriteString("</" + name + ">\n")
}

func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;").Replace(s)
}
