// Package readme does what README.md tells a newcomer to do.
package readme

import (
	"context"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/tests/lab"
	"github.com/holdfast-ha/holdfast/tests/lab/holdfast"
	"github.com/holdfast-ha/holdfast/tests/lab/room"
)

func TestMain(m *testing.M) { holdfast.Main(m.Run) }

// steps are the lines of the README's console blocks: what a newcomer types at the prompt of `make play`.
func steps(t *testing.T) []string {
	t.Helper()
	raw, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, block := range regexp.MustCompile("(?s)```console\n(.*?)```").FindAllStringSubmatch(string(raw), -1) {
		out = append(out, strings.Split(strings.TrimSpace(block[1]), "\n")...)
	}
	if len(out) < 10 {
		t.Fatalf("the README has only %d steps", len(out))
	}
	return out
}

var (
	printed = regexp.MustCompile(`--token (\S+) --ca-hash (\S+)`)
	onNode  = regexp.MustCompile(`^(n[1-3])# (.*)$`)
)

func TestREADME_EveryStepWorks(t *testing.T) {
	if why := room.Missing(); why != "" {
		t.Skipf("no lab on this machine: %s", why)
	}
	software, err := holdfast.Software()
	if err != nil {
		t.Fatal(err)
	}
	c := lab.Start(t, lab.Options{Nodes: 3, Software: software})
	if err := c.PowerOnAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	token, hash := "", ""
	began := time.Now()
	for _, step := range steps(t) {
		if order, ok := strings.CutPrefix(step, "lab> "); ok {
			power(t, c, strings.Fields(order))
			continue
		}
		m := onNode.FindStringSubmatch(step)
		if m == nil {
			t.Fatalf("%q is neither for a machine nor for the lab", step)
		}
		command := strings.NewReplacer("TOKEN", token, "HASH", hash).Replace(m[2])
		r, err := c.Node(m[1]).Run(t.Context(), "sh", "-c", command)
		if err != nil || r.Code != 0 {
			t.Fatalf("%s: %v, status %d\n%s%s", step, err, r.Code, r.Stdout, r.Stderr)
		}
		t.Logf("%s\n%s", step, r.Stdout)
		if p := printed.FindStringSubmatch(r.Stdout); p != nil {
			token, hash = p[1], p[2]
		}
	}
	if took := time.Since(began); took > 5*time.Minute {
		t.Errorf("it took %v", took)
	}
	out, err := c.Node("n1").Exec(t.Context(), "hcs", "status", "--json")
	if err != nil || !strings.Contains(out, `"web"`) {
		t.Errorf("there is no cluster with the service at the end: %v\n%s", err, out)
	}
}

// power does what the README types at the lab's prompt, and gives the cluster the time that a person gives it.
func power(t *testing.T, c *lab.Cluster, words []string) {
	t.Helper()
	n := c.Node(words[1])
	switch words[0] {
	case "off":
		if err := n.PowerOff(); err != nil {
			t.Fatal(err)
		}
		err := holdfast.Poll(t.Context(), "the others go on without "+n.Name, time.Minute, func(ctx context.Context) (bool, error) {
			s, err := holdfast.Status(ctx, c.Node("n1"))
			if err != nil || len(s.View.Members) != 2 || s.DC == "" {
				return false, err
			}
			s, err = holdfast.Status(ctx, c.Node(s.DC))
			return s.State == "S_IDLE", err
		})
		if err != nil {
			t.Fatal(err)
		}
	case "on":
		if !n.Powered() { // the fence agent's reboot may have done it
			if err := n.PowerOn(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	default:
		t.Fatalf("the README asks the lab for %q", words)
	}
}
