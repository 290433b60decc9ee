package scheduler

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/sched"
	"github.com/holdfast-ha/holdfast/crmd/sched/report"
)

func TestScoreDraft(t *testing.T) {
	files, _ := filepath.Glob("../../../../shared/peers/scheduler/xml/*.xml")
	bad := 0
	only := os.Getenv("ONLY")
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".xml")
		if only != "" && only != name {
			continue
		}
		raw, _ := os.ReadFile(f)
		doc, err := cibxml.Parse(string(raw))
		if err != nil {
			t.Error(name, err)
			continue
		}
		now := time.Now().Unix()
		if d := doc.Get("execution-date"); d != "" {
			var n int64
			for _, c := range d {
				n = n*10 + int64(c-'0')
			}
			now = n
		}
		sum, _ := os.ReadFile("../../../../shared/peers/scheduler/scores/" + name + ".scores")
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
			r := sched.Schedule(sched.Input{Doc: doc, Now: now, Zone: time.Local, Sanitized: true}, sched.Options{Scores: true, Utilization: strings.Contains(string(sum), "utilization on") || strings.Contains(string(sum), "capacity:")})
			var lines []string
			for _, s := range r.Log.Shown {
				switch s.Kind {
				case report.ShownScore:
					lines = append(lines, fmt.Sprintf("%s: %s allocation score on %s: %s", s.Text, s.Resource, s.Node, s.Score))
				case report.ShownPromotion:
					n := s.Node
					if n == "" {
						n = "none"
					}
					lines = append(lines, fmt.Sprintf("%s promotion score on %s: %s", s.Resource, n, s.Score))
				case report.ShownCapacity, report.ShownUtilization:
					text := s.Text + ": " + s.Node + " capacity:"
					if s.Kind == report.ShownUtilization {
						text = s.Text + ": " + s.Resource + " utilization on " + s.Node + ":"
					}
					for _, a := range s.Amounts {
						text += " " + a.Name + "=" + a.Value
					}
					lines = append(lines, text)
				}
			}
			slices.Sort(lines)
			var wl []string
			for _, l := range strings.Split(string(sum), "\n") {
				if strings.TrimSpace(l) != "" {
					wl = append(wl, l)
				}
			}
			slices.Sort(wl)
			want, got := strings.Join(wl, "\n"), strings.Join(lines, "\n")
			if want != got {
				bad++
				if bad <= 10 || only != "" {
					t.Errorf("%s:\n%.3000s", name, lineDiff(want, got))
				} else {
					t.Log(name)
				}
			}
		}()
	}
	t.Logf("%d differ", bad)
}
