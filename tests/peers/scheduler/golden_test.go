package scheduler

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/holdfast-ha/holdfast/tests/sketch"
)

// program is Pacemaker's own crm_simulate, "" where there is none.
var program, _ = exec.LookPath("crm_simulate")

// installed runs Pacemaker's crm_simulate.
func installed(ctx context.Context, args ...string) (string, error) {
	var out, errs strings.Builder
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stdout, cmd.Stderr, cmd.Env = &out, &errs, append(os.Environ(), "TZ=UTC", "LC_ALL=C")
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%s %s: %w: %s", program, strings.Join(args, " "), err, errs.String())
	}
	return out.String(), nil
}

// needPacemaker skips a test where the scheduler that is compared with is not installed.
func needPacemaker(t *testing.T) {
	t.Helper()
	version, err := exec.Command(program, "--version").Output()
	if err != nil || !strings.Contains(string(version), "Pacemaker 2.1.5") {
		t.Skipf("Pacemaker 2.1.5 is not installed: %v", err)
	}
}

// The project's own cases say what Pacemaker says.
func TestGolden_PacemakerAgrees(t *testing.T) {
	needPacemaker(t)
	files, err := filepath.Glob("../../../crmd/sched/testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no cases", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			c, err := sketch.Read(archive)
			if err != nil {
				t.Fatal(err)
			}
			cib := c.CIB.String()
			want, err := sketch.Ask(t.Context(), installed, t.TempDir(), cib, c.Args...)
			if err != nil {
				t.Fatal(err)
			}
			got, err := sketch.Ask(t.Context(), sketch.Ours, t.TempDir(), cib, c.Args...)
			if err != nil {
				t.Fatal(err)
			}
			for _, part := range []struct {
				name      string
				want, got []string
			}{
				{"summary", letters(want.Summary), letters(got.Summary)},
				{"scores", letters(want.Scores), letters(got.Scores)},
				{"drawing", want.Edges(), got.Edges()},
				{"graph", steady(want.Graph), steady(got.Graph)},
			} {
				if d := cmp.Diff(part.want, part.got); d != "" {
					t.Errorf("%s (-Pacemaker +Holdfast)\n%s", part.name, d)
				}
			}
		})
	}
}
