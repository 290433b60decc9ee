package fencer

import (
	"bytes"
	"cmp"
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/internal/paths"
	"github.com/holdfast-ha/holdfast/tests/fencetest"
	"github.com/holdfast-ha/holdfast/tools/cli"
	"github.com/holdfast-ha/holdfast/tools/stonith"
)

// TestMain lets the scenarios run side by side on a small machine too: they wait much and compute little.
func TestMain(m *testing.M) {
	flag.Parse()
	_ = flag.Set("test.parallel", "5")
	m.Run()
}

// TestScenarios plays every file in testdata. README.md there says what the lines mean.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) < 60 {
		t.Fatalf("%d scenarios, %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			s := &scenario{t: t}
			for i, line := range strings.Split(string(text), "\n") {
				if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
					continue
				}
				s.at = filepath.Base(file) + ":" + strconv.Itoa(i+1) + ": " + line
				words := split(line)
				verb := verbs[words[0]]
				if verb == nil {
					t.Fatalf("%s: there is no such line", s.at)
				}
				verb(s, words[1:], strings.TrimSpace(strings.TrimPrefix(line, words[0])))
				if t.Failed() {
					return
				}
			}
			s.join(0)
		})
	}
}

// split splits a line at blanks, except between single quotes.
func split(line string) []string {
	var words []string
	quoted, open := false, false
	for _, r := range line {
		switch {
		case r == '\'':
			quoted = !quoted
		case (r == ' ' || r == '\t') && !quoted:
			open = false
			continue
		default:
			if !open {
				words, open = append(words, ""), true
			}
			words[len(words)-1] += string(r)
		}
	}
	return words
}

// scenario is one file as it is played.
type scenario struct {
	t        *testing.T
	at       string
	sections string
	c        *fencetest.Cluster
	config   api.FenceConfig
	last     outcome
	running  []chan outcome
}

// outcome is what one stonith_admin had to say.
type outcome struct {
	stdout, stderr string
	code           int
	took           time.Duration
}

func (s *scenario) fatal(format string, args ...any) {
	s.t.Helper()
	s.t.Fatalf(s.at+": "+format, args...)
}

func (s *scenario) node(name string) *fencetest.Node {
	n := s.c.Nodes[name]
	if n == nil {
		s.fatal("there is no node %s", name)
	}
	return n
}

// admin runs stonith_admin on a node.
func (s *scenario) admin(n *fencetest.Node, args []string) outcome {
	args = slices.Clone(args)
	if slices.Contains(args, "-R") {
		args = append(args, "-o", "dir="+s.c.Dir, "-o", "dev="+args[slices.Index(args, "-R")+1])
	}
	var out, errs bytes.Buffer
	env := &cli.Env{Name: "stonith_admin", Args: args, Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs,
		Dirs: paths.Dirs{Etc: n.Dirs.Etc, Var: n.Dirs.Var, Run: n.Dirs.Run}, Getenv: func(name string) string {
			return map[string]string{"HOLDFAST_FENCE_AGENTS": s.c.Dir}[name]
		}}
	begin := time.Now()
	code := stonith.Command.Run(s.t.Context(), env)
	return outcome{out.String(), errs.String(), code, time.Since(begin)}
}

// join waits for the commands in the background and checks their exit status.
func (s *scenario) join(code int) {
	s.t.Helper()
	for _, done := range s.running {
		if s.last = <-done; s.last.code != code {
			s.fatal("exit status %d, want %d: %s%s", s.last.code, code, s.last.stdout, s.last.stderr)
		}
	}
	s.running = nil
}

// calls are the agents' calls since the last look, sorted by time.
func (s *scenario) calls() []string {
	raw, _ := os.ReadFile(filepath.Join(s.c.Dir, "calls"))
	var calls []string
	for line := range strings.Lines(string(raw)) {
		calls = append(calls, strings.TrimSpace(line)) // without a target there is a blank at the end
	}
	return calls
}

// put gives every node the configuration, as crmd does.
func (s *scenario) put() {
	s.config.Enabled, s.config.Action = true, "reboot"
	for _, name := range s.c.Names {
		if err := s.c.Nodes[name].Call(http.MethodPut, api.PathFenceConfig, s.config, nil); err != nil {
			s.fatal("%v", err)
		}
	}
}

// list are the parts of text between commas.
func list(text string) []string {
	var parts []string
	for _, p := range strings.Split(text, ",") {
		if p = strings.TrimSpace(p); p != "" {
			parts = append(parts, p)
		}
	}
	return parts
}

func (s *scenario) match(what, text, pattern string) {
	s.t.Helper()
	negative := strings.HasPrefix(pattern, "! ")
	re, err := regexp.Compile(strings.TrimPrefix(pattern, "! "))
	if err != nil {
		s.fatal("%v", err)
	}
	if re.MatchString(text) == negative {
		s.fatal("%s is %q", what, text)
	}
}

// command is NODE [! CODE] ARGS..., with the exit status that is expected.
func (s *scenario) command(words []string) (*fencetest.Node, int, []string) {
	n, code, args := s.node(words[0]), 0, words[1:]
	if len(args) > 1 && args[0] == "!" {
		code, _ = strconv.Atoi(args[1])
		args = args[2:]
	}
	return n, code, args
}

// on runs a command and checks its exit status.
func (s *scenario) on(words []string) {
	s.t.Helper()
	n, code, args := s.command(words)
	if s.last = s.admin(n, args); s.last.code != code {
		s.fatal("exit status %d, want %d: %s%s", s.last.code, code, s.last.stdout, s.last.stderr)
	}
}

func (s *scenario) events(n *fencetest.Node, target string) []api.FenceEvent {
	var events []api.FenceEvent
	if err := n.Call(http.MethodGet, api.PathFenceHistory+"?target="+target, nil, &events); err != nil {
		s.fatal("%v", err)
	}
	return events
}

// device reads ID AGENT NAME=VALUE... into a device of the CIB.
func (s *scenario) device(words []string) {
	d := api.FenceDevice{ID: words[0], Agent: words[1], Params: map[string]string{"dir": s.c.Dir, "dev": words[0]}}
	for _, w := range words[2:] {
		name, value, _ := strings.Cut(w, "=")
		switch name {
		case "unfencing":
			d.Unfencing = true
		case "driver":
			d.Driver = value
		default:
			d.Params[name] = value
		}
	}
	s.config.Devices = append(slices.DeleteFunc(s.config.Devices, func(x api.FenceDevice) bool { return x.ID == d.ID }), d)
	s.put()
}

func (s *scenario) setting(name, value string) {
	if err := json.Unmarshal([]byte(`{"`+name+`":`+value+`}`), &s.config); err != nil {
		s.fatal("%v", err)
	}
	s.put()
}

func duration(text string) time.Duration {
	d, _ := time.ParseDuration(cmp.Or(text, "0s"))
	return d
}
