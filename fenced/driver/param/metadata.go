package param

import (
	"encoding/xml"
	"fmt"
	"strings"
)

// Metadata is the agent's description as fence agents print it.
func (a *Agent) Metadata() string {
	var b strings.Builder
	fmt.Fprintf(&b, "<?xml version=\"1.0\" ?>\n<resource-agent name=\"%s\" shortdesc=\"%s\" >\n<longdesc>%s</longdesc>\n<vendor-url></vendor-url>\n<parameters>\n",
		a.Name, escape(a.Short), escape(a.Long))
	for _, s := range a.Params {
		obsoletes := ""
		if s.Old != "" {
			obsoletes = fmt.Sprintf(` obsoletes="%s"`, s.Old)
		}
		s.write(&b, s.Name, obsoletes)
		if s.Old != "" {
			s.write(&b, s.Old, ` deprecated="1"`)
		}
	}
	b.WriteString("</parameters>\n<actions>\n")
	for _, act := range a.Actions {
		fmt.Fprintf(&b, "\t<action name=\"%s\"", act.Name)
		switch {
		case act.OnTarget || act.Automatic:
			fmt.Fprintf(&b, ` on_target="%d" automatic="%d"`, digit(act.OnTarget), digit(act.Automatic))
		case act.Name == "on":
			b.WriteString(` automatic="0"`)
		}
		b.WriteString(" />\n")
	}
	b.WriteString("</actions>\n</resource-agent>\n")
	return b.String()
}

func (s *Spec) write(b *strings.Builder, name, mark string) {
	fmt.Fprintf(b, "\t<parameter name=\"%s\" unique=\"0\" required=\"%d\"%s>\n", name, digit(s.Required), mark)
	fmt.Fprintf(b, "\t\t<getopt mixed=\"--%s=[%s]\" />\n\t\t<content type=\"%s\"", strings.ReplaceAll(s.Name, "_", "-"), s.Kind, s.Kind)
	if s.Default != "" {
		fmt.Fprintf(b, ` default="%s"`, escape(s.Default))
	}
	if s.Kind == Select {
		b.WriteString(" >\n")
		for _, o := range s.Options {
			fmt.Fprintf(b, "\t\t\t<option value=\"%s\" />\n", escape(o))
		}
		b.WriteString("\t\t</content>\n")
	} else {
		b.WriteString("  />\n")
	}
	fmt.Fprintf(b, "\t\t<shortdesc lang=\"en\">%s</shortdesc>\n\t</parameter>\n", escape(s.Text))
}

func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder takes everything
	return b.String()
}

func digit(b bool) int {
	if b {
		return 1
	}
	return 0
}
