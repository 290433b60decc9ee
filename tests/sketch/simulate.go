package sketch

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/tools/cli"
	"github.com/holdfast-ha/holdfast/tools/simulate"
)

// Answer is everything that crm_simulate says to a cluster.
type Answer struct {
	// Summary is the text for people: the cluster, the plan, and the cluster after it.
	Summary string
	// Scores are the lines by which resources are placed.
	Scores string
	// Dot is the graph as a drawing, Graph as XML.
	Dot, Graph string
}

// Command runs crm_simulate with arguments and returns its standard output.
type Command func(ctx context.Context, args ...string) (string, error)

// Ask runs crm_simulate on a CIB in a folder.
func Ask(ctx context.Context, run Command, dir, cib string, args ...string) (Answer, error) {
	file := filepath.Join(dir, "cib.xml")
	if err := os.WriteFile(file, []byte(cib), 0o600); err != nil {
		return Answer{}, err
	}
	dot, graph := filepath.Join(dir, "dot"), filepath.Join(dir, "graph")
	var a Answer
	var err error
	if a.Summary, err = run(ctx, slices.Concat([]string{"-x", file, "-S"}, args)...); err != nil {
		return a, err
	}
	if a.Scores, err = run(ctx, slices.Concat([]string{"-x", file, "-sSQ", "-D", dot, "-G", graph}, args)...); err != nil {
		return a, err
	}
	for _, f := range []struct {
		path string
		into *string
	}{{dot, &a.Dot}, {graph, &a.Graph}} {
		raw, err := os.ReadFile(f.path)
		if err != nil {
			return a, err
		}
		*f.into = string(raw)
	}
	return a, nil
}

// Ours is our crm_simulate, in this process.
func Ours(ctx context.Context, args ...string) (string, error) {
	var out, errs bytes.Buffer
	env := &cli.Env{Name: "crm_simulate", Args: args, Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs,
		Getenv: func(string) string { return "" }}
	if code := simulate.Run(ctx, env); code != 0 {
		return out.String(), fmt.Errorf("crm_simulate %s: exit status %d: %s%s", strings.Join(args, " "), code, errs.String(), out.String())
	}
	return out.String(), nil
}

// Actions are the lines of a summary that say what is going to be done with resources and nodes.
func (a Answer) Actions() string {
	_, rest, found := strings.Cut(a.Summary, "Transition Summary:\n")
	if !found || strings.HasPrefix(rest, "\n") {
		return "nothing\n"
	}
	plan, _, _ := strings.Cut(rest, "\n\n")
	return unindent(plan, "  * ")
}

// recheckBy is when the graph says that something changes by the passing of time.
var recheckBy = regexp.MustCompile(`recheck-by="(\d+)"`)

// Recheck is how many seconds from now on the scheduler has to look again even if nothing happens.
func (a Answer) Recheck() string {
	m := recheckBy.FindStringSubmatch(a.Graph)
	if m == nil {
		return "never\n"
	}
	at, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		return err.Error() + "\n"
	}
	return fmt.Sprintf("in %d s\n", at-Now)
}

// usual are attributes of actions that every action has.
var usual = []string{"crm_feature_set", "CRM_meta_on_node", "CRM_meta_on_node_uuid", "CRM_meta_stonith_action"}

// Parameters are what operations are run with: those of resources with parameters, fences with meta attributes.
func (a Answer) Parameters() string {
	var b strings.Builder
	doc, err := cibxml.Parse(a.Graph)
	if err != nil {
		return err.Error() + "\n"
	}
	doc.Walk(func(e *cibxml.Element) bool {
		if e.Name == "trigger" || e.Name != "rsc_op" && e.Get("operation") != "stonith" {
			return e.Name != "trigger"
		}
		var values []string
		for _, x := range e.Child("attributes").Attrs {
			if meta := strings.HasPrefix(x.Name, "CRM_meta_"); meta == (e.Name == "crm_event") && !slices.Contains(usual, x.Name) {
				values = append(values, x.Name+"="+x.Value)
			}
		}
		if len(values) > 0 {
			fmt.Fprintf(&b, "%s %s: %s\n", e.Get("operation_key"), e.Get("on_node"), strings.Join(values, " "))
		}
		return true
	})
	return b.String()
}

// ShownScores are the scores without the lines in between.
func (a Answer) ShownScores() string { return unindent(a.Scores, "") }

// Status is what a summary says of the cluster before anything is done.
func (a Answer) Status() string {
	_, status, _ := strings.Cut(a.Summary, "Current cluster status:\n")
	status, _, _ = strings.Cut(status, "Transition Summary:\n")
	return unindent(status, "  ")
}

// After is what it says of the cluster in the end.
func (a Answer) After() string {
	_, after, _ := strings.Cut(a.Summary, "Revised Cluster Status:\n")
	return unindent(after, "  ")
}

// Edges are the lines of the drawing, sorted, without what says how they are drawn.
func (a Answer) Edges() []string {
	lines := slices.Sorted(strings.Lines(a.Dot))
	return slices.Compact(slices.DeleteFunc(lines, func(l string) bool { return strings.HasPrefix(l, " digraph") || l == "}\n" }))
}

// Order is what waits for what, as a line for each ordering, and the actions that wait for nothing and that
// nothing waits for. Dashed are actions and orderings that do not count, as something cannot be done.
func (a Answer) Order() string {
	var b strings.Builder
	joined := map[string]bool{}
	lines := a.Edges()
	for _, pass := range []bool{true, false} {
		for _, line := range lines {
			from, to, edge := strings.Cut(line[:max(0, strings.IndexByte(line, '['))], "->")
			from, to = strings.Trim(from, ` "`), strings.Trim(to, ` "`)
			if edge != pass || !edge && joined[from] {
				continue
			}
			joined[from], joined[to] = true, true
			if edge {
				from += " -> " + to
			}
			if strings.Contains(line, "dashed") {
				from += " (dashed)"
			}
			b.WriteString(from + "\n")
		}
	}
	return b.String()
}

func unindent(text, prefix string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if line = strings.TrimPrefix(line, prefix); strings.TrimSpace(line) != "" {
			b.WriteString(strings.TrimRight(line, " \n") + "\n")
		}
	}
	return b.String()
}
