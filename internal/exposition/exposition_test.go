package exposition

import (
	"math"
	"testing"
)

func TestText_EscapesSortsAndGroups(t *testing.T) {
	var p Page
	g := p.Gauge("b_up", "Whether it is up.")
	g.Set(true, "node", `n"2\`)
	g.Set(false, "node", "n1", "link", "0")
	p.Counter("a_total", "Sum.").Add(1.5)
	p.Gauge("b_up", "ignored").Add(math.Inf(1), "node", "n3\n")
	p.Gauge("empty", "Nothing.")
	want := "# HELP b_up Whether it is up.\n# TYPE b_up gauge\n" +
		"b_up{node=\"n1\",link=\"0\"} 0\nb_up{node=\"n3\\n\"} +Inf\nb_up{node=\"n\\\"2\\\\\"} 1\n" +
		"# HELP a_total Sum.\n# TYPE a_total counter\na_total 1.5\n"
	if got := p.Text(); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	if got := Only(p.Text(), "a_"); got != "# HELP a_total Sum.\n# TYPE a_total counter\na_total 1.5\n" {
		t.Error(got)
	}
}
