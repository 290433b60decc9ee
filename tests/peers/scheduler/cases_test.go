package scheduler

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/holdfast-ha/holdfast/tools/cli"
	"github.com/holdfast-ha/holdfast/tools/simulate"
)

// peers is where the cases are; a user's clone does not have them.
const peers = "../../../../shared/peers/scheduler"

// ratchet is the file with the counts that may only rise.
const ratchet = "testdata/ratchet.json"

var update = flag.Bool("update", false, "raise the counts of the ratchet to what is reached")

// present is what the clock shows to the cases that do not say when they were recorded.
var present = time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)

// counts are how many cases there are, how many pass, and how many are equal to the letter.
type counts struct{ Total, Passed, Exact int }

func TestCases_AreDecidedAsPacemakerDoes(t *testing.T) {
	inputs, err := filepath.Glob(peers + "/xml/*.xml")
	if err != nil || len(inputs) == 0 {
		t.Skip("there are no cases in " + peers)
	}
	var extra map[string][]string
	if err := json.Unmarshal([]byte(read(t, peers+"/args.json")), &extra); err != nil {
		t.Fatalf("args.json: %v", err)
	}
	var mu sync.Mutex
	var reached counts
	var differ []string
	t.Run("case", func(t *testing.T) {
		for _, input := range inputs {
			name := strings.TrimSuffix(filepath.Base(input), ".xml")
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				got, want := ask(t, input, extra[name]), recorded(t, name)
				j := judge(got, want)
				mu.Lock()
				defer mu.Unlock()
				reached.Total++
				if j.passed() {
					reached.Passed++
				} else {
					differ = append(differ, fmt.Sprintf("%s: %s differ%s", name, strings.Join(j.failed(), ", "), difference(j, got, want)))
				}
				if j.exact {
					reached.Exact++
				}
			})
		}
	})
	if !t.Failed() && reached.Total == len(inputs) {
		compareCounts(t, reached, differ)
	}
}

// compareCounts lets the counts only rise.
func compareCounts(t *testing.T, reached counts, differ []string) {
	t.Helper()
	t.Logf("%d/%d passed, %d exact", reached.Passed, reached.Total, reached.Exact)
	var kept counts
	if err := json.Unmarshal([]byte(read(t, ratchet)), &kept); err != nil {
		t.Fatalf("%s: %v", ratchet, err)
	}
	if reached.Passed < kept.Passed || reached.Exact < kept.Exact {
		t.Errorf("%d cases pass and %d are exact; it has been %d and %d\n%s", reached.Passed, reached.Exact, kept.Passed, kept.Exact, strings.Join(differ, "\n"))
	}
	if reached.Passed <= kept.Passed && reached.Exact <= kept.Exact {
		return
	}
	if !*update {
		t.Errorf("%+v is better than %+v in %s: run with -update so that it stays so", reached, kept, ratchet)
		return
	}
	raw, err := json.Marshal(reached)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(ratchet, append(raw, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}

// ask runs crm_simulate twice, as the judge does, at a time that is always the same.
func ask(t *testing.T, input string, extra []string) answer {
	t.Helper()
	dir := t.TempDir()
	dot, exp := filepath.Join(dir, "dot"), filepath.Join(dir, "exp")
	var a answer
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(present))
		a.summary = command(t, slices.Concat([]string{"-x", input, "-S"}, extra))
		a.scores = command(t, slices.Concat([]string{"-x", input, "-D", dot, "-G", exp, "-sSQ"}, extra))
	})
	a.dot, a.exp = read(t, dot), read(t, exp)
	return a
}

func command(t *testing.T, args []string) string {
	t.Helper()
	var out, errs bytes.Buffer
	env := &cli.Env{
		Name: "crm_simulate", Args: args, Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs,
		Getenv: func(string) string { return "" },
	}
	if code := simulate.Run(t.Context(), env); code != 0 {
		t.Logf("crm_simulate %s: exit status %d: %s", strings.Join(args, " "), code, errs.String())
	}
	return out.String()
}

// recorded is Pacemaker's answer to a case.
func recorded(t *testing.T, name string) answer {
	t.Helper()
	part := func(kind string) string { return read(t, fmt.Sprintf("%s/%s/%s.%s", peers, kind, name, kind)) }
	return answer{dot: part("dot"), exp: part("exp"), scores: part("scores"), summary: part("summary")}
}

// difference shows what differs for a reader.
func difference(j judgement, got, want answer) string {
	var b strings.Builder
	for _, p := range []struct {
		ok        bool
		want, got string
	}{
		{j.dot, want.dot, sortDot(got.dot)},
		{j.exp, want.exp, got.exp},
		{j.scores, sorted(want.scores), sorted(got.scores)},
		{j.summary, want.summary, got.summary},
	} {
		if !p.ok {
			b.WriteString("\n(-Pacemaker +Holdfast)\n" + cmp.Diff(strings.Split(p.want, "\n"), strings.Split(p.got, "\n")))
		}
	}
	return b.String()
}

func sorted(text string) string {
	return strings.Join(slices.Sorted(slices.Values(strings.Split(text, "\n"))), "\n")
}

func read(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
