package scheduler

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/sched"
	"github.com/holdfast-ha/holdfast/tools/outline"
	"github.com/holdfast-ha/holdfast/tools/statustext"
)

func TestStatusDraft(t *testing.T) {
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
		m := sched.Parse(sched.Input{Doc: doc, Now: now, Zone: time.Local})
		var b strings.Builder
		out := &outline.Writer{W: &b}
		v := &statustext.View{M: m, S: m.State, Out: out, Inactive: true, Pending: true}
		out.Begin("Current cluster status")
		v.Nodes()
		v.Resources()
		sum, _ := os.ReadFile("../../../../shared/peers/scheduler/summary/" + name + ".summary")
		_, want, _ := strings.Cut(string(sum), "Current cluster status:")
		want = "Current cluster status:" + want
		if i := strings.Index(want, "\nTransition Summary:"); i >= 0 {
			want = want[:i]
		}
		want = strings.TrimSpace(want)
		if got := strings.TrimSpace(b.String()); got != want {
			bad++
			if bad <= 12 || only != "" {
				os.WriteFile("/tmp/sw/got", []byte(got+"\n"), 0o644)
				t.Errorf("%s:\n%s", name, lineDiff(want, got))
			} else {
				t.Log(name)
			}
		}
	}
	t.Logf("%d differ", bad)
}

func lineDiff(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	inW := map[string]int{}
	for _, l := range w {
		inW[l]++
	}
	var out []string
	for _, l := range g {
		if inW[l] > 0 {
			inW[l]--
		} else {
			out = append(out, "+"+l)
		}
	}
	for _, l := range w {
		if inW[l] > 0 {
			inW[l]--
			out = append(out, "-"+l)
		}
	}
	return strings.Join(out, "\n")
}
