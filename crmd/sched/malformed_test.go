package sched_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/sched"
	"github.com/holdfast-ha/holdfast/crmd/sched/report"
	"github.com/holdfast-ha/holdfast/tests/sketch"
	"github.com/holdfast-ha/holdfast/tools/simulate"
)

// survive schedules for any document. It may be refused, but then the error has to say where.
func survive(t *testing.T, text string) {
	t.Helper()
	doc, err := cibxml.Parse(text)
	if err != nil || doc.Name != "cib" {
		return
	}
	if ready, err := simulate.Prepare(doc, func(string) {}); err == nil {
		planAll(t, ready)
	} else if !located.MatchString(err.Error()) {
		t.Errorf("the error does not say where: %v", err)
	}
	// without a schema everything gets to the scheduler
	planAll(t, doc.WithAttr("validate-with", "none"))
}

// located is what an error has to name: an element by its path, or a schema that cannot be upgraded from.
var located = regexp.MustCompile(`/cib|<[a-z_]+|schema`)

func planAll(t *testing.T, doc *cibxml.Element) {
	t.Helper()
	r := sched.Schedule(sched.Input{Doc: doc, Now: sketch.Now, Zone: time.UTC, Sanitized: true},
		sched.Options{Scores: true, Utilization: true, Explain: true})
	decided(r)
	for _, p := range slices.Concat(r.Model.Log.Problems, r.Log.Problems) {
		if strings.Contains(p.Text, "%!") {
			t.Errorf("a message is not well formed: %s", p.Text)
		}
	}
}

func seeds(tb testing.TB) []string {
	tb.Helper()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		tb.Fatal("no cases", err)
	}
	var texts []string
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			tb.Fatal(err)
		}
		c, err := sketch.Read(archive)
		if err != nil {
			tb.Fatal(err)
		}
		texts = append(texts, c.CIB.Compact())
	}
	return texts
}

func FuzzSchedule(f *testing.F) {
	for _, text := range seeds(f) {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 1<<16 {
			return
		}
		survive(t, text)
	})
}

// junk are values that attributes do not expect.
var junk = []string{"", " ", "0", "-1", "INFINITY", "-INFINITY", "+INFINITY", "99999999999999999999", "1e9", "true", "#uname", "n1", "a", "a:0",
	":", "0:0;1:2:3:x", "P1D", "2026-13-45", "20:61", "%s", "&<>\"'", "é", strings.Repeat("x", 300), "Promoted", "stop", "reboot", "monitor"}

// mutated is a document in which one thing is not as it should be.
func mutated(rnd *rand.Rand, doc *cibxml.Element) *cibxml.Element {
	doc = doc.Clone()
	var all []*cibxml.Element
	doc.Walk(func(e *cibxml.Element) bool {
		all = append(all, e)
		return true
	})
	e := all[rnd.IntN(len(all))]
	switch what := rnd.IntN(7); {
	case what <= 1 && len(e.Attrs) > 0: // an odd value
		e.Attrs[rnd.IntN(len(e.Attrs))].Value = junk[rnd.IntN(len(junk))]
	case what == 2 && len(e.Attrs) > 0: // a missing attribute
		i := rnd.IntN(len(e.Attrs))
		e.Attrs = slices.Delete(e.Attrs, i, i+1)
	case what == 3 && len(e.Children) > 0: // a missing element
		i := rnd.IntN(len(e.Children))
		e.Children = slices.Delete(e.Children, i, i+1)
	case what == 4 && len(e.Children) > 0: // an element twice
		e.Append(e.Children[rnd.IntN(len(e.Children))].Clone())
	case what == 5: // an element at another place
		e.Append(all[rnd.IntN(len(all))].Clone())
	default: // another name
		e.Name = all[rnd.IntN(len(all))].Name
	}
	return doc
}

// A number that would fill all memory is bounded.
func TestSchedule_BoundsTheNumberOfInstances(t *testing.T) {
	archive := txtar.Parse([]byte("Too many.\nprobed: no\n-- nodes --\nn1\n-- resources --\n" +
		`<clone id="c" meta="clone-max=99999999"><dummy id="a"/></clone>` + "\n"))
	c, err := sketch.Read(archive)
	if err != nil {
		t.Fatal(err)
	}
	m := sched.Parse(prepared(t, c.CIB))
	if n := len(m.All); n > 20000 {
		t.Errorf("there are %d resources", n)
	}
	if !slices.ContainsFunc(m.Log.Problems, func(p report.Problem) bool { return strings.Contains(p.Text, "clone-max of c") }) {
		t.Errorf("nothing says so: %v", m.Log.Problems)
	}
}

// mutations are how many are tried for each case; MUTATIONS in the environment sets another number.
const mutations = 5

func TestSchedule_SurvivesMalformedConfigurations(t *testing.T) {
	times := mutations
	if text := os.Getenv("MUTATIONS"); text != "" {
		if _, err := fmt.Sscan(text, &times); err != nil {
			t.Fatal(err)
		}
	}
	for i, text := range seeds(t) {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			rnd := rand.New(rand.NewPCG(uint64(i), 1))
			doc, err := cibxml.Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			for range times {
				broken := mutated(rnd, doc)
				if rnd.IntN(2) == 0 {
					broken = mutated(rnd, broken)
				}
				func() {
					defer func() {
						if r := recover(); r != nil {
							t.Errorf("%v\n%s", r, broken)
							panic(r)
						}
					}()
					survive(t, broken.Compact())
				}()
			}
		})
	}
}
