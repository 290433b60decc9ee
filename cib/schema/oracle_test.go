package schema

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

const grammars = "/usr/share/pacemaker"

// sharedCIBs are the peers' files, where they are.
func sharedCIBs(t testing.TB) []string {
	var files []string
	for _, dir := range []string{"scheduler/xml", "live-cibs"} {
		more, _ := filepath.Glob("../../../shared/peers/" + dir + "/*.xml")
		files = append(files, more...)
	}
	if len(files) == 0 {
		t.Skip("../shared is not here")
	}
	return files
}

func load(t testing.TB, file string) *cibxml.Element {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := cibxml.Parse(string(raw))
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return doc
}

// verdicts asks xmllint which of these documents are valid by the schema that they name.
func verdicts(t *testing.T, docs []*cibxml.Element) []string {
	t.Helper()
	if _, err := exec.LookPath("xmllint"); err != nil {
		t.Skip("xmllint is not installed")
	}
	if _, err := os.Stat(grammars); err != nil {
		t.Skip("Pacemaker's schemas are not installed")
	}
	dir := t.TempDir()
	bySchema := map[string][]string{}
	for i, d := range docs {
		f := filepath.Join(dir, fmt.Sprintf("%d.xml", i))
		if err := os.WriteFile(f, []byte(d.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		name := d.Get("validate-with")
		bySchema[name] = append(bySchema[name], f)
	}
	complaints := make([]string, len(docs))
	for name, files := range bySchema {
		for len(files) > 0 {
			n := min(len(files), 100)
			args := append([]string{"--noout", "--relaxng", filepath.Join(grammars, name+".rng")}, files[:n]...)
			files = files[n:]
			cmd := exec.Command("xmllint", args...)
			var diag bytes.Buffer
			cmd.Stderr = &diag
			_ = cmd.Run() // the verdicts are in its words
			for line := range strings.Lines(diag.String()) {
				var i int
				rest, ours := strings.CutPrefix(line, dir+"/")
				if _, err := fmt.Sscanf(rest, "%d.xml", &i); ours && err == nil && !strings.HasSuffix(line, " validates\n") {
					complaints[i] += line
				}
			}
		}
	}
	return complaints
}

func TestCheck_AgreesWithXmllintOnThePeersFiles(t *testing.T) {
	var docs []*cibxml.Element
	files := sharedCIBs(t)
	for _, f := range files {
		doc := load(t, f)
		if _, ok := versionOf(doc.Get("validate-with")); !ok {
			doc = doc.WithAttr("validate-with", Newest)
		}
		docs = append(docs, doc)
	}
	compare(t, docs, verdicts(t, docs))
}

// compare reports where our verdict differs from xmllint's.
func compare(t *testing.T, docs []*cibxml.Element, complaints []string) {
	t.Helper()
	valid, differ := 0, 0
	for i, d := range docs {
		ours := Check(nil, d)
		if complaints[i] == "" {
			valid++
		}
		if (len(ours) == 0) != (complaints[i] == "") {
			if differ++; differ < 10 {
				t.Errorf("document %d, %s: ours %v\nxmllint: %s", i, d.Get("validate-with"), ours, complaints[i])
			}
		}
	}
	t.Logf("%d documents, %d valid, %d differ", len(docs), valid, differ)
}

// Random changes of documents that have everything in them, judged by random versions.
func TestCheck_AgreesWithXmllintOnMutations(t *testing.T) {
	r := rand.New(rand.NewPCG(uint64(*seed), 2))
	files := []string{"testdata/everything.xml", "testdata/everything.xml", "testdata/old-acls.xml"}
	if shared, _ := filepath.Glob("../../../shared/peers/scheduler/xml/*.xml"); len(shared) > 0 {
		r.Shuffle(len(shared), func(i, j int) { shared[i], shared[j] = shared[j], shared[i] })
		files = append(files, shared[:3]...)
	}
	var docs []*cibxml.Element
	for range *mutations {
		doc := load(t, files[r.IntN(len(files))])
		if len(doc.Compact()) > 60_000 {
			continue
		}
		doc = doc.WithAttr("validate-with", names[r.IntN(len(names))])
		if r.IntN(2) == 0 {
			doc.Set("validate-with", names[len(names)-1-r.IntN(6)])
		}
		doc = doc.Clone()
		doc.Children = doc.Children[:1] // status is free
		prune(doc)
		for range 1 + r.IntN(2) {
			mutate(r, doc.Children[0])
		}
		docs = append(docs, doc)
	}
	compare(t, docs, verdicts(t, docs))
}

var mutations = flag.Int("mutations", 600, "how many random documents are compared with xmllint")
var seed = flag.Int("seed", 1, "of these random documents")

// prune takes out what the document's schema does not know, so that old schemas are tried with what they do.
func prune(doc *cibxml.Element) {
	for range 300 {
		problems := Check(nil, doc)
		if len(problems) == 0 {
			return
		}
		problem := problems[0]
		var walk func(path string, up, e *cibxml.Element)
		walk = func(path string, up, e *cibxml.Element) {
			path += cibxml.Location([]*cibxml.Element{e})
			if path != problem.Path {
				for _, k := range e.Children {
					walk(path, e, k)
				}
				return
			}
			name, _, attribute := strings.Cut(strings.TrimPrefix(problem.Msg, "attribute "), " is not allowed (")
			tag, _, child := strings.Cut(strings.TrimPrefix(problem.Msg, "<"), "> is not allowed here")
			switch {
			case attribute:
				e.Unset(name)
			case child:
				e.Children = slices.DeleteFunc(e.Children, func(k *cibxml.Element) bool { return k.Name == tag })
			case up != nil:
				up.Children = slices.DeleteFunc(slices.Clone(up.Children), func(k *cibxml.Element) bool { return k == e })
			}
		}
		walk("", nil, doc)
	}
}

// mutate changes one thing of the configuration at random.
func mutate(r *rand.Rand, doc *cibxml.Element) {
	var all []*cibxml.Element
	doc.Walk(func(e *cibxml.Element) bool {
		if e.Kind == cibxml.Tag {
			all = append(all, e)
		}
		return true
	})
	e, other := all[r.IntN(len(all))], all[r.IntN(len(all))]
	attrs := []string{"id", "id-ref", "name", "value", "score", "role", "type", "class", "provider", "rsc", "first", "kind", "node",
		"interval", "on-fail", "operation", "description", "score-attribute", "rsc-pattern", "sequential", "ordering", "template"}
	values := []string{"", "1", "-1", "INFINITY", "Started", "Promoted", "ocf", "lsb", "x y", " a ", "true", "Mandatory", "9x", "remote",
		"requires", "stonith_enabled", "cluster-infrastructure", "cman"}
	switch r.IntN(9) {
	case 0:
		if len(e.Attrs) > 0 {
			e.Unset(e.Attrs[r.IntN(len(e.Attrs))].Name)
		}
	case 1:
		if len(e.Attrs) > 0 {
			e.Attrs[r.IntN(len(e.Attrs))].Value = values[r.IntN(len(values))]
		}
	case 2:
		e.Set(attrs[r.IntN(len(attrs))], values[r.IntN(len(values))])
	case 3:
		if len(e.Children) > 0 {
			i := r.IntN(len(e.Children))
			e.Children = append(e.Children[:i:i], e.Children[i+1:]...)
		}
	case 4:
		k := other.Clone()
		at := r.IntN(len(e.Children) + 1)
		e.Children = append(e.Children[:at:at], append([]*cibxml.Element{k}, e.Children[at:]...)...)
		if r.IntN(2) == 0 {
			k.Walk(func(x *cibxml.Element) bool {
				if x.ID() != "" {
					x.Set("id", x.ID()+"-copy")
				}
				return true
			})
		}
	case 5:
		r.Shuffle(len(e.Children), func(i, j int) { e.Children[i], e.Children[j] = e.Children[j], e.Children[i] })
	case 6:
		if len(other.Attrs) > 0 && len(e.Attrs) > 0 {
			e.Attrs[r.IntN(len(e.Attrs))].Value = other.Attrs[r.IntN(len(other.Attrs))].Value
		}
	case 7:
		if len(other.Attrs) > 0 {
			a := other.Attrs[r.IntN(len(other.Attrs))]
			e.Set(a.Name, a.Value)
		}
	case 8:
		e.Append(&cibxml.Element{Kind: cibxml.Comment, Text: "c"})
	}
}
