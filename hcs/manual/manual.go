// Package manual writes the man pages: those of the commands from the commands themselves, that of the cluster file
// from its text and the table of options.
package manual

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// date stands on every page; it changes with the contents, not with every build.
const date = "November 2026"

// Pages are the man pages by file name: hcs.8, one for each command of hcs that has commands below it, and
// cluster.toml.5. root is the command hcs.
func Pages(root *cobra.Command) map[string]string {
	pages := map[string]string{"hcs.8": overview(root), "cluster.toml.5": clusterFile()}
	for _, c := range root.Commands() {
		if documented(c) {
			pages["hcs-"+c.Name()+".8"] = page(root, c)
		}
	}
	return pages
}

// documented leaves out what cobra adds by itself.
func documented(c *cobra.Command) bool {
	return c.IsAvailableCommand() && c.Name() != "help" && c.Name() != "completion"
}

// roff collects a page.
type roff struct{ b strings.Builder }

func newPage(title string, section int, name, short string) *roff {
	r := &roff{}
	fmt.Fprintf(&r.b, ".TH %s %d %q \"Holdfast\" \"Holdfast\"\n", strings.ToUpper(title), section, date)
	r.heading("NAME")
	r.line(name + " \\- " + escape(lower(short)))
	return r
}

func (r *roff) heading(text string) { r.b.WriteString(".SH " + text + "\n") }
func (r *roff) sub(text string)     { r.b.WriteString(".SS " + quote(text) + "\n") }

// line writes a line of ready markup.
func (r *roff) line(text string) { r.b.WriteString(text + "\n") }

// text writes paragraphs; lines that begin with a blank keep their form.
func (r *roff) text(text string) {
	literal := false
	for _, l := range strings.Split(strings.Trim(text, "\n"), "\n") {
		indented := strings.HasPrefix(l, " ")
		if indented != literal {
			literal = indented
			r.line(map[bool]string{true: ".nf", false: ".fi"}[literal])
		}
		switch {
		case strings.TrimSpace(l) == "":
			r.line(".PP")
		default:
			r.line(escape(l))
		}
	}
	if literal {
		r.line(".fi")
	}
}

// item writes a term with its explanation.
func (r *roff) item(term, text string) {
	r.line(".TP")
	r.line("\\fB" + escape(term) + "\\fR")
	r.text(text)
}

func (r *roff) String() string { return r.b.String() }

