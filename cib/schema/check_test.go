package schema

import (
	"fmt"
	"math/rand/v2"
	"os/exec"
	"testing"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

func parsed(t testing.TB, src string) *cibxml.Element {
	t.Helper()
	e, err := cibxml.Parse(src)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestCheck_NamesElementAttributeAndWhatIsAllowed(t *testing.T) {
	cases := []struct{ name, resources, want string }{
		{"right", `<primitive id="a" class="ocf" provider="p" type="t"/>`, ""},
		{"unknown element", `<primitif id="a"/>`,
			`<resources>: <primitif> is not allowed here (allowed: <primitive>, <template>, <group>, <clone>, <master>, <bundle>)`},
		{"unknown attribute", `<primitive id="a" klass="ocf" template="a"/>`,
			`<primitive id="a">: attribute klass is not allowed (allowed: id, description, template)`},
		{"missing attribute", `<primitive id="a" class="lsb"/>`, `<primitive id="a">: attribute type is missing`},
		{"wrong value", `<group id="g"><primitive id="a" class="osf" type="t"/></group>`,
			`<primitive id="a">: attribute class is "osf" (allowed: lsb, heartbeat, stonith, upstart, service, systemd, nagios)`},
		{"no child", `<group id="g"/>`, `<group id="g">: <primitive> is missing`},
		{"too many children", `<clone id="c"><primitive id="a" class="lsb" type="t"/><primitive id="b" class="lsb" type="t"/></clone>`,
			`<clone id="c">: there is more than one <primitive> or <group>`},
		{"id twice", `<group id="g"><primitive id="g" class="lsb" type="t"/></group>`,
			`<primitive id="g">: id "g" occurs more than once in the document`},
		{"reference to nothing", `<primitive id="a" template="t"/>`,
			`<primitive id="a">: attribute template refers to "t", which is the id of nothing`},
		{"no id", `<primitive id="1a" class="lsb" type="t"/>`, `<primitive id="1a">: attribute id is "1a" ` +
			`(allowed: an id: a letter or "_", then letters, digits, ".", "-" or "_")`},
		{"text", `<group id="g"><![CDATA[x]]><primitive id="a" class="lsb" type="t"/></group>`, `<group id="g">: text is not allowed here`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			doc := parsed(t, `<cib validate-with="pacemaker-3.9" admin_epoch="0" epoch="0" num_updates="0"><configuration><crm_config/><nodes/><resources>`+
				c.resources+`</resources><constraints/></configuration></cib>`)
			got := ""
			for _, p := range Check(nil, doc) {
				got += p.String()
			}
			if got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestCheck_ElementsWhoseOrderMattersMustKeepIt(t *testing.T) {
	doc := parsed(t, `<cib validate-with="pacemaker-3.9" admin_epoch="0" epoch="0" num_updates="0"><configuration><crm_config/><nodes/><resources>
		<primitive id="a" class="lsb" type="t"/></resources><constraints><rsc_order id="o"><resource_set id="s"><resource_ref id="a"/></resource_set>
		<lifetime><rule id-ref="r"/></lifetime></rsc_order></constraints></configuration></cib>`)
	got := fmt.Sprint(Check(nil, doc))
	if want := `[<rsc_order id="o">: <lifetime> must stand before <resource_set>]`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestKnown_NamesEveryValidateWith(t *testing.T) {
	for _, name := range []string{"none", "pacemaker-0.6", "transitional-0.6", "pacemaker-1.0", "pacemaker-2.10", "pacemaker-3.9"} {
		if !Known(name) {
			t.Errorf("%s is not known", name)
		}
	}
	if Known("pacemaker-4.0") || Known("") {
		t.Error("a schema that does not exist is known")
	}
	if !AtLeast("pacemaker-2.10", "pacemaker-2.9") || AtLeast("pacemaker-0.6", "pacemaker-1.0") || AtLeast("x", "pacemaker-0.6") || !AtLeast("none", Newest) {
		t.Error("schemas are ordered wrongly")
	}
}

func TestCheck_RefusesSchemasThatAreNone(t *testing.T) {
	doc := parsed(t, `<cib validate-with="pacemaker-9.9"/>`)
	if p := Check(nil, doc); len(p) != 1 {
		t.Errorf("got %v", p)
	}
	if p := Check(nil, doc.WithAttr("validate-with", "pacemaker-0.6")); len(p) != 1 ||
		p[0].Msg != "schema pacemaker-0.6 is too old to be checked: upgrade the CIB to pacemaker-3.9 (cibadmin --upgrade)" {
		t.Errorf("got %v", p)
	}
	if p := Check(nil, doc.WithAttr("validate-with", "none")); p != nil {
		t.Errorf("got %v", p)
	}
}

func TestDetect_FindsTheNewestSchemaThatFits(t *testing.T) {
	everything := load(t, "testdata/everything.xml").WithoutAttr("validate-with")
	old := load(t, "testdata/old-acls.xml").WithoutAttr("validate-with")
	if a, b, c := Detect(everything), Detect(old), Detect(cibxml.New("cib")); a != Newest || b != "pacemaker-1.3" || c != None {
		t.Errorf("got %s, %s, %s", a, b, c)
	}
}

// What Check finds in a change of a document that was right does not depend on knowing that.
func TestCheck_OfAChangeFindsWhatACheckOfAllFinds(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	old := load(t, "testdata/everything.xml")
	if p := Check(nil, old); p != nil {
		t.Fatal(p)
	}
	wrong := 0
	for range 3000 {
		doc := old.Clone()
		mutate(r, doc.Children[0])
		share(r, old, doc)
		full, change := Check(nil, doc), Check(old, doc)
		if (len(full) == 0) != (len(change) == 0) {
			t.Fatalf("of all: %v, of the change: %v\n%s", full, change, doc)
		}
		if len(full) > 0 {
			wrong++
		}
	}
	if wrong < 100 || wrong > 2900 {
		t.Errorf("%d of the documents were wrong, which proves little", wrong)
	}
}

// share puts elements of the old document in the place of equal ones, as an edit of the old document leaves
// them, but not everywhere.
func share(r *rand.Rand, old, e *cibxml.Element) {
	for i, k := range e.Children {
		for _, o := range old.Children {
			if o.Equal(k) && r.IntN(8) > 0 {
				e.Children[i] = o
			} else if o.Name == k.Name && o.ID() == k.ID() {
				share(r, o, k)
			}
		}
	}
}

func BenchmarkCheck(b *testing.B) {
	out, err := exec.Command("../../../shared/peers/scheduler/bigcib", "1000", "8").Output()
	if err != nil {
		b.Skip("../shared is not here")
	}
	doc, err := cibxml.Parse(string(out))
	if err != nil {
		b.Fatal(err)
	}
	if p := Check(nil, doc); p != nil {
		b.Fatal(p)
	}
	b.Run("all", func(b *testing.B) {
		b.SetBytes(int64(len(out)))
		for b.Loop() {
			Check(nil, doc)
		}
	})
}

func FuzzCheck(f *testing.F) {
	f.Add(`<cib validate-with="pacemaker-3.9"><configuration><x/></configuration></cib>`)
	f.Add(`<cib validate-with="pacemaker-2.0"><configuration><resources><group id="g"><primitive id="g" class="ocf"/></group></resources></configuration></cib>`)
	old := load(f, "testdata/everything.xml")
	f.Fuzz(func(t *testing.T, src string) {
		doc, err := cibxml.ParseText(src)
		if err != nil {
			return
		}
		Check(nil, doc)
		Check(old, doc)
		Detect(doc)
	})
}
