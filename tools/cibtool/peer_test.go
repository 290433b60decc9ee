package cibtool

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/internal/paths"
	"github.com/holdfast-ha/holdfast/tools/cli"
)

// outcome is what a user sees of a run.
type outcome struct {
	Code   int
	Stdout string
	Stderr string            // its first line
	Files  map[string]string // what the files hold afterwards, formatted where it is XML
}

// invocation is one line of the table: variables, the command and its arguments.
type invocation struct {
	vars  []string
	words []string
	stdin string
}

func (i invocation) String() string { return strings.Join(append(i.vars, i.words...), " ") }

// searchPath is where commands are. It is kept from before testscript puts ours there, under the same names.
var searchPath = os.Getenv("PATH")

// realCommand finds the file of an installed command, "" when it is not.
func realCommand(name string) string {
	for _, dir := range append(filepath.SplitList(searchPath), "/usr/sbin") {
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil && info.Mode()&0o111 != 0 {
			return filepath.Join(dir, name)
		}
	}
	return ""
}

// inDir replaces DIR in what is given to a command, and back in what it says.
func inDir(dir string, words []string) []string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = strings.ReplaceAll(w, "DIR", dir)
	}
	return out
}

// peer runs the real command.
func peer(t *testing.T, dir string, i invocation) outcome {
	t.Helper()
	words := inDir(dir, i.words)
	cmd := exec.Command(realCommand(words[0]), words[1:]...)
	cmd.Dir = dir
	cmd.Env = append([]string{"PATH=" + searchPath, "LC_ALL=C", "SHELL=/bin/sh"}, inDir(dir, i.vars)...)
	cmd.Stdin = strings.NewReader(i.stdin)
	var out, diag bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &diag
	_ = cmd.Run() // the exit status is read below
	return result(t, dir, cmd.ProcessState.ExitCode(), out.String(), diag.String())
}

// ours runs our command.
func ours(t *testing.T, dir string, i invocation) outcome {
	t.Helper()
	vars := map[string]string{"SHELL": "/bin/sh"}
	for _, v := range inDir(dir, i.vars) {
		name, value, _ := strings.Cut(v, "=")
		vars[name] = value
	}
	words := inDir(dir, i.words)
	var out, diag bytes.Buffer
	env := &cli.Env{Name: words[0], Args: words[1:], Stdin: strings.NewReader(i.stdin), Stdout: &out, Stderr: &diag,
		Getenv: func(name string) string { return vars[name] }, Dirs: paths.Dirs{Run: dir}}
	code := -1
	for _, c := range Commands(nil) {
		if c.Name == env.Name {
			code = c.Run(context.Background(), env)
		}
	}
	return result(t, dir, code, out.String(), diag.String())
}

func result(t *testing.T, dir string, code int, stdout, stderr string) outcome {
	t.Helper()
	line, _, _ := strings.Cut(strings.ReplaceAll(stderr, dir, "DIR"), "\n")
	o := outcome{code, strings.ReplaceAll(stdout, dir, "DIR"), line, map[string]string{}}
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		o.Files[filepath.Base(name)] = string(raw)
		if e, err := cibxml.Parse(string(raw)); err == nil {
			o.Files[filepath.Base(name)] = printed(e)
		}
	}
	return o
}

// files are what the table works on.
func files(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"cib.xml", "acl.xml", "invalid.xml"} {
		raw, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// A table of what people and programs do with these commands, each run with the real one and with ours.
func TestCommands_DoWhatTheRealOnesDo(t *testing.T) {
	for _, name := range []string{"cibadmin", "crm_diff", "crm_shadow"} {
		if realCommand(name) == "" {
			t.Skipf("%s is not installed", name)
		}
	}
	count := 0
	for line := range strings.Lines(invocations) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		count++
		t.Run(line, func(t *testing.T) {
			theirDir, ourDir := files(t), files(t)
			steps, loose := strings.CutPrefix(line, "? ")
			for step := range strings.SplitSeq(steps, " ;; ") {
				i := parseInvocation(t, step)
				want, got := peer(t, theirDir, i), ours(t, ourDir, i)
				if loose {
					want.Stderr, got.Stderr = "", ""
				}
				if d := cmp.Diff(want, got); d != "" {
					t.Fatalf("%v (-theirs +ours)\n%s", i, d)
				}
			}
		})
	}
	if count < 100 {
		t.Errorf("the table has only %d lines", count)
	}
}

// parseInvocation splits a line as a shell does: blanks, single quotes, VAR=value before the command, and
// "< FILE" or "<< text" as standard input.
func parseInvocation(t *testing.T, line string) invocation {
	t.Helper()
	var i invocation
	var word strings.Builder
	quoted, begun := false, false
	var words []string
	for _, r := range line + " " {
		switch {
		case r == '\'':
			quoted, begun = !quoted, true
		case r == ' ' && !quoted:
			if begun {
				words = append(words, word.String())
			}
			word.Reset()
			begun = false
		default:
			word.WriteRune(r)
			begun = true
		}
	}
	for n := 0; n < len(words); n++ {
		switch name, _, isVar := strings.Cut(words[n], "="); {
		case words[n] == "<<":
			n++
			i.stdin = words[n]
		case isVar && len(i.words) == 0 && strings.ToUpper(name[:3]) == name[:3]:
			i.vars = append(i.vars, words[n])
		default:
			i.words = append(i.words, words[n])
		}
	}
	i.vars = append([]string{"CIB_file=DIR/cib.xml", "CIB_shadow_dir=DIR"}, i.vars...)
	return i
}
