package cibtool

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/holdfast-ha/holdfast/cib"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/internal/atomicfile"
	"github.com/holdfast-ha/holdfast/tools/cibclient"
	"github.com/holdfast-ha/holdfast/tools/cli"
)

// Exit codes that only crm_shadow uses.
const (
	codeNoEditor    = 6  // "not configured"
	codeCannotMake  = 73 // a file cannot be created
	codeNotPossible = 64
)

// shadow is one run of crm_shadow. It works with two CIBs: the copy, and what it is a copy of, which is the
// running cluster or the file that CIB_file names.
type shadow struct {
	env    *cli.Env
	do     func(context.Context) int
	name   string // the copy that the command is about; the active one for queries
	active string // CIB_shadow
	schema string
	force  bool
	batch  bool
	all    bool
	// changes tells that the command is one that must not hit the wrong copy.
	changes, dangerous bool
}

func (s *shadow) options() []cli.Option {
	query := func(do func(context.Context) int) func(string) error {
		return func(string) error { s.do, s.name = do, s.active; return nil }
	}
	command := func(do func(context.Context) int, changes, dangerous bool) func(string) error {
		return func(v string) error {
			s.do, s.name, s.changes, s.dangerous = do, v, changes, dangerous
			return nil
		}
	}
	return []cli.Option{
		{Long: "help", Short: '?', Do: func(string) error {
			fmt.Fprint(s.env.Stdout, cli.Help("crm_shadow", "try changes of the configuration on a copy", "COMMAND [OPTIONS]", s.options()))
			return errDone
		}, Help: "show this text", Heading: "General"},
		{Long: "version", Short: '$', Do: func(string) error { printVersion(s.env.Stdout); return errDone }, Help: "show the version"},
		{Long: "verbose", Short: 'V', Do: func(string) error { return nil }, Help: "accepted for compatibility"},
		{Long: "which", Short: 'w', Do: query(s.which), Help: "print the name of the copy in use", Heading: "Queries"},
		{Long: "display", Short: 'p', Do: query(s.display), Help: "print the copy in use"},
		{Long: "diff", Short: 'd', Do: query(s.diff), Help: "print what was changed in the copy in use"},
		{Long: "file", Short: 'F', Do: query(s.file), Help: "print the file of the copy in use"},
		{Long: "edit", Short: 'E', Do: query(s.edit), Help: "open the copy in use with $EDITOR"},
		{Long: "create", Short: 'c', Arg: cli.NeedArg, Meta: "NAME", Do: command(s.create, false, false), Help: "copy the cluster's configuration", Heading: "Commands"},
		{Long: "create-empty", Short: 'e', Arg: cli.NeedArg, Meta: "NAME", Do: command(s.createEmpty, false, false), Help: "make a copy without content"},
		{Long: "commit", Short: 'C', Arg: cli.NeedArg, Meta: "NAME", Do: command(s.commit, true, true), Help: "make the copy the cluster's configuration"},
		{Long: "delete", Short: 'D', Arg: cli.NeedArg, Meta: "NAME", Do: command(s.remove, true, true), Help: "remove a copy"},
		{Long: "reset", Short: 'r', Arg: cli.NeedArg, Meta: "NAME", Do: command(s.reset, true, false), Help: "copy the cluster's configuration again"},
		{Long: "switch", Short: 's', Arg: cli.NeedArg, Meta: "NAME", Do: command(s.switchTo, false, false), Help: "use another copy"},
		{Long: "force", Short: 'f', Do: cli.Flag(&s.force), Help: "do it although it is dangerous", Heading: "Circumstances"},
		{Long: "batch", Short: 'b', Do: cli.Flag(&s.batch), Help: "start no shell"},
		{Long: "all", Short: 'a', Do: cli.Flag(&s.all), Help: "with --commit: the whole CIB, its status and version too"},
		{Long: "validate-with", Short: 'v', Arg: cli.NeedArg, Meta: "SCHEMA", Do: cli.Text(&s.schema), Help: "with --create-empty: of this schema"},
	}
}

