package cibtool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/cib"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/tools/cibclient"
	"github.com/holdfast-ha/holdfast/tools/cli"
)

// callTimeout is how long cibadmin waits for the cluster unless it is told otherwise; Pacemaker's default.
const callTimeout = 30 * time.Second

// cibadmin is one run of the command.
type cibadmin struct {
	env   *cli.Env
	cmd   cib.Command
	user  string
	after func(context.Context) int // what to do instead of a command on the CIB

	xmlText, xmlFile *string
	xmlPipe          bool
	force, dangerous bool
	sync             bool
	timeout          time.Duration
	showAccess       string
	empty            bool
}

func (a *cibadmin) options() []cli.Option {
	op := func(op cib.Op) func(string) error {
		return func(string) error { a.cmd.Op = op; return nil }
	}
	risky := func(do func(string) error) func(string) error {
		return func(v string) error { a.dangerous = true; return do(v) }
	}
	ignore := func(string) error { return nil }
	return []cli.Option{
		{Long: "help", Short: '?', Do: a.help, Help: "show this text", Heading: "General"},
		{Long: "version", Short: '$', Do: a.version, Help: "show the version"},
		{Short: '!', Do: a.features},
		{Long: "verbose", Short: 'V', Do: ignore, Help: "accepted for compatibility"},

		{Long: "query", Short: 'Q', Do: op(cib.OpQuery), Help: "print the CIB, a section or what matches an XPath", Heading: "Commands"},
		{Long: "create", Short: 'C', Do: op(cib.OpCreate), Help: "add an object that is not there yet"},
		{Long: "modify", Short: 'M', Do: op(cib.OpModify), Help: "merge attributes and children into an object"},
		{Long: "replace", Short: 'R', Do: op(cib.OpReplace), Help: "put an object in the place of the one with its id"},
		{Long: "delete", Short: 'D', Do: op(cib.OpDelete), Help: "remove the first object that has this name and these attributes"},
		{Long: "delete-all", Short: 'd', Do: risky(a.deleteAll), Help: "with --xpath: remove every match"},
		{Long: "patch", Short: 'P', Do: op(cib.OpPatch), Help: "apply a difference, as crm_diff prints it"},
		{Long: "bump", Short: 'B', Do: op(cib.OpBump), Help: "raise the epoch by one"},
		{Long: "erase", Short: 'E', Do: risky(op(cib.OpErase)), Help: "remove everything"},
		{Long: "upgrade", Short: 'u', Do: risky(op(cib.OpUpgrade)), Help: "bring the CIB to the newest schema"},
		{Long: "empty", Short: 'a', Do: cli.Flag(&a.empty), Help: "print an empty CIB; an operand names its schema"},
		{Long: "md5-sum", Short: '5', Do: a.digest, Help: "print the digest that files of the given XML have"},
		{Long: "md5-sum-versioned", Short: '6', Do: a.versionedDigest, Help: "print the digest that nodes compare"},
		{Long: "show-access", Short: 'S', Arg: cli.MayArg, Meta: "STYLE", Do: a.access,
			Help: "with --query --user: mark what the user may do (color, text, namespace, auto)"},

		{Long: "xml-text", Short: 'X', Arg: cli.NeedArg, Meta: "XML", Do: setText(&a.xmlText), Help: "the XML to work with", Heading: "Data"},
		{Long: "xml-file", Short: 'x', Arg: cli.NeedArg, Meta: "FILE", Do: setText(&a.xmlFile), Help: "read the XML from a file"},
		{Long: "xml-pipe", Short: 'p', Do: cli.Flag(&a.xmlPipe), Help: "read the XML from standard input"},
		{Long: "scope", Short: 'o', Arg: cli.NeedArg, Meta: "SECTION", Do: cli.Text(&a.cmd.Section), Help: "work in one section of the CIB"},
		{Long: "xpath", Short: 'A', Arg: cli.NeedArg, Meta: "XPATH", Do: cli.Text(&a.cmd.XPath), Help: "work on what an XPath matches"},
		{Long: "node-path", Short: 'e', Do: cli.Flag(&a.cmd.PathsOnly), Help: "with --query --xpath: print where the matches are"},
		{Long: "no-children", Short: 'n', Do: cli.Flag(&a.cmd.NoChildren), Help: "with --query: leave children out"},
		{Long: "allow-create", Short: 'c', Do: cli.Flag(&a.cmd.AllowCreate), Help: "with --modify: add what is not there"},

		{Long: "force", Short: 'f', Do: cli.Flag(&a.force), Help: "do it although it is dangerous", Heading: "Circumstances"},
		{Long: "user", Short: 'U', Arg: cli.NeedArg, Meta: "NAME", Do: cli.Text(&a.user), Help: "with the permissions of this user"},
		{Long: "timeout", Short: 't', Arg: cli.NeedArg, Meta: "SECONDS", Do: a.setTimeout, Help: "how long to wait for the cluster"},
		{Long: "sync-call", Short: 's', Do: cli.Flag(&a.sync), Help: "accepted; every call waits for its result"},
		{Long: "local", Short: 'l', Do: ignore, Help: "accepted; queries are answered by this node anyway"},
		{Long: "no-bcast", Short: 'b', Do: risky(ignore)},
		{Long: "node", Short: 'N', Arg: cli.NeedArg, Meta: "NODE", Do: ignore, Help: "accepted; all nodes have the same CIB"},
		{Long: "host", Short: 'h', Arg: cli.NeedArg, Do: ignore},
	}
}

