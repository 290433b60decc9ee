package cibxml

import (
	"encoding/xml"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestParse_WriteGivesTheSameTree(t *testing.T) {
	cases := map[string]string{
		"empty element":    `<cib/>`,
		"attribute order":  `<cib b="1" a="2"/>`,
		"nesting":          `<a><b id="1"><c/></b><b id="2"/></a>`,
		"comment":          `<a><!-- keep me --><b/></a>`,
		"cdata":            `<a><![CDATA[x < y]]></a>`,
		"escapes":          `<a v="&lt;&amp;&quot;&gt;'"/>`,
		"control":          `<a v="x&#10;y&#9;z&#13;"/>`,
		"beyond ascii":     `<a v="Größe ☂ &amp; mehr"/>`,
		"empty value":      `<a v=""/>`,
		"declaration gone": `<?xml version="1.0"?><a/>`,
	}
	for name, src := range cases {
		t.Run(name, func(t *testing.T) {
			e, err := Parse(src)
			if err != nil {
				t.Fatal(err)
			}
			for _, text := range []string{e.String(), e.Compact()} {
				again, err := Parse(text)
				if err != nil {
					t.Fatalf("%v in %s", err, text)
				}
				if !e.Equal(again) {
					t.Errorf("%s became %s", src, text)
				}
			}
		})
	}
}

func TestParse_NamesWhatIsWrongAndWhere(t *testing.T) {
	cases := map[string]string{
		"<a>":                    "line 1, column 4: element <a> is not closed",
		"<a>\n </b>":             "line 2, column 5: <a> is closed by </b>",
		"<a x=1/>":               "line 1, column 6: value of attribute x of <a> is not quoted",
		`<a x="1" x="2"/>`:       "line 1, column 12: attribute x of <a> is given twice",
		`<a x="&nope;"/>`:        "line 1, column 6: entity &nope; is not known",
		"":                       "line 1, column 1: document has no element",
		"<a/><b/>":               "line 1, column 5: more than one element at the top of the document",
		`<!DOCTYPE a [<!E>]><a>`: "line 1, column 1: markup declaration is not supported",
		"<a>\xff</a>":            "line 1, column 4: input is not UTF-8",
	}
	for src, want := range cases {
		_, err := Parse(src)
		if err == nil || err.Error() != want {
			t.Errorf("%q: got %v, want %s", src, err, want)
		}
	}
}

func TestParse_TextIsDroppedUnlessAskedFor(t *testing.T) {
	src := "<longdesc>\n two words \n</longdesc>"
	plain, err := Parse(src)
	if err != nil || len(plain.Children) != 0 {
		t.Errorf("Parse kept %v (%v)", plain.Children, err)
	}
	full, err := ParseText(src)
	if err != nil || len(full.Children) != 1 || full.Children[0].Text != "\n two words \n" {
		t.Errorf("ParseText gave %v (%v)", full, err)
	}
}

func TestFormat_PacemakerEscapesAsItDoes(t *testing.T) {
	e := New("p", "v", "a\tb\nc\rd'\x01é<")
	want := `<p v="a    b\nc\rd&apos;\001é<"/>`
	if got := e.Format(Style{Pacemaker: true}); got != want {
		t.Errorf("got %s want %s", got, want)
	}
}

func TestWithChild_LeavesTheOriginalAlone(t *testing.T) {
	a, b := New("x", "id", "a"), New("x", "id", "b")
	root := New("r").Append(a)
	more := root.WithChild(nil, b)
	less := more.WithChild(a, nil)
	swapped := more.WithChild(a, New("x", "id", "c"))
	got := root.Compact() + more.Compact() + less.Compact() + swapped.Compact()
	want := `<r><x id="a"/></r><r><x id="a"/><x id="b"/></r><r><x id="b"/></r><r><x id="c"/><x id="b"/></r>`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// The peers' real files: every one must survive a round trip, and mean the same as encoding/xml reads.
func TestParse_SharedCIBsRoundTrip(t *testing.T) {
	files, _ := filepath.Glob("../../../shared/peers/*/*.xml")
	more, _ := filepath.Glob("../../../shared/peers/scheduler/xml/*.xml")
	files = append(files, more...)
	if len(files) == 0 {
		t.Skip("../shared is not here")
	}
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		e, err := Parse(string(raw))
		if err != nil {
			t.Errorf("%s: %v", f, err)
			continue
		}
		again, err := Parse(e.String())
		if err != nil || !e.Equal(again) {
			t.Errorf("%s: changed by a round trip (%v)", f, err)
		}
		if err := sameAsStdlib(e, string(raw)); err != nil {
			t.Errorf("%s: %v", f, err)
		}
	}
}

// sameAsStdlib compares the sequence of tags and attributes with encoding/xml's.
func sameAsStdlib(e *Element, src string) error {
	var ours, theirs []string
	e.Walk(func(n *Element) bool {
		if n.Kind == Tag {
			ours = append(ours, n.Name)
			for _, a := range n.Attrs {
				ours = append(ours, a.Name+"="+a.Value)
			}
		}
		return true
	})
	d := xml.NewDecoder(strings.NewReader(src))
	for {
		tok, err := d.RawToken()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil // encoding/xml refuses a few things that libxml2 accepts
		}
		if s, ok := tok.(xml.StartElement); ok {
			theirs = append(theirs, s.Name.Local)
			for _, a := range s.Attr {
				name := a.Name.Local
				if a.Name.Space != "" {
					name = a.Name.Space + ":" + name
				}
				theirs = append(theirs, name+"="+a.Value)
			}
		}
	}
	for i := range min(len(ours), len(theirs)) {
		// encoding/xml leaves literal white space in attributes alone; XML 1.0 makes it a blank
		if ours[i] != strings.NewReplacer("\n", " ", "\t", " ").Replace(theirs[i]) {
			return &SyntaxError{Msg: "ours " + ours[i] + " stdlib " + theirs[i]}
		}
	}
	if len(ours) != len(theirs) {
		return &SyntaxError{Msg: "different number of tags and attributes"}
	}
	return nil
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{`<a b="&#10;"><!--x--><c/></a>`, "<a><![CDATA[x]]>t</a>", "<a", "&", `<!DOCTYPE x><a/>`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		e, err := ParseText(src)
		if err != nil {
			return
		}
		again, err := ParseText(e.Compact())
		if err != nil || !e.Equal(again) {
			t.Errorf("round trip of %q: %q (%v)", src, e.Compact(), err)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	raw, err := os.ReadFile("../../../shared/peers/scheduler/xml/load-stopped-loop.xml")
	if err != nil {
		b.Skip("../shared is not here")
	}
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		if _, err := Parse(string(raw)); err != nil {
			b.Fatal(err)
		}
	}
}
