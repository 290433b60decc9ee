package scheduler

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/sched"
	"github.com/holdfast-ha/holdfast/crmd/sched/compile"
)

func TestDotDraft(t *testing.T) {
	files, _ := filepath.Glob("../../../../shared/peers/scheduler/xml/*.xml")
	bad, badX := 0, 0
	only := os.Getenv("ONLY")
	strip := regexp.MustCompile(`\s*(crm_feature_set|batch-limit)="[^"]*"`)
	space := regexp.MustCompile(`\s+`)
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".xml")
		if only != "" && only != name {
			continue
		}
		raw, _ := os.ReadFile(f)
		doc, _ := cibxml.Parse(string(raw))
		now := time.Now().Unix()
		if d := doc.Get("execution-date"); d != "" {
			var n int64
			for _, c := range d {
				n = n*10 + int64(c-'0')
			}
			now = n
		}
		dot, _ := os.ReadFile("../../../../shared/peers/scheduler/dot/" + name + ".dot")
		exp, _ := os.ReadFile("../../../../shared/peers/scheduler/exp/" + name + ".exp")
		func() {
			defer func() {
				if e := recover(); e != nil {
					bad++
					t.Errorf("%s panics: %v", name, e)
					if only != "" {
						panic(e)
					}
				}
			}()
			r := sched.Schedule(sched.Input{Doc: doc, Now: now, Zone: time.Local, Sanitized: true}, sched.Options{})
			var b strings.Builder
			r.Transition.WriteDot(&b, compile.DotOptions{})
			norm := func(s string) string {
				lines := strings.Split(strings.TrimSpace(s), "\n")
				slices.Sort(lines)
				return strings.Join(slices.Compact(lines), "\n")
			}
			if got, want := norm(b.String()), norm(string(dot)); got != want {
				bad++
				if bad <= 15 || only != "" {
					t.Errorf("%s:\n%.3000s", name, lineDiff(want, got))
				} else {
					t.Log(name)
				}
				return
			}
			b.Reset()
			r.Transition.Graph(0).WriteXML(&b)
			flat := func(s string) string {
				return space.ReplaceAllString(strip.ReplaceAllString(s, ""), "")
			}
			if flat(b.String()) != flat(string(exp)) {
				badX++
				if badX <= 5 || only != "" {
					os.WriteFile("/tmp/sw/got.xml", []byte(strip.ReplaceAllString(b.String(), "")), 0o644)
					t.Errorf("%s: graph\n%.2000s", name, lineDiff(strip.ReplaceAllString(string(exp), ""), strip.ReplaceAllString(b.String(), "")))
				} else {
					t.Log("graph", name)
				}
			}
		}()
	}
	t.Logf("%d dot differ, %d graphs", bad, badX)
}
