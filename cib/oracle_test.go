package cib

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"pgregory.net/rapid"
)

// documents draws CIBs whose content is free: with validate-with="none" nothing is refused for its form.
func documents() *rapid.Generator[*cibxml.Element] {
	return rapid.Custom(func(t *rapid.T) *cibxml.Element {
		doc := WithAttrs(Empty("none"), "epoch", "5", "num_updates", "3", "admin_epoch", "1")
		config := cibxml.New("configuration")
		for _, name := range []string{"crm_config", "nodes", "resources", "constraints", "tags"} {
			if name == "tags" && rapid.Bool().Draw(t, "no tags") {
				continue
			}
			section := cibxml.New(name)
			objects(t, section, 2)
			config.Append(section)
		}
		status := cibxml.New("status")
		objects(t, status, 1)
		return doc.WithChildren([]*cibxml.Element{config, status})
	})
}

var objectNames = rapid.SampledFrom([]string{"primitive", "group", "nvpair"})

// objects adds elements, most of them with an id, which are not always unique.
func objects(t *rapid.T, e *cibxml.Element, depth int) {
	used := map[string]bool{}
	for range rapid.IntRange(0, 3).Draw(t, "objects") {
		c := object(t)
		if depth > 0 {
			objects(t, c, depth-1)
		}
		if k := identity(c); !used[k] && !used[c.Name] && (k != c.Name || !used[c.Name+" "]) {
			used[k], used[c.Name+" "] = true, true
			e.Append(c)
		}
	}
}

func object(t *rapid.T) *cibxml.Element {
	c := cibxml.New(objectNames.Draw(t, "name"))
	if rapid.IntRange(0, 6).Draw(t, "has id") > 0 {
		c.Set("id", rapid.SampledFrom([]string{"1", "2", "3", "4"}).Draw(t, "id"))
	}
	for range rapid.IntRange(0, 2).Draw(t, "attrs") {
		name := rapid.SampledFrom([]string{"value", "type", "id-ref"}).Draw(t, "attr")
		c.Set(name, rapid.SampledFrom([]string{"x", "X", "7", "-INFINITY", "value++", "value+=3", "type++", ""}).Draw(t, "val"))
	}
	return c
}

// commands draws commands and the arguments of cibadmin that mean the same.
func commands(t *rapid.T) (Command, []string) {
	c := Command{Op: rapid.SampledFrom([]Op{OpQuery, OpCreate, OpModify, OpReplace, OpDelete, OpErase, OpBump}).Draw(t, "op")}
	args := []string{"--" + string(c.Op), "--force"}
	scopes := []string{"", "all", "configuration", "resources", "nodes", "tags", "status", "bogus"}
	switch {
	case rapid.IntRange(0, 2).Draw(t, "by") == 0 && c.Op != OpCreate:
		c.XPath = rapid.SampledFrom([]string{"//primitive", "//group/primitive[1]", "//*[@id='1']", "//nvpair/@value", "//primitive/..",
			"//nothing", "/cib/configuration/resources", "//status/*", "bad["}).Draw(t, "xpath")
		if c.Op == OpDelete && c.XPath == "bad[" {
			c.XPath = "//nothing"
		}
		args = append(args, "--xpath", c.XPath)
	default:
		if c.Section = rapid.SampledFrom(scopes).Draw(t, "scope"); c.Section != "" {
			args = append(args, "-o", c.Section)
		}
	}
	switch c.Op {
	case OpQuery:
		if c.NoChildren = rapid.IntRange(0, 3).Draw(t, "shallow") == 0; c.NoChildren {
			args = append(args, "-n")
		}
		return c, args
	case OpErase, OpBump:
		return c, args
	}
	c.Input = object(t)
	objects(t, c.Input, 1)
	switch rapid.IntRange(0, 7).Draw(t, "input") {
	case 0:
		if c.XPath != "" {
			break
		}
		c.Input = cibxml.New("cib", "epoch", "epoch++").Append(cibxml.New("configuration").Append(cibxml.New("nodes").Append(c.Input)), cibxml.New("status"))
	case 1, 2:
		if c.Section != "" && c.Section != "all" && c.Section != "bogus" {
			c.Input = cibxml.New(c.Section).Append(c.Input)
		}
	}
	if c.Op == OpModify {
		if c.AllowCreate = rapid.Bool().Draw(t, "allow create"); c.AllowCreate {
			args = append(args, "--allow-create")
		}
	}
	return c, append(args, "--xml-text", c.Input.Compact())
}

// The real cibadmin does the same to a file, except where Apply's comment says that it does not.
func TestApply_DoesWhatCibadminDoes(t *testing.T) {
	tool, err := exec.LookPath("cibadmin")
	if err != nil {
		t.Skip("cibadmin is not installed")
	}
	file := filepath.Join(t.TempDir(), "cib.xml")
	rapid.Check(t, func(t *rapid.T) {
		doc := settled(documents().Draw(t, "doc"))
		cmd, args := commands(t)
		if err := os.WriteFile(file, []byte(doc.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		run := exec.Command(tool, args...)
		run.Env = append(os.Environ(), "CIB_file="+file)
		var out, diag bytes.Buffer
		run.Stdout, run.Stderr = &out, &diag
		_ = run.Run() // the exit status is read below
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		theirs := parsedOr(t, string(raw))

		r, err := Apply(doc, cmd)
		code := 0
		var e *Error
		if errors.As(err, &e) {
			code = e.Code
		}
		report := func(what string) {
			t.Fatalf("%s\n%v\ndocument\n%s\nexit %d, ours %d (%v)\n%s%s\ntheirs\n%s\nours\n%s", what, args, doc,
				run.ProcessState.ExitCode(), code, err, out.String(), diag.String(), theirs, r.Doc)
		}
		if code != run.ProcessState.ExitCode() {
			report("another exit status")
		}
		if cmd.Op == OpQuery && code == 0 && r.Output.Format(cibxml.Style{Indent: true, Pacemaker: true}) != out.String() {
			report("another answer")
		}
		content := same(WithVersion(r.Doc, Version{}), WithVersion(theirs, Version{}))
		missed := VersionOf(theirs).Compare(VersionOf(r.Doc)) < 0
		if content && (missed || same(r.Doc, doc)) {
			return
		}
		if !same(r.Doc, theirs) {
			report("another document")
		}
	})
}

func parsedOr(t *rapid.T, src string) *cibxml.Element {
	e, err := cibxml.Parse(src)
	if err != nil {
		t.Fatal(err)
	}
	return e
}