// runShadow is the command.
func runShadow(ctx context.Context, env *cli.Env) int {
	s := &shadow{env: env, active: env.Getenv("CIB_shadow")}
	operands, err := cli.Parse(s.options(), env.Args)
	switch {
	case errors.Is(err, errDone):
		return 0
	case err != nil:
		return usage(env, err.Error())
	case len(operands) > 0:
		return usage(env, fmt.Sprintf("unexpected %q", operands[0]))
	case s.do == nil && !s.batch && len(env.Args) == 0:
		return usage(env, "no command is given")
	case s.do == nil:
		return s.fail(cib.CodeNoObject, "No shadow instance provided")
	case s.name == "":
		return s.fail(cib.CodeNoObject, "No active shadow configuration defined")
	case s.changes && !s.force && s.active != "" && s.active != s.name:
		return s.fail(codeNotPossible, "The supplied shadow instance (%s) is not the same as the active one (%s).\n  %s", s.name, s.active, forceNeeded)
	case s.dangerous && !s.force:
		return s.fail(codeNotPossible, "%s", dangerText)
	}
	return s.do(ctx)
}

const forceNeeded = "To prevent accidental destruction of the cluster, the --force flag is required in order to proceed."

func (s *shadow) fail(code int, format string, args ...any) int {
	fmt.Fprintf(s.env.Stderr, format+"\n", args...)
	return code
}

func (s *shadow) say(format string, args ...any) { fmt.Fprintf(s.env.Stdout, format+"\n", args...) }

func (s *shadow) path() string { return cibclient.ShadowFile(s.env, s.name) }

// origin is what the copy is a copy of.
func (s *shadow) origin() (*cibclient.Conn, error) {
	if f := s.env.Getenv("CIB_file"); f != "" {
		return cibclient.OpenFile(s.env, f)
	}
	return cibclient.OpenLive(s.env), nil
}

// original reads the whole CIB that the copy is a copy of; on failure it says why and returns the exit code.
func (s *shadow) original(ctx context.Context) (*cibxml.Element, int) {
	conn, err := s.origin()
	if err != nil {
		return nil, s.unreachable(err)
	}
	defer conn.Close()
	doc, err := conn.Query(ctx, "")
	if err != nil {
		return nil, s.unreachable(err)
	}
	return doc, 0
}

func (s *shadow) unreachable(err error) int {
	msg, detail := split(err)
	return s.fail(cibclient.ExitCode(err), "Could not connect to CIB: %s", strings.Join(append([]string{msg}, detail...), "\n  "))
}

// copy reads the copy; on failure it says why and returns the exit code.
func (s *shadow) copy() (*cibxml.Element, int) {
	raw, err := os.ReadFile(s.path())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, s.fail(cib.CodeNoObject, "Could not access shadow instance '%s': No such file or directory", s.name)
	}
	if err != nil {
		return nil, s.fail(cib.CodeNoObject, "Could not access shadow instance '%s': %v", s.name, err)
	}
	doc, err := cibxml.Parse(string(raw))
	if err != nil {
		return nil, s.fail(cib.CodeSchema, "Could not read shadow instance '%s': %s: %v", s.name, s.path(), err)
	}
	return doc, 0
}

func (s *shadow) which(context.Context) int {
	s.say("%s", s.name)
	return 0
}

func (s *shadow) file(context.Context) int {
	s.say("%s", s.path())
	return 0
}

func (s *shadow) display(context.Context) int {
	doc, code := s.copy()
	if code == 0 {
		fmt.Fprint(s.env.Stdout, printed(doc))
	}
	return code
}

func (s *shadow) diff(ctx context.Context) int {
	doc, code := s.copy()
	if code != 0 {
		return code
	}
	old, code := s.original(ctx)
	if code != 0 {
		return code
	}
	patch := cib.Diff(old, doc, cib.DiffOptions{})
	if patch == nil {
		return 0
	}
	fmt.Fprint(s.env.Stdout, patchText(patch))
	return cib.CodeError
}

func (s *shadow) edit(ctx context.Context) int {
	if _, code := s.copy(); code != 0 {
		return code
	}
	editor := s.env.Getenv("EDITOR")
	if editor == "" {
		return s.fail(codeNoEditor, "No value for EDITOR defined")
	}
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", editor+` "$1"`, "sh", s.path())
	return s.run(cmd)
}

