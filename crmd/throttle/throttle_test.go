package throttle

import (
	"strings"
	"testing"
)

func TestJudge_PacemakersThresholds(t *testing.T) {
	cases := []struct {
		name   string
		s      Sample
		change func(*Config)
		want   Mode
	}{
		{"idle", Sample{Cores: 2}, nil, Negligible},
		{"at the low threshold is not above it", Sample{Cores: 2, Load: 0.8 * 2 * 1.2}, nil, Negligible},
		{"low", Sample{Cores: 2, Load: 1.93}, nil, Low},
		{"medium", Sample{Cores: 2, Load: 2.6}, nil, Medium},
		{"the incident: load 169.1", Sample{Cores: 8, Load: 169.1}, nil, High},
		{"one core counts as 0.6", Sample{Cores: 1, Load: 0.6}, nil, Low},
		{"store alone can be extreme", Sample{Cores: 4, Store: 1.3}, nil, Extreme},
		{"store is capped by load-threshold", Sample{Cores: 4, Store: 0.65}, nil, Low},
		{"store limit on one core", Sample{Cores: 1, Store: 0.41}, nil, High},
		{"load input off", Sample{Cores: 2, Load: 500}, func(c *Config) { c.LoadThreshold = 0 }, Negligible},
		{"own factors", Sample{Cores: 2, Load: 500}, func(c *Config) { c.Factors = [3]float64{1, 2, 1000} }, Medium},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			cfg := Default()
			if c.change != nil {
				c.change(&cfg)
			}
			if got, _ := cfg.Judge(c.s); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestJobs_SharesOfTheMaximum(t *testing.T) {
	c := Default()
	for mode, want := range []int{16, 8, 4, 1, 1} {
		if got := c.Jobs(Mode(mode), c.Maximum(8)); got != want {
			t.Errorf("%s: got %d, want %d", Mode(mode), got, want)
		}
	}
	if got := c.Jobs(Medium, 2); got != 1 {
		t.Errorf("below one job: %d", got)
	}
	c.NodeActionLimit = 64
	if got := c.Maximum(2); got != 64 {
		t.Errorf("node-action-limit: %d", got)
	}
}

func TestTotal_SmallestLimitCounts(t *testing.T) {
	c := Default()
	nodes := func(modes ...Mode) []Node {
		out := make([]Node, len(modes))
		for i, m := range modes {
			out[i].Mode = m
		}
		return out
	}
	cases := []struct {
		batch int
		nodes []Node
		want  int
	}{
		{0, nodes(Negligible, Medium), 0},
		{5, nodes(Negligible, Medium), 5},
		{0, nodes(High, Low, Low, Low), 2},
		{1, nodes(High, Low, Low, Low), 1},
		{0, nodes(Extreme, High, Low, Low), 1},
		{0, nodes(High), 1},
	}
	for _, k := range cases {
		if got := c.Total(k.batch, k.nodes); got != k.want {
			t.Errorf("batch %d nodes %v: got %d, want %d", k.batch, k.nodes, got, k.want)
		}
	}
}

func TestValidate_NamesTheSettings(t *testing.T) {
	if err := Default().Validate(); err != nil {
		t.Errorf("defaults: %v", err)
	}
	c := Default()
	c.Factors, c.SampleMs, c.Shares[2].Fraction, c.Inputs = [3]float64{2, 1, 3}, 1, 7, []string{"lode"}
	c.Thresholds[IO] = [4]float64{50, 40, 0, 0}
	err := c.Validate()
	for _, want := range []string{"throttle.factors", "throttle.sample", "throttle.shares.medium", `no input "lode"`, "throttle.thresholds.io"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %s", err, want)
		}
	}
}
