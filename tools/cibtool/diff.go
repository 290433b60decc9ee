package cibtool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/holdfast-ha/holdfast/cib"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/tools/cibclient"
	"github.com/holdfast-ha/holdfast/tools/cli"
)

// crmDiff is one run of crm_diff.
type crmDiff struct {
	env *cli.Env
	// old and new are where the two documents come from; patch tells that the second is a patch.
	old, new               source
	patch, asCIB, versions bool
	stdin                  bool
}

// source is a document given as text or as a file, "-" for standard input.
type source struct{ text, file *string }

func (d *crmDiff) options() []cli.Option {
	second := func(p **string, patch bool) func(string) error {
		return func(v string) error {
			d.new, d.patch = source{}, patch
			*p = &v
			return nil
		}
	}
	show := func(print func(io.Writer)) func(string) error {
		return func(string) error { print(d.env.Stdout); return errDone }
	}
	help := show(func(w io.Writer) {
		fmt.Fprint(w, cli.Help("crm_diff", "compare two configurations, or apply a difference", "[OPTIONS]", d.options()))
	})
	return []cli.Option{
		{Long: "help", Short: 'h', Do: help, Help: "show this text", Heading: "General"},
		{Long: "help-all", Short: '?', Do: help},
		{Long: "version", Short: '$', Do: show(printVersion), Help: "show the version"},
		{Long: "verbose", Short: 'V', Do: func(string) error { return nil }, Help: "accepted for compatibility"},
		{Long: "original", Short: 'o', Arg: cli.NeedArg, Meta: "FILE", Do: setText(&d.old.file), Help: "the document to begin with; - is standard input", Heading: "Original"},
		{Long: "original-string", Short: 'O', Arg: cli.NeedArg, Meta: "XML", Do: setText(&d.old.text), Help: "the document as text"},
		{Long: "new", Short: 'n', Arg: cli.NeedArg, Meta: "FILE", Do: second(&d.new.file, false), Help: "compare with this document", Heading: "Operation"},
		{Long: "new-string", Short: 'N', Arg: cli.NeedArg, Meta: "XML", Do: second(&d.new.text, false), Help: "compare with this text"},
		{Long: "patch", Short: 'p', Arg: cli.NeedArg, Meta: "FILE", Do: second(&d.new.file, true), Help: "apply this difference"},
		{Long: "cib", Short: 'c', Do: cli.Flag(&d.asCIB), Help: "the documents are CIBs: check versions, ignore the order of attributes", Heading: "Comparison"},
		{Long: "no-version", Short: 'u', Do: func(string) error { d.versions = false; return nil }, Help: "leave versions out of the difference"},
		{Long: "stdin", Short: 's', Do: cli.Flag(&d.stdin), Help: "read both documents from standard input"},
	}
}

// runDiff is the command.
func runDiff(_ context.Context, env *cli.Env) int {
	d := &crmDiff{env: env, versions: true}
	switch _, err := cli.Parse(d.options(), env.Args); {
	case errors.Is(err, errDone):
		return 0
	case err != nil:
		return usage(env, err.Error())
	}
	switch {
	case !d.versions && d.patch:
		fmt.Fprintln(env.Stderr, "warning: -u/--no-version ignored with -p/--patch")
	case !d.versions && d.asCIB:
		fmt.Fprintln(env.Stderr, "error: -u/--no-version incompatible with -c/--cib")
		return cib.CodeUsage
	}
	if d.stdin {
		dash := "-"
		d.old, d.new = source{file: &dash}, source{file: &dash}
	}
	old, err := d.old.read(env)
	if err != nil {
		fmt.Fprintf(env.Stderr, "Could not parse the first XML fragment\n%v\n", err)
		return cib.CodeData
	}
	new, err := d.new.read(env)
	if err != nil {
		fmt.Fprintf(env.Stderr, "Could not parse the second XML fragment\n%v\n", err)
		return cib.CodeData
	}
	if d.patch {
		return d.apply(old, new)
	}
	return d.compare(old, new)
}

// read reads and parses a document.
func (s source) read(env *cli.Env) (*cibxml.Element, error) {
	switch {
	case s.text != nil:
		return cibxml.Parse(*s.text)
	case s.file == nil:
		return nil, errors.New("no document is given")
	case *s.file == "-":
		return readDocument(env.Stdin)
	}
	f, err := os.Open(*s.file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	e, err := readDocument(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", *s.file, err)
	}
	return e, nil
}

func readDocument(r io.Reader) (*cibxml.Element, error) {
	raw, err := io.ReadAll(io.LimitReader(r, cibxml.MaxSize+1))
	if err != nil {
		return nil, err
	}
	return cibxml.Parse(string(raw))
}

func (d *crmDiff) apply(old, patch *cibxml.Element) int {
	result, err := cib.ApplyPatch(old, patch, d.asCIB)
	if err != nil {
		msg, detail := split(err)
		fmt.Fprintf(d.env.Stderr, "Could not apply patch: %s\n", msg)
		for _, l := range detail {
			fmt.Fprintln(d.env.Stderr, "  "+l)
		}
		return cibclient.ExitCode(err)
	}
	fmt.Fprint(d.env.Stdout, printed(result))
	return 0
}

func (d *crmDiff) compare(old, new *cibxml.Element) int {
	if old.Name != new.Name {
		fmt.Fprintf(d.env.Stderr, "A <%s> cannot be compared with a <%s>\n", old.Name, new.Name)
		return cib.CodeData
	}
	if !d.versions {
		new = withVersionOf(old, new)
	}
	patch := cib.Diff(old, new, cib.DiffOptions{AttributeOrder: !d.asCIB, NoVersions: !d.versions, Digest: d.asCIB})
	if patch == nil {
		return 0
	}
	fmt.Fprint(d.env.Stdout, printed(patch.XML()))
	return cib.CodeError
}

// withVersionOf gives a document the version attributes of another one, as far as that has them.
func withVersionOf(from, to *cibxml.Element) *cibxml.Element {
	for _, name := range []string{"admin_epoch", "epoch", "num_updates"} {
		if v, ok := from.Lookup(name); ok {
			to = to.WithAttr(name, v)
		}
	}
	return to
}