// setText stores a value that may be empty, apart from none.
func setText(p **string) func(string) error {
	return func(v string) error { *p = &v; return nil }
}

func (a *cibadmin) deleteAll(string) error {
	a.cmd.Op, a.cmd.All = cib.OpDelete, true
	return nil
}

func (a *cibadmin) setTimeout(v string) error {
	n, err := strconv.Atoi(v)
	if err != nil || n < 0 {
		return &cli.UsageError{Msg: fmt.Sprintf("--timeout wants seconds, not %q", v)}
	}
	if n > 0 {
		a.timeout = time.Duration(n) * time.Second
	}
	return nil
}

func (a *cibadmin) access(v string) error {
	switch v {
	case "", "auto", "color", "text", "namespace":
		a.showAccess = v
		if v == "" {
			a.showAccess = "auto"
		}
		return nil
	}
	return &cli.UsageError{Msg: fmt.Sprintf("--show-access is color, text, namespace or auto, not %q", v)}
}

// errDone ends option parsing when an option has said all.
var errDone = errors.New("done")

func (a *cibadmin) help(string) error {
	fmt.Fprint(a.env.Stdout, cli.Help("cibadmin", "query and edit the cluster's configuration", "COMMAND [OPTIONS]", a.options()))
	return errDone
}

func (a *cibadmin) version(string) error {
	printVersion(a.env.Stdout)
	return errDone
}

func (a *cibadmin) features(string) error {
	printFeatures(a.env.Stdout)
	return errDone
}

func (a *cibadmin) digest(string) error {
	a.after = func(context.Context) int {
		return a.printDigest("Digest: ", cib.Digest)
	}
	return nil
}

func (a *cibadmin) versionedDigest(string) error {
	a.after = func(context.Context) int {
		set := "(null)"
		if a.cmd.Input != nil && a.cmd.Input.Get("crm_feature_set") != "" {
			set = a.cmd.Input.Get("crm_feature_set")
		}
		if set == "(null)" { // documents of that age are compared as files are
			return a.printDigest("Versioned ("+set+") digest: ", cib.Digest)
		}
		return a.printDigest("Versioned ("+set+") digest: ", cib.VersionedDigest)
	}
	return nil
}

func (a *cibadmin) printDigest(label string, digest func(*cibxml.Element) string) int {
	if a.cmd.Input == nil {
		fmt.Fprintln(a.env.Stderr, "Please supply XML to process with -X, -x or -p")
		return cib.CodeUsage
	}
	fmt.Fprint(a.env.Stderr, label)
	fmt.Fprintln(a.env.Stdout, digest(a.cmd.Input))
	return 0
}

// runCibadmin is the command.
func runCibadmin(ctx context.Context, env *cli.Env, upgrade Upgrade) int {
	a := &cibadmin{env: env, timeout: callTimeout}
	operands, err := cli.Parse(a.options(), env.Args)
	switch {
	case errors.Is(err, errDone):
		return 0
	case err != nil:
		return usage(env, err.Error())
	case a.empty && len(operands) < 2:
		fmt.Fprint(env.Stdout, printed(cib.Empty(strings.Join(operands, ""))))
		return 0
	case len(operands) > 0:
		return usage(env, fmt.Sprintf("unexpected %q", operands[0]))
	case a.cmd.Op == "" && a.after == nil:
		return usage(env, "no command is given")
	case a.dangerous && !a.force:
		fmt.Fprintln(env.Stderr, dangerText)
		return cib.CodeUnsafe
	case a.showAccess != "" && a.user == "":
		fmt.Fprintln(env.Stderr, "The supplied command requires -U user specified.")
		return cib.CodeUsage
	}
	if code := a.readInput(); code != 0 {
		return code
	}
	if a.after != nil {
		return a.after(ctx)
	}
	a.cmd.Upgrade = upgrade
	return a.perform(ctx)
}

