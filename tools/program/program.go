// Package program is the frame of a drop-in command of Pacemaker: options, help, version, output and exit
// status in the way that all of them share.
package program

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/holdfast-ha/holdfast/tools/cibclient"
	"github.com/holdfast-ha/holdfast/tools/cli"
	"github.com/holdfast-ha/holdfast/tools/output"
)

// Build and Features complete the version that the commands claim.
const (
	Build    = "holdfast"
	Features = "cibsecrets corosync-ge-2 monotonic remote systemd"
)

const author = "the Holdfast authors"

// Fault is an error that ends a command with an exit status.
type Fault struct {
	Code int
	// Msg is printed with the command's name in front; "" prints nothing.
	Msg string
	// Bare leaves the command's name out.
	Bare bool
	// Silent ends the command without any message: it has said everything.
	Silent bool
}

func (f *Fault) Error() string { return f.Msg }

// Faultf makes a Fault.
func Faultf(code int, format string, args ...any) error {
	return &Fault{Code: code, Msg: fmt.Sprintf(format, args...)}
}

// Exit ends a command with a status and without a message.
func Exit(code int) error { return &Fault{Code: code, Silent: true} }

// Group is a part of the option table with a help option of its own: --help-KEY.
type Group struct {
	Key, Title string
	Options    []cli.Option
}

// Program is a command. Its options are the groups' and those that all programs have.
type Program struct {
	Summary  string
	Operands string // of the usage line, such as "[-- RC...]"
	Groups   []Group
	// More are options of no group, such as --quiet. An option without help is hidden.
	More  []cli.Option
	Notes string
	// Formats are the values of --output-as beside text; nil is a program that only writes text.
	Formats []output.Format
	// HelpShort is the short form of --help: 'h', or what else it is where -h means something else.
	HelpShort byte
	// Unnamed leaves the command's name out of error messages.
	Unnamed bool
	// Extra are options about the output.
	Extra []cli.Option
	// UnknownFormat is the exit status when the output cannot be made as it is wanted, 1 when it is 0.
	UnknownFormat int
	// Choose, when set, may change where and how the result is written, Prepare the output before it is used.
	Choose  func(format output.Format, file string) (output.Format, string)
	Prepare func(*output.Out)
}

// settings are the options that all programs have.
type settings struct {
	help, format, to string
	version          bool
	fancy            bool
	quiet            bool
	verbose          int
}

// Main parses the command line, runs the program and returns its exit status. Errors that run returns are
// printed.
func (p *Program) Main(ctx context.Context, env *cli.Env, run func(context.Context, *output.Out, []string) error) int {
	s := &settings{format: string(output.Text)}
	operands, err := cli.ParseGLib(p.table(s), env.Args)
	if err != nil {
		return p.refuse(env, err)
	}
	if s.help != "" {
		io.WriteString(env.Stdout, p.Help(env.Name, s.help))
		return 0
	}
	out, done, err := p.output(env, s)
	if err != nil {
		return p.refuse(env, err)
	}
	defer done()
	if s.version {
		version(out)
	} else {
		err = run(ctx, out, operands)
	}
	code := p.report(env, out, err)
	out.End(code)
	return code
}

// refuse ends a command whose options make no sense.
func (p *Program) refuse(env *cli.Env, err error) int {
	code := 64
	var f *Fault
	if errors.As(err, &f) {
		code = f.Code
	}
	fmt.Fprintf(env.Stderr, "%s: %v\n", env.Name, err)
	return code
}

// report prints an error and returns the exit status that it means.
func (p *Program) report(env *cli.Env, out *output.Out, err error) int {
	if err == nil {
		return 0
	}
	var f *Fault
	if !errors.As(err, &f) {
		f = &Fault{Code: cibclient.ExitCode(err), Msg: err.Error()}
	}
	switch {
	case f.Msg == "":
	case f.Bare || p.Unnamed:
		out.Errorf("%s", f.Msg)
	default:
		out.Errorf("%s: %s", env.Name, f.Msg)
	}
	return f.Code
}

// output opens what --output-as and --output-to name.
func (p *Program) output(env *cli.Env, s *settings) (*output.Out, func(), error) {
	format := output.Format(s.format)
	if p.Choose != nil {
		format, s.to = p.Choose(format, s.to)
	}
	known := format == output.Text || format == output.None
	for _, f := range p.Formats {
		known = known || f == format
	}
	if !known {
		return nil, nil, Faultf(max(p.UnknownFormat, 1), "Error creating output format %s: Unknown output format", s.format)
	}
	w, done := env.Stdout, func() {}
	if s.to == "-" {
		s.to = ""
	}
	if s.to != "" {
		f, err := os.Create(s.to)
		if err != nil {
			return nil, nil, Faultf(max(p.UnknownFormat, 1), "Error creating output format %s: %v", s.format, err)
		}
		w, done = f, func() { f.Close() }
	}
	out := output.New(format, w, env.Stderr)
	out.Lines.Plain = !s.fancy
	out.Quiet, out.Verbose = s.quiet, s.verbose
	out.Request, out.File = request(env), s.to
	if p.Prepare != nil {
		p.Prepare(out)
	}
	return out, done, nil
}

// request is the command line as it is shown in the XML document.
func request(env *cli.Env) string {
	var b strings.Builder
	b.WriteString(env.Name)
	for _, a := range env.Args {
		if strings.Contains(a, " ") {
			a = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		}
		b.WriteString(" " + a)
	}
	return b.String()
}
