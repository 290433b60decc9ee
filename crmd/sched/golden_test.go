package sched_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/holdfast-ha/holdfast/crmd/sched"
	"github.com/holdfast-ha/holdfast/crmd/sched/account"
	"github.com/holdfast-ha/holdfast/tests/sketch"
)

var update = flag.Bool("update", false, "write what is decided now into the cases")

// expectations are the sections that a case may have, and where they come from. See package sketch for the
// others.
var expectations = map[string]func(sketch.Answer) string{
	"plan":   sketch.Answer.Actions,
	"order":  sketch.Answer.Order,
	"scores": sketch.Answer.ShownScores,
	"status": sketch.Answer.Status,
	"after":  sketch.Answer.After,

	"recheck":    sketch.Answer.Recheck,
	"parameters": sketch.Answer.Parameters,
}

// Each case is one behaviour, and its file is named after it. tests/peers/scheduler compares them with Pacemaker.
func TestSchedule_Behaviour(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no cases in testdata", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			golden(t, file)
		})
	}
}

func golden(t *testing.T, file string) {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	c, err := sketch.Read(archive)
	if err != nil {
		t.Fatal(err)
	}
	if c.Behaviour == "" {
		t.Error("the case does not say what it is about")
	}
	got, err := sketch.Ask(t.Context(), sketch.Ours, t.TempDir(), c.CIB.String(), c.Args...)
	if err != nil {
		t.Fatal(err)
	}
	expected := 0
	for i, f := range archive.Files {
		of, ok := expectations[f.Name]
		if !ok && f.Name != "notes" {
			continue
		}
		expected++
		text := ""
		if ok {
			text = of(got)
		} else {
			text = notes(prepared(t, c.CIB))
		}
		if d := cmp.Diff(strings.Split(string(f.Data), "\n"), strings.Split(text, "\n")); d != "" && !*update {
			t.Errorf("%s: %s (-want +got)\n%s", c.Behaviour, f.Name, d)
		}
		archive.Files[i].Data = []byte(text)
	}
	if expected == 0 {
		t.Error("the case expects nothing")
	}
	if *update {
		if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// notes are the reasons for everything that is decided.
func notes(in sched.Input) string {
	var b strings.Builder
	r := sched.Schedule(in, sched.Options{Explain: true})
	for _, n := range account.Changes(r) {
		fmt.Fprintf(&b, "%s: %s %s\n", n.Stage, n.Subject, n.Why)
	}
	for _, top := range r.Model.Resources {
		for _, n := range account.Resource(r, top.ID) {
			if n.Stage != "action" {
				fmt.Fprintf(&b, "%s: %s %s\n", n.Stage, n.Subject, n.Why)
			}
		}
	}
	return b.String()
}

// What the issue that asked for the scheduler names has a case.
func TestSchedule_CasesCoverEveryTopic(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, topic := range topics {
		if !slices.ContainsFunc(files, func(f string) bool { return strings.HasPrefix(filepath.Base(f), topic) }) {
			t.Errorf("no case is about %s", topic)
		}
	}
}

// topics are how the names of cases begin.
var topics = []string{
	"primitive", "group", "clone", "unique-clone", "promotable", "bundle", "template", "tag", "set-location", "set-colocation",
	"set-order", "set-ticket", "rule", "utilization", "ticket", "remote", "guest", "health", "fence", "topology", "unfence",
	"priority-delay", "startup-fencing", "watchdog", "on-fail", "failure-timeout", "migrate", "reload", "digest", "interleave",
	"notify", "maintenance", "monitor-role", "probe", "shutdown-lock", "multiply-active", "orphan", "upgrade",
	"colocation", "order", "location", "quorum", "standby", "threshold", "stickiness", "attribute",
}
