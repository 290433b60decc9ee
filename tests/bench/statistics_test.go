package main

import (
	"bytes"
	"testing"
)

func TestSummarize(t *testing.T) {
	hundred := make([]float64, 200)
	for i := range hundred {
		hundred[i] = float64(200 - i)
	}
	for _, c := range []struct {
		name string
		in   []float64
		want summary
	}{
		{"one", []float64{3}, summary{1, 3, 3, 3, 3}},
		{"even count", []float64{4, 1, 3, 2}, summary{4, 1, 2.5, 4, 4}},
		{"many", hundred, summary{200, 1, 100.5, 198, 200}},
	} {
		if got := summarize(c.in); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

func TestReport_SetsThePeerBeside(t *testing.T) {
	ours, peers := newSamples(), newSamples()
	ours.add("move", "ms", 150)
	ours.add("alone", "ms", 1)
	peers.add("move", "ms", 300)
	peers.add("only-theirs", "ms", 5)
	var out bytes.Buffer
	if err := report(&out, ours, peers, "pacemaker"); err != nil {
		t.Fatal(err)
	}
	want := `{"name":"move","unit":"ms","n":1,"min":150,"median":150,"p99":150,"max":150,"peer":{"n":1,"min":300,"median":300,"p99":300,"max":300},"peer_name":"pacemaker","ratio":0.5}
{"name":"alone","unit":"ms","n":1,"min":1,"median":1,"p99":1,"max":1}
{"name":"only-theirs","unit":"ms","n":1,"min":5,"median":5,"p99":5,"max":5,"note":"measured with pacemaker alone"}
`
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}
