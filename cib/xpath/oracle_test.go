package xpath

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"pgregory.net/rapid"
)

// expressions draws location paths with predicates over the names of the sample.
func expressions() *rapid.Generator[string] {
	names := rapid.SampledFrom([]string{"primitive", "op", "group", "node", "*", "nvpair", "operations", "resources", "node()", "comment()"})
	axis := rapid.SampledFrom([]string{"", "", "", "descendant::", "ancestor::", "ancestor-or-self::", "following::", "preceding::",
		"following-sibling::", "preceding-sibling::", "self::", "descendant-or-self::", "parent::"})
	attr := rapid.SampledFrom([]string{"@id", "@name", "@type", "@class", "@uname", "@*"})
	value := rapid.SampledFrom([]string{"'a'", "'x'", "'monitor'", "10", "'ocf'", "''", "count(*)", "//op/@id"})
	relation := rapid.SampledFrom([]string{"=", "!=", "<", ">=", " and ", " or "})
	var path func(depth int) *rapid.Generator[string]
	predicate := func(depth int) *rapid.Generator[string] {
		return rapid.Custom(func(t *rapid.T) string {
			switch rapid.IntRange(0, 8).Draw(t, "kind") {
			case 0:
				return rapid.SampledFrom([]string{"1", "2", "last()", "position()>1", "position()=last()-1"}).Draw(t, "pos")
			case 1:
				return "not(" + attr.Draw(t, "a") + ")"
			case 2:
				return "starts-with(" + attr.Draw(t, "a") + ",'a')"
			case 3:
				if depth > 0 {
					return path(depth-1).Draw(t, "inner")
				}
				fallthrough
			case 4:
				return "count(" + names.Draw(t, "n") + ")>1"
			}
			return attr.Draw(t, "a") + relation.Draw(t, "rel") + value.Draw(t, "v")
		})
	}
	path = func(depth int) *rapid.Generator[string] {
		return rapid.Custom(func(t *rapid.T) string {
			var b strings.Builder
			for i := range rapid.IntRange(1, 3).Draw(t, "steps") {
				if i > 0 || depth == 2 {
					b.WriteString(rapid.SampledFrom([]string{"/", "//", "//"}).Draw(t, "sep"))
				}
				b.WriteString(axis.Draw(t, "axis") + names.Draw(t, "name"))
				for range rapid.IntRange(0, 2).Draw(t, "predicates") {
					b.WriteString("[" + predicate(depth).Draw(t, "p") + "]")
				}
			}
			return b.String()
		})
	}
	return rapid.Custom(func(t *rapid.T) string {
		p := path(2).Draw(t, "path")
		switch rapid.IntRange(0, 6).Draw(t, "shape") {
		case 0:
			return p + "|" + path(2).Draw(t, "other")
		case 1:
			return "(" + p + ")[" + predicate(0).Draw(t, "outer") + "]"
		case 2:
			return p + "/.."
		}
		return p
	})
}

func TestFind_AgreesWithLibxml2(t *testing.T) {
	xmllint, err := exec.LookPath("xmllint")
	if err != nil {
		t.Skip("xmllint is not installed")
	}
	doc := parsed(t, sample)
	file := filepath.Join(t.TempDir(), "sample.xml")
	if err := os.WriteFile(file, []byte(doc.Compact()), 0o600); err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		text := expressions().Draw(t, "expr")
		out, _ := exec.Command(xmllint, "--xpath", text, file).Output()
		theirs := string(out)
		if strings.HasPrefix(theirs, "<?xml") { // the document node is among the results, which has no text of ours
			t.Skip()
		}
		x, err := Compile(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		v, err := x.eval(doc, budget)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		var ours []string
		for _, n := range asSet(v) {
			ours = append(ours, n.at.elem.Compact())
		}
		if got := strings.Join(ours, "\n"); got != strings.TrimSuffix(theirs, "\n") {
			t.Fatalf("%s\ngot  %s\nwant %s", text, got, theirs)
		}
	})
}

func BenchmarkFind(b *testing.B) {
	raw, err := os.ReadFile("../../../shared/peers/scheduler/xml/load-stopped-loop.xml")
	if err != nil {
		b.Skip("../shared is not here")
	}
	doc, err := cibxml.Parse(string(raw))
	if err != nil {
		b.Fatal(err)
	}
	for _, text := range []string{"//nvpair[@name='target-role']", "/cib/configuration/resources", "//primitive[@id='x']/..", "//op[not(@timeout)][1]"} {
		b.Run(text, func(b *testing.B) {
			for b.Loop() {
				if _, err := Find(doc, text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
