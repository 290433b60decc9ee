package ocf

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// sample is an agent that answers what its parameters say.
func sample() *Agent {
	return &Agent{
		Name: "sample", Version: "1.0", Short: "A <sample>", Long: "Answers & nothing else.",
		Params: []Param{
			{Name: "answer", Short: "a", Long: "a", Type: Integer, Required: true, UniqueGroup: "answer"},
			{Name: "wait", Short: "w", Long: "w", Type: Duration, Default: "20s", Reloadable: true},
			{Name: "mode", Short: "m", Long: "m", Type: Select, Values: []string{"fast", "slow"}, Default: "fast"},
			{Name: "quiet", Short: "q", Long: "q", Type: Boolean, Default: "no"},
		},
		Actions: []Action{
			{Name: "start", Timeout: "20s", Run: func(_ context.Context, c *Call) error { return errors.New("plain\nerror") }},
			{Name: "stop", Timeout: "20s", Run: func(_ context.Context, c *Call) error { panic("bug") }},
			{Name: "monitor", Timeout: "20s", Interval: "10s", Run: func(_ context.Context, c *Call) error {
				switch {
				case c.Probe:
					return ErrNotRunning
				case c.Bool("quiet"):
					return nil
				}
				c.Logf("wait %v mode %s level %d", c.Duration("wait"), c.Text("mode"), c.Level)
				return Errorf(Code(c.Int("answer")), "the answer")
			}},
		},
		Validate: func(c *Call) error {
			if c.Text("mode") == "slow" && c.Bool("quiet") {
				return Errorf(ErrConfigured, "slow and quiet exclude each other")
			}
			return nil
		},
	}
}

func call(t *testing.T, action string, env map[string]string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	p := Process{Env: func(n string) (string, bool) { v, ok := env[n]; return v, ok }, Stdout: &out, Stderr: &errs}
	if action != "" {
		p.Args = []string{action}
	}
	return Main(t.Context(), sample(), p), out.String(), errs.String()
}

func TestMain_CodesAndReasons(t *testing.T) {
	recurring := map[string]string{"OCF_RESKEY_answer": "190", "OCF_RESKEY_CRM_meta_interval": "10000", "OCF_CHECK_LEVEL": "10",
		"OCF_RESOURCE_INSTANCE": "s:1"}
	cases := []struct {
		name, action string
		env          map[string]string
		code         int
		stderr       string
	}{
		{"no action", "", nil, 2, "usage: sample {start|stop|monitor|validate-all|meta-data}"},
		{"unknown action", "promote", map[string]string{"OCF_RESKEY_answer": "1"}, 3, "ocf-exit-reason:sample has no action promote"},
		{"probe", "monitor", map[string]string{"OCF_RESKEY_answer": "1"}, 7, ""},
		{"monitor", "monitor", recurring, 190, "sample(s:1): wait 20s mode fast level 10\nocf-exit-reason:the answer\n"},
		{"other prefix", "monitor", map[string]string{"OCF_RESKEY_answer": "9", "OCF_RESKEY_CRM_meta_interval": "1",
			"OCF_EXIT_REASON_PREFIX": "x:"}, 9, "x:the answer"},
		{"plain error", "start", map[string]string{"OCF_RESKEY_answer": "1"}, 1, "ocf-exit-reason:plain; error\n"},
		{"crash", "stop", map[string]string{"OCF_RESKEY_answer": "1"}, 1, "ocf-exit-reason:the agent has crashed: bug"},
		{"required", "monitor", nil, 6, "the parameter answer is not set"},
		{"all that is wrong", "monitor", map[string]string{"OCF_RESKEY_answer": "x", "OCF_RESKEY_wait": "5 apples", "OCF_RESKEY_mode": "odd",
			"OCF_RESKEY_quiet": "maybe"}, 6, `the parameter answer is "x": a number of at least 0 is needed; the parameter wait is "5 apples"`},
		{"validate-all", "validate-all", map[string]string{"OCF_RESKEY_answer": "1", "OCF_RESKEY_wait": ""}, 0, ""},
		{"excluding", "validate-all", map[string]string{"OCF_RESKEY_answer": "1", "OCF_RESKEY_mode": "slow", "OCF_RESKEY_quiet": "1"}, 6, "exclude"},
	}
	for _, c := range cases {
		code, _, stderr := call(t, c.action, c.env)
		if code != c.code || !strings.Contains(stderr, c.stderr) || c.stderr == "" && stderr != "" {
			t.Errorf("%s: exit code %d, want %d; stderr %q", c.name, code, c.code, stderr)
		}
	}
}

func TestMetadata_IsValidForTheToolsThatReadIt(t *testing.T) {
	code, xml, _ := call(t, "meta-data", nil)
	if code != 0 || !strings.Contains(xml, "A &lt;sample&gt;") || !strings.Contains(xml, `<content type="time" default="20s"/>`) {
		t.Errorf("exit code %d\n%s", code, xml)
	}
	CheckSchema(t, xml)
}

func TestParseDuration_AsInTheCIB(t *testing.T) {
	for s, want := range map[string]time.Duration{"20": 20 * time.Second, "20s": 20 * time.Second, "500ms": 500 * time.Millisecond,
		"2min": 2 * time.Minute, "1h": time.Hour, "0": 0} {
		if got, err := parseDuration(s); err != nil || got != want {
			t.Errorf("%s: %v, %v", s, got, err)
		}
	}
	for _, bad := range []string{"", "s", "-1", "1x", "1.5s", "99999999999"} {
		if _, err := parseDuration(bad); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

// CheckSchema validates metadata against the schema with which pcs decides whether it can use an agent.
func CheckSchema(t *testing.T, xml string) {
	t.Helper()
	const schema = "/usr/share/pcs/data/ocf-1.1.rng"
	if _, err := os.Stat(schema); err != nil {
		t.Skip("needs pcs for its schema of OCF 1.1")
	}
	cmd := exec.Command("xmllint", "--noout", "--relaxng", schema, "-")
	cmd.Stdin = strings.NewReader(xml)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
