// Package tools compares our drop-in commands with the installed ones of Pacemaker: both run the same command
// lines over the same CIBs, and what they print, their exit status and the CIB afterwards must be equal.
package tools

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/tests/peers/tools/script"
)

var only = flag.String("only", "", "run only the command lines that match this regular expression")

// everything runs every command line over every CIB that it is listed with, instead of a sample.
var everything = os.Getenv("HOLDFAST_PEERS") == "all"

// peers is where the CIBs are; a user's clone does not have them.
const peers = "../../../../shared/peers"

// sbin is where Pacemaker's commands are.
var sbin = func() string {
	path, _ := exec.LookPath("crm_mon")
	return filepath.Dir(path)
}()

func TestCommands_AgreeWithPacemakers(t *testing.T) {
	version, err := exec.Command(sbin+"/crm_mon", "--version").Output()
	if err != nil || !strings.Contains(string(version), "Beekhof") {
		t.Skip("Pacemaker's own commands are not installed")
	}
	if _, err := os.Stat(peers); err != nil {
		t.Skip("there are no CIBs in " + peers)
	}
	ours := build(t)
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no command lines in testdata", err)
	}
	for _, file := range files {
		cases, err := script.Read(file)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			for _, c := range cases {
				if ok, err := regexp.MatchString(*only, c.Line); err == nil && !ok || !everything && !c.Sample {
					continue
				}
				t.Run("", func(t *testing.T) {
					t.Parallel()
					compare(t, ours, c)
				})
			}
		})
	}
}

// build makes our commands and returns their directory.
func build(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	program := filepath.Join(dir, "holdfast-tools")
	cmd := exec.Command("go", "build", "-o", program, "../../../cmd/holdfast-tools")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build holdfast-tools: %v\n%s", err, out)
	}
	names, err := exec.Command(program, "--list").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range strings.Fields(string(names)) {
		if err := os.Symlink("holdfast-tools", filepath.Join(dir, n)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func compare(t *testing.T, ours string, c script.Case) {
	t.Helper()
	dir := t.TempDir()
	theirs := run(t, sbin, dir, c)
	mine := run(t, ours, dir, c)
	if c.Only != "" {
		theirs, mine = theirs.keep(c.Only), mine.keep(c.Only)
	}
	if d := cmp.Diff(theirs, mine); d != "" {
		t.Errorf("%s: %s (-Pacemaker +Holdfast)\n%s", c.CIB, c.Line, d)
	}
}

// result is what can be seen of a command.
type result struct {
	Code           int
	Stdout, Stderr string
	CIB            string
}

// keep drops what is not compared.
func (r result) keep(only string) result {
	out := result{Code: r.Code}
	for _, what := range strings.Split(only, ",") {
		switch what {
		case "stdout":
			out.Stdout = r.Stdout
		case "stderr":
			out.Stderr = r.Stderr
		case "cib":
			out.CIB = r.CIB
		}
	}
	return out
}

// limit is far more than any command needs.
const limit = 2 * time.Minute

func run(t *testing.T, bin, dir string, c script.Case) result {
	t.Helper()
	file := filepath.Join(dir, "cib.xml")
	environ := []string{"PATH=" + bin + ":/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", "TZ=UTC", "HOLDFAST_RUN_DIR=" + dir, "DIR=" + dir}
	if c.CIB != "" {
		raw, err := os.ReadFile(filepath.Join(peers, c.CIB))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		environ = append(environ, "CIB_file="+file)
	}
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c", c.Line)
	cmd.Env, cmd.Dir = environ, dir
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("%s: %v", c.Line, err)
	}
	r := result{Code: cmd.ProcessState.ExitCode(), Stdout: steady(stdout.String()), Stderr: steady(stderr.String())}
	if c.CIB != "" {
		r.CIB = content(t, file)
	}
	return r
}

// changing is what is different in every run.
var changing = []struct {
	is   *regexp.Regexp
	want string
}{
	{regexp.MustCompile(`Last updated: .*`), "Last updated: NOW"},
	{regexp.MustCompile(`<last_update time="[^"]*"/>`), `<last_update time="NOW"/>`},
	{regexp.MustCompile(`will take effect until: .*`), "will take effect until: THEN"},
	{regexp.MustCompile(`last-lrm-refresh" value="\d+"`), `last-lrm-refresh" value="NOW"`},
	{regexp.MustCompile(` last-granted="\d+"`), ` last-granted="NOW"`},
	{regexp.MustCompile(`last-granted='[^']*'`), `last-granted='NOW'`},
	{regexp.MustCompile(` end="20[^"]*Z"`), ` end="THEN"`},
}

func steady(s string) string {
	for _, c := range changing {
		s = c.is.ReplaceAllString(s, c.want)
	}
	return s
}

// content is a CIB without its counters, which we keep in another way.
func content(t *testing.T, file string) string {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := cibxml.Parse(string(raw))
	if err != nil {
		return fmt.Sprintf("%v in %s", err, raw)
	}
	for _, counter := range []string{"epoch", "num_updates", "admin_epoch"} {
		doc.Unset(counter)
	}
	return steady(doc.Format(cibxml.Style{Indent: true}))
}