// run runs a program of the user and returns its exit status.
func (s *shadow) run(cmd *exec.Cmd) int {
	cmd.Stdin, cmd.Stdout, cmd.Stderr = s.env.Stdin, s.env.Stdout, s.env.Stderr
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		return exit.ExitCode()
	case err != nil:
		return s.fail(cib.CodeError, "%v", err)
	}
	return 0
}

func (s *shadow) create(ctx context.Context) int {
	if code := s.vacant(); code != 0 {
		return code
	}
	return s.reset(ctx)
}

// vacant refuses to overwrite a copy.
func (s *shadow) vacant() int {
	if _, err := os.Stat(s.path()); err == nil && !s.force {
		return s.fail(codeCannotMake, "A shadow instance '%s' already exists.\n  %s", s.name, forceNeeded)
	}
	return 0
}

func (s *shadow) reset(ctx context.Context) int {
	if s.changes {
		if _, code := s.copy(); code != 0 {
			return code
		}
	}
	doc, code := s.original(ctx)
	if code != 0 {
		return code
	}
	return s.save(ctx, doc)
}

func (s *shadow) createEmpty(ctx context.Context) int {
	if code := s.vacant(); code != 0 {
		return code
	}
	doc := cib.WithVersion(cib.Empty(s.schema), cib.Version{})
	s.say("Created new %s configuration", doc.Get("validate-with"))
	return s.save(ctx, doc)
}

// save writes the copy and enters it.
func (s *shadow) save(ctx context.Context, doc *cibxml.Element) int {
	if err := os.MkdirAll(filepath.Dir(s.path()), 0o770); err != nil {
		return s.fail(codeCannotMake, "Could not create the shadow instance '%s': %v", s.name, err)
	}
	if err := atomicfile.Write(s.path(), []byte(printed(doc)), 0o640); err != nil {
		return s.fail(codeCannotMake, "Could not create the shadow instance '%s': %v", s.name, err)
	}
	return s.enter(ctx, "A new shadow instance was created.  To begin using it paste the following into your shell:")
}

func (s *shadow) switchTo(ctx context.Context) int {
	if _, code := s.copy(); code != 0 {
		return code
	}
	return s.enter(ctx, "To switch to the named shadow instance, paste the following into your shell:")
}

// enter makes the copy the active one: in a new shell, or by telling how.
func (s *shadow) enter(ctx context.Context, how string) int {
	s.say("Setting up shadow instance")
	shell := s.env.Getenv("SHELL")
	if s.batch || shell == "" {
		s.say("%s\n  CIB_shadow=%s ; export CIB_shadow", how, s.name)
		return 0
	}
	s.say("Type Ctrl-D to exit the crm_shadow shell")
	var args []string
	if strings.Contains(filepath.Base(shell), "bash") {
		args = []string{"--norc", "--noprofile"}
	}
	cmd := exec.CommandContext(ctx, shell, args...)
	cmd.Env = append(os.Environ(), "CIB_shadow="+s.name, "PS1=shadow["+s.name+"] # ")
	return s.run(cmd)
}

// leave tells how to go back to the cluster.
func (s *shadow) leave() {
	s.say("Please remember to unset the CIB_shadow variable by pasting the following into your shell:\n  unset CIB_shadow")
}

func (s *shadow) commit(ctx context.Context) int {
	doc, code := s.copy()
	if code != 0 {
		return code
	}
	conn, err := s.origin()
	if err != nil {
		return s.unreachable(err)
	}
	defer conn.Close()
	cmd := cib.Command{Op: cib.OpReplace, Input: doc}
	if !s.all {
		cmd.Section, cmd.Input = "configuration", doc.Child("configuration")
	}
	if cmd.Input == nil {
		return s.fail(cib.CodeSchema, "Shadow instance '%s' has no configuration", s.name)
	}
	if _, err := conn.Do(ctx, cmd); err != nil {
		msg, detail := split(err)
		return s.fail(cibclient.ExitCode(err), "Could not commit shadow instance '%s' to the CIB: %s", s.name,
			strings.Join(append([]string{msg}, detail...), "\n  "))
	}
	s.leave()
	return 0
}

func (s *shadow) remove(context.Context) int {
	if err := os.Remove(s.path()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return s.fail(cib.CodeError, "Could not remove shadow instance '%s': %v", s.name, err)
	}
	s.leave()
	return 0
}
