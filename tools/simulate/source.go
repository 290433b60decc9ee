package simulate

import (
	"bufio"
	"compress/bzip2"
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/cib/schema"
	"github.com/holdfast-ha/holdfast/cib/upgrade"
	"github.com/holdfast-ha/holdfast/tools/cibclient"
	"github.com/holdfast-ha/holdfast/tools/cli"
	"github.com/holdfast-ha/holdfast/tools/program"
)

// unvalidated is what people are told when a CIB asks not to be checked.
const unvalidated = "Schema validation of configuration is disabled (enabling is encouraged and prevents common misconfigurations)"

// load reads the CIB, brings it to a schema that the scheduler understands and checks it.
func (s *session) load(ctx context.Context) (*cibxml.Element, error) {
	doc, err := s.read(ctx)
	if err != nil {
		return nil, err
	}
	return Prepare(doc, func(text string) { fmt.Fprintln(s.env.Stderr, text) })
}

// Prepare upgrades and checks a CIB. warn is told what an administrator should know although it is accepted.
func Prepare(doc *cibxml.Element, warn func(string)) (*cibxml.Element, error) {
	name, given := doc.Lookup("validate-with")
	if !given || name == schema.None {
		warn(unvalidated)
	}
	doc, err := upgrade.ToCurrent(doc)
	if err != nil {
		return nil, &program.Fault{Code: exitConfig, Msg: err.Error(), Bare: true}
	}
	if problems := schema.Check(nil, doc); len(problems) > 0 {
		msg := "The CIB does not conform to its schema " + doc.Get("validate-with") + ":"
		for _, p := range problems {
			msg += "\n  " + p.Path + ": " + p.String()
		}
		return nil, &program.Fault{Code: exitConfig, Msg: msg, Bare: true}
	}
	if doc.Child("status") == nil {
		doc = doc.WithChild(nil, cibxml.New("status"))
	}
	return doc, nil
}

func (s *session) read(ctx context.Context) (*cibxml.Element, error) {
	switch {
	case s.live:
		return query(ctx, s.env)
	case s.file == "-":
		return parse(s.env.Stdin, "standard input")
	}
	return ReadFile(s.file)
}

// query fetches the CIB of the running cluster.
func query(ctx context.Context, env *cli.Env) (*cibxml.Element, error) {
	conn, err := cibclient.Open(env)
	if err != nil {
		return nil, program.Faultf(cibclient.ExitCode(err), "CIB query failed: %v", err)
	}
	defer conn.Close()
	doc, err := conn.Query(ctx, "")
	if err != nil {
		return nil, program.Faultf(cibclient.ExitCode(err), "CIB query failed: %v", err)
	}
	return doc, nil
}

// ReadFile reads a CIB from a file, which may be compressed.
func ReadFile(path string) (*cibxml.Element, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, program.Faultf(exitNoInput, "read CIB: %v", err)
	}
	defer f.Close()
	var in io.Reader = bufio.NewReader(f)
	if strings.HasSuffix(path, ".bz2") {
		in = bzip2.NewReader(in)
	}
	return parse(in, path)
}

func parse(in io.Reader, name string) (*cibxml.Element, error) {
	raw, err := io.ReadAll(in)
	if err != nil {
		return nil, program.Faultf(exitIO, "read %s: %v", name, err)
	}
	doc, err := cibxml.Parse(string(raw))
	if err != nil {
		return nil, program.Faultf(exitConfig, "%s: %v", name, err)
	}
	if doc.Name != "cib" {
		return nil, program.Faultf(exitConfig, "%s: the document is a <%s>, not a <cib>", name, doc.Name)
	}
	return doc, nil
}

// save writes a CIB to a file.
func save(path string, doc *cibxml.Element) error {
	return writeFile(path, func(w io.Writer) error {
		_, err := io.WriteString(w, doc.String())
		return err
	})
}

func writeFile(path string, write func(io.Writer) error) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	buf := bufio.NewWriter(f)
	if err = write(buf); err == nil {
		err = buf.Flush()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	return err
}
