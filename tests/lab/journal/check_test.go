package journal

import (
	"strings"
	"testing"
	"time"
)

// script builds a journal from words: "12 n1 start db", "20 n1 start! db" (ended, 0), "30 n1 stop!1 db".
func script(t *testing.T, lines ...string) ([]Entry, []Outage) {
	t.Helper()
	var entries []Entry
	var outages []Outage
	for _, line := range lines {
		w := strings.Fields(line)
		at, err := time.ParseDuration(w[0] + "ms")
		if err != nil {
			t.Fatal(err)
		}
		node, op := w[1], w[2]
		if op == "off" {
			outages = append(outages, Outage{Node: node, Boot: 1, At: at})
			continue
		}
		e := Entry{At: at, Node: node, Boot: 1, Resource: w[3], Phase: Begin, MaxActive: 1, MaxPromoted: 1}
		op, rc, ended := strings.Cut(op, "!")
		e.Op = op
		if ended {
			e.Phase = End
			if rc != "" {
				e.RC = int(rc[0] - '0')
			}
		}
		if strings.HasPrefix(e.Resource, "clone") {
			e.MaxActive = 2
		}
		entries = append(entries, e)
	}
	return entries, outages
}

func TestCheck_FindsWhatRanTwice(t *testing.T) {
	for _, c := range []struct {
		name  string
		lines []string
		want  string // a part of the first overlap, "" for none
	}{
		{"a move", []string{"1 n1 start db", "2 n1 start! db", "5 n1 stop db", "6 n1 stop! db", "6 n2 start db", "7 n2 start! db"}, ""},
		{"start before the stop has ended", []string{"1 n1 start db", "2 n1 start! db", "5 n1 stop db", "6 n2 start db", "7 n1 stop! db"},
			"db was active in 2 places at 0.006000s, may be in 1:\n  on n1 (boot 1) from 0.001000s (start), until 0.007000s (stop)\n  on n2 (boot 1) from 0.006000s (start), still is"},
		{"start after the power was cut", []string{"1 n1 start db", "5 n1 off", "6 n2 start db"}, ""},
		{"start before the power was cut", []string{"1 n1 start db", "6 n2 start db", "7 n1 off"}, "until 0.007000s (power off)"},
		{"a start that failed may have had effect", []string{"1 n1 start db", "2 n1 start!1 db", "6 n2 start db"}, "on n1"},
		{"a stop that failed ends nothing", []string{"1 n1 start db", "2 n1 stop db", "3 n1 stop!1 db", "6 n2 start db"}, "on n1"},
		{"a probe finds it", []string{"1 n1 start db", "3 n2 monitor!0 db"}, "on n2 (boot 1) from 0.003000s (monitor)"},
		{"the agent denies it", []string{"1 n1 start db", "3 n1 monitor!7 db", "4 n2 start db"}, ""},
		{"two resources", []string{"1 n1 start a", "1 n2 start b"}, ""},
		{"a clone may run on two", []string{"1 n1 start clone", "1 n2 start clone"}, ""},
		{"a clone may not run on three", []string{"1 n1 start clone", "1 n2 start clone", "2 n3 start clone"}, "clone was active in 3 places"},
		{"two promoted", []string{"1 n1 start clone", "1 n2 start clone", "2 n1 promote clone", "3 n2 promote clone"}, "clone was promoted in 2 places"},
		{"promoted one after the other", []string{"1 n1 start clone", "1 n2 start clone", "2 n1 promote clone", "3 n1 demote!0 clone", "4 n2 promote clone"}, ""},
		{"the next life of the node", []string{"1 n1 start db", "5 n1 off", "6 n2 start db", "7 n1 off"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := Check(script(t, c.lines...))
			switch {
			case c.want == "" && len(got) > 0:
				t.Errorf("found %v", got[0])
			case c.want != "" && (len(got) == 0 || !strings.Contains(got[0].String(), c.want)):
				t.Errorf("found %v, want %q", got, c.want)
			}
		})
	}
}

func TestParse_ReadsWhatStringWrites(t *testing.T) {
	want := Entry{
		At: 123456 * time.Microsecond, Wall: time.UnixMicro(1700000000123456), Node: "n1", Boot: 3, Resource: "db:0", Op: "promote",
		Phase: End, RC: 8, PID: 77, MaxActive: 3, MaxPromoted: 1,
	}
	got, err := Parse(strings.NewReader(want.String() + want.String() + "12 half a li"))
	if err != nil || len(got) != 2 || got[1] != want {
		t.Errorf("read %v (%v), want twice %v", got, err, want)
	}
	if _, err := Parse(strings.NewReader("what is this\n")); err == nil || !strings.Contains(err.Error(), "line 1") {
		t.Errorf("a bad line gives %v, want an error that names it", err)
	}
}