// escape protects what roff would read as markup.
func escape(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`, "…", "...").Replace(s)
	if strings.HasPrefix(s, ".") || strings.HasPrefix(s, "'") {
		s = `\&` + s
	}
	return s
}

func quote(s string) string { return `"` + strings.ReplaceAll(escape(s), `"`, `""`) + `"` }

func lower(s string) string {
	if len(s) > 1 && s[1] >= 'a' {
		return strings.ToLower(s[:1]) + s[1:]
	}
	return s
}

// overview is hcs.8.
func overview(root *cobra.Command) string {
	r := newPage("hcs", 8, "hcs", root.Short)
	r.heading("SYNOPSIS")
	r.line("\\fBhcs\\fR \\fICOMMAND\\fR [\\fIOPERANDS\\fR] [\\fIOPTIONS\\fR]")
	r.heading("DESCRIPTION")
	r.text(root.Long)
	r.heading("COMMANDS")
	for _, g := range root.Groups() {
		r.sub(strings.TrimSuffix(g.Title, ":"))
		for _, c := range root.Commands() {
			if c.GroupID == g.ID && documented(c) {
				r.item("hcs "+c.Name(), c.Short+". See hcs-"+c.Name()+"(8).")
			}
		}
	}
	r.heading("OPTIONS")
	flags(r, root.PersistentFlags())
	r.heading("EXIT STATUS")
	for _, s := range [][2]string{{"0", "The command did what it should."}, {"1", "It did not; the message says why. diff: there is a difference. status --check: something does not work."},
		{"4", "Permission denied."}, {"64", "A mistake in the command line."}, {"65", "A file or XML that cannot be read."}, {"66", "A file that is not there."},
		{"78", "A configuration that is not valid."}, {"102", "A daemon that is needed does not run."}, {"103", "Somebody else changed the configuration in the meantime."},
		{"105", "Something that does not exist."}, {"106", "There is no quorum, and the configuration cannot be changed."}, {"107", "Refused because it is not safe."},
		{"108", "Something exists already."}, {"124", "The time to wait was over."}} {
		r.item(s[0], s[1])
	}
	r.heading("ENVIRONMENT")
	r.item("NO_COLOR", "When it is set, nothing is coloured. Output that does not go to a terminal never is.")
	r.item("HOLDFAST_ETC_DIR, HOLDFAST_VAR_DIR, HOLDFAST_RUN_DIR", "Other directories than /etc/holdfast, /var/lib/holdfast and /run/holdfast.")
	files(r)
	r.heading("EXAMPLES")
	r.line("A cluster of three nodes, from nothing:")
	r.line(".PP")
	r.text("  n1# hcs cluster init -f cluster.toml\n  n2# hcs cluster join 10.0.0.1 --token ... --ca-hash ...\n  n1# hcs cluster token\n  n3# hcs cluster join 10.0.0.1 --token ... --ca-hash ...\n  n1# hcs status")
	r.heading("SEE ALSO")
	r.line("\\fBcluster.toml\\fR(5)")
	return r.String()
}

func files(r *roff) {
	r.heading("FILES")
	r.item("/etc/holdfast/cluster.toml", "The cluster file; see cluster.toml(5).")
	r.item("/etc/holdfast/pki, /etc/holdfast/gossip.key", "The cluster's CA, this node's certificate, and the key of its heartbeats.")
	r.item("/var/lib/holdfast", "The node's copy of the configuration, and what the daemons have to remember.")
	r.item("/run/holdfast", "The sockets of the daemons.")
}

// page is the page of a command.
func page(root, c *cobra.Command) string {
	r := newPage("hcs-"+c.Name(), 8, "hcs-"+c.Name(), c.Short)
	r.heading("SYNOPSIS")
	for i, l := range leaves(c) {
		if i > 0 {
			r.line(".br")
		}
		r.line("\\fB" + escape(l.CommandPath()) + "\\fR" + escape(strings.TrimPrefix(usage(l), l.CommandPath())))
	}
	r.heading("DESCRIPTION")
	r.text(c.Long)
	if c.HasSubCommands() {
		r.heading("COMMANDS")
		for _, l := range leaves(c) {
			r.sub(usage(l))
			r.text(l.Long)
			if l.HasLocalFlags() {
				flags(r, l.LocalFlags())
			}
			examples(r, l)
		}
	} else {
		r.heading("OPTIONS")
		flags(r, c.LocalFlags())
		examples(r, c)
	}
	r.heading("OPTIONS OF EVERY COMMAND")
	flags(r, root.PersistentFlags())
	r.heading("SEE ALSO")
	r.line("\\fBhcs\\fR(8), \\fBcluster.toml\\fR(5)")
	return r.String()
}

// usage is the command with its operands.
func usage(c *cobra.Command) string {
	_, operands, _ := strings.Cut(c.Use, " ")
	return strings.TrimSpace(c.CommandPath() + " " + operands)
}

// leaves are the commands that do something, at and below c.
func leaves(c *cobra.Command) []*cobra.Command {
	if !c.HasSubCommands() {
		return []*cobra.Command{c}
	}
	var list []*cobra.Command
	for _, sub := range c.Commands() {
		if documented(sub) {
			list = append(list, leaves(sub)...)
		}
	}
	return list
}

func examples(r *roff, c *cobra.Command) {
	if c.Example == "" {
		return
	}
	r.line(".PP")
	r.text(c.Example)
}

func flags(r *roff, set *pflag.FlagSet) {
	set.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" || f.Name == "version" {
			return
		}
		name, text := pflag.UnquoteUsage(f)
		if name == "duration" {
			name = "time"
		}
		term := "--" + f.Name
		switch {
		case f.NoOptDefVal != "" && f.Value.Type() != "bool":
			term += "[=" + strings.ToUpper(name) + "]"
		case f.Value.Type() != "bool":
			term += " " + strings.ToUpper(name)
		}
		if f.Shorthand != "" {
			term = "-" + f.Shorthand + ", " + term
		}
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "0s" && f.DefValue != "[]" {
			text += " (" + f.DefValue + " unless given)"
		}
		r.item(term, sentence(text))
	})
}

func sentence(s string) string {
	s = strings.ToUpper(s[:1]) + s[1:]
	if strings.HasSuffix(s, ".") {
		return s
	}
	return s + "."
}
