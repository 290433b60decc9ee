package program

import (
	"fmt"
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/tools/cli"
	"github.com/holdfast-ha/holdfast/tools/output"
)

// table is all options. Those of the program come first: it may give a letter another meaning.
func (p *Program) table(s *settings) []cli.Option {
	var all []cli.Option
	for _, g := range p.Groups {
		all = append(all, g.Options...)
		all = append(all, helpOption("help-"+g.Key, s))
	}
	all = append(all, p.More...)
	all = append(all, p.shared(s)...)
	all = append(all, helpOption("help-all", s))
	if len(p.Formats) > 0 {
		all = append(all, outputOptions(s)...)
		all = append(all, p.Extra...)
		all = append(all, helpOption("help-output", s))
	}
	return all
}

func helpOption(name string, s *settings) cli.Option {
	return cli.Option{Long: name, Do: func(string) error { s.help = name; return nil }}
}

// shared are the options of every program.
func (p *Program) shared(s *settings) []cli.Option {
	short := p.HelpShort
	if short == 0 {
		short = 'h'
	}
	help := helpOption("help", s)
	help.Short = short
	return []cli.Option{
		{Long: "version", Short: '$', Do: cli.Flag(&s.version), Help: "Show the version and exit"},
		{Long: "verbose", Short: 'V', Do: func(string) error { s.verbose++; return nil }, Help: "Say more; may be given several times"},
		{Long: "quiet", Short: 'Q', Do: cli.Flag(&s.quiet), Help: "Say less"},
		help,
	}
}

func outputOptions(s *settings) []cli.Option {
	return []cli.Option{
		{Long: "output-as", Arg: cli.NeedArg, Do: cli.Text(&s.format)},
		{Long: "output-to", Arg: cli.NeedArg, Do: cli.Text(&s.to)},
		{Long: "text-fancy", Do: cli.Flag(&s.fancy)},
	}
}

// Help is the text for one of the help options: help, help-all or help-KEY.
func (p *Program) Help(name, what string) string {
	var b strings.Builder
	usage := "[OPTION…]"
	if p.Operands != "" {
		usage += " " + p.Operands
	}
	fmt.Fprintf(&b, "Usage:\n  %s %s\n\n%s\n", name, usage, p.Summary)
	all := what == "help-all"
	if all || what == "help" {
		p.helpOptions(&b)
	}
	if len(p.Formats) > 0 && (all || what == "help-output") {
		p.formats(&b)
	}
	for _, g := range p.Groups {
		if all || what == "help-"+g.Key {
			section(&b, g.Title, g.Options)
		}
	}
	if all || what == "help" {
		section(&b, "Application Options", append(p.shared(&settings{})[:3:3], p.More...))
	}
	if p.Notes != "" {
		b.WriteString("\n" + p.Notes)
	}
	b.WriteByte('\n')
	return b.String()
}

func (p *Program) helpOptions(b *strings.Builder) {
	short := p.HelpShort
	if short == 0 {
		short = 'h'
	}
	rows := []cli.Option{
		{Long: "help", Short: short, Help: "Show the general options"},
		{Long: "help-all", Help: "Show all options"},
	}
	if len(p.Formats) > 0 {
		rows = append(rows, cli.Option{Long: "help-output", Help: "Show the options for the output"})
	}
	for _, g := range p.Groups {
		rows = append(rows, cli.Option{Long: "help-" + g.Key, Help: "Show: " + g.Title})
	}
	section(b, "Help Options", rows)
}

func (p *Program) formats(b *strings.Builder) {
	names := []string{"text"}
	for _, f := range p.Formats {
		names = append(names, string(f))
	}
	section(b, "Output Options", append([]cli.Option{
		{Long: "output-as", Arg: cli.NeedArg, Meta: "FORMAT", Help: "How to write the result: " + strings.Join(names, ", ")},
		{Long: "output-to", Arg: cli.NeedArg, Meta: "FILE", Help: "Where to write the result, - for standard output"},
		{Long: "text-fancy", Help: "Text with titles and bullets"},
	}, p.Extra...))
}

// section writes the options of a table that have a help text.
func section(b *strings.Builder, title string, options []cli.Option) {
	fmt.Fprintf(b, "\n%s:\n", title)
	for _, o := range options {
		if o.Help == "" {
			continue
		}
		left := ""
		switch {
		case o.Short != 0 && o.Long != "":
			left = fmt.Sprintf("-%c, --%s", o.Short, o.Long)
		case o.Short != 0:
			left = fmt.Sprintf("-%c", o.Short)
		default:
			left = "--" + o.Long
		}
		if o.Arg != cli.NoArg {
			left += "=" + o.Meta
		}
		fmt.Fprintf(b, "  %-32s %s\n", left, o.Help)
	}
}

// version shows the version that the commands claim and who wrote them.
func version(out *output.Out) {
	if out.IsXML() {
		out.Add(cibxml.New("version", "program", "Pacemaker", "version", cli.PacemakerVersion, "author", author,
			"build", Build, "features", Features))
		return
	}
	out.Printf("Pacemaker %s\nWritten by %s\n", cli.PacemakerVersion, author)
}