// dangerText is what clients look for when --force is missing.
const dangerText = "The supplied command is considered dangerous.  To prevent accidental destruction of the cluster, " +
	"the --force flag is required in order to proceed."

// usage reports a mistake in the command line.
func usage(env *cli.Env, problem string) int {
	fmt.Fprintf(env.Stderr, "%s: %s\nTry %s --help\n", env.Name, problem, env.Name)
	return cib.CodeUsage
}

// readInput reads the XML to work with from where the options say.
func (a *cibadmin) readInput() int {
	var source, text string
	var err error
	switch {
	case a.xmlFile != nil:
		var raw []byte
		source = *a.xmlFile
		raw, err = os.ReadFile(source)
		text = string(raw)
	case a.xmlText != nil:
		source, text = "input string", *a.xmlText
	case a.xmlPipe:
		var raw []byte
		source = "STDIN"
		raw, err = io.ReadAll(io.LimitReader(a.env.Stdin, cibxml.MaxSize+1))
		text = string(raw)
	default:
		return 0
	}
	if err == nil {
		a.cmd.Input, err = cibxml.Parse(text)
	}
	if err != nil {
		fmt.Fprintf(a.env.Stderr, "Couldn't parse input from %s.\n%v\n", source, err)
		return cib.CodeSchema
	}
	if a.cmd.Op == cib.OpReplace && a.cmd.Input.Name == "cib" && a.cmd.Input.Child("status") == nil {
		a.cmd.Input = cib.WithStatus(a.cmd.Input, cibxml.New("status"))
	}
	return 0
}

// perform does the command and prints its result.
func (a *cibadmin) perform(ctx context.Context) int {
	ctx, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	conn, err := cibclient.Open(a.env)
	if err != nil {
		return initFailed(a.env, err)
	}
	defer conn.Close()
	a.cmd.User = a.user
	if a.showAccess != "" {
		return a.printAccess(ctx, conn)
	}
	r, err := conn.Do(ctx, a.cmd)
	if err != nil {
		return a.failed(conn, err)
	}
	if r.Note != "" && conn.Live() { // in a file an upgrade that changes nothing is done without a word
		fmt.Fprintln(a.env.Stdout, r.Note)
	}
	switch {
	case r.Output == nil:
	case !a.cmd.PathsOnly:
		fmt.Fprint(a.env.Stdout, printed(r.Output))
	case r.Output.Name == "xpath-query":
		for p := range r.Output.Tags() {
			fmt.Fprintln(a.env.Stdout, p.ID())
		}
	}
	return 0
}

// initFailed reports that there is no CIB to work with.
func initFailed(env *cli.Env, err error) int {
	msg, detail := split(err)
	fmt.Fprintf(env.Stderr, "Could not connect to the CIB: %s\nInit failed, could not perform requested operations\n", msg)
	for _, d := range detail {
		fmt.Fprintln(env.Stderr, d)
	}
	return cibclient.ExitCode(err)
}

// split separates what Pacemaker says of an error from what we know more.
func split(err error) (msg string, detail []string) {
	var refused *cib.Error
	if errors.As(err, &refused) {
		return refused.Msg, refused.Detail
	}
	return err.Error(), nil
}

// failed reports that the command was refused.
func (a *cibadmin) failed(conn *cibclient.Conn, err error) int {
	if cibclient.ExitCode(err) == cib.CodeNotConnected {
		return initFailed(a.env, err)
	}
	msg, detail := split(err)
	var refused *cib.Error
	if errors.As(err, &refused) {
		if refused.Refused != nil {
			numbered(a.env.Stderr, printed(refused.Refused))
		}
		if refused.Failed != nil {
			fmt.Fprint(a.env.Stdout, printed(refused.Failed))
		}
	}
	call := "Call"
	if conn.Live() && !a.sync {
		call += " " + a.cmd.Op.PacemakerName()
	}
	fmt.Fprintf(a.env.Stderr, "%s failed: %s\n", call, msg)
	for _, d := range detail {
		fmt.Fprintln(a.env.Stderr, "  "+d)
	}
	return cibclient.ExitCode(err)
}

// numbered prints a text with the numbers of its lines.
func numbered(w io.Writer, text string) {
	for i, line := range strings.Split(text, "\n") {
		fmt.Fprintf(w, "%4d %s\n", i+1, line)
	}
}
