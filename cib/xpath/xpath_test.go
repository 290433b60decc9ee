package xpath

import (
	"math"
	"strings"
	"testing"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

const sample = `<cib epoch="3"><configuration>
 <crm_config><cluster_property_set id="opts">
  <nvpair id="o1" name="stonith-enabled" value="false"/><nvpair id="o2" name="limit" value="20"/>
 </cluster_property_set></crm_config>
 <nodes><node id="1" uname="n1"/><node id="2" uname="n2"/></nodes>
 <resources>
  <!-- first -->
  <primitive id="a" class="ocf" type="x"><operations><op id="a1" name="monitor" interval="10"/><op id="a2" name="stop"/></operations></primitive>
  <group id="g"><primitive id="b" class="ocf" type="y"/><primitive id="c" class="lsb" type="x"/></group>
  <clone id="k"><primitive id="d" class="ocf" type="y"><operations><op id="d1" name="monitor"/></operations></primitive></clone>
 </resources>
 <constraints><rsc_location id="l" rsc="b" node="n1"/></constraints></configuration><status/></cib>`

func parsed(t testing.TB, src string) *cibxml.Element {
	t.Helper()
	e, err := cibxml.Parse(src)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// ids names matches by id, or by name where there is none.
func ids(matches []Match) string {
	var all []string
	for _, m := range matches {
		name := m.Element.ID()
		if name == "" {
			name = m.Element.Name
		}
		all = append(all, name)
	}
	return strings.Join(all, " ")
}

func TestFind_SelectsAsXPath1(t *testing.T) {
	cases := []struct{ expr, want string }{
		{"/cib", "cib"},
		{"/", "cib"},
		{"cib/configuration/nodes/node", "1 2"},
		{"//primitive", "a b c d"},
		{"//primitive[@id='b']", "b"},
		{`//primitive[@class="ocf" and @type='y']`, "b d"},
		{"//primitive[1]", "a b d"},
		{"(//primitive)[1]", "a"},
		{"(//primitive)[last()]", "d"},
		{"//primitive[position()>1]", "c"},
		{"//primitive[@class='ocf'][1]", "a b d"},
		{"//group/primitive[@class='lsb'][1]", "c"},
		{"//primitive/..", "resources g k"},
		{"//clone/primitive | //group", "g d"},
		{"//op/ancestor::primitive", "a d"},
		{"//op/ancestor::*[1]", "operations operations"},
		{"//op/preceding-sibling::op[1]", "a1"},
		{"//primitive[@id='a']/following::primitive", "b c d"},
		{"//primitive[@id='d']/preceding::primitive", "a b c"},
		{"//primitive[@id='d']/preceding::primitive[1]", "c"},
		{"//primitive[operations]", "a d"},
		{"//primitive[not(operations)]", "b c"},
		{"//primitive[count(operations/op)=2]", "a"},
		{"//primitive[@id=//rsc_location/@rsc]", "b"},
		{"//node/@uname", "1 2"},
		{"//node[@id='1']/@*", "1 1"},
		{"//resources/comment()", "resources"},
		{"//*[starts-with(@id,'o')]", "opts o1 o2"},
		{"//*[contains(@name,'onit')]", "o1 a1 d1"},
		{"//nvpair[@value>10]", "o2"},
		{"//nvpair[number(@value) mod 7 = 6]", "o2"},
		{"//group/descendant-or-self::*", "g b c"},
		{"id('b d')", "b d"},
		{"//primitive[@type=../primitive[1]/@type]", "a b d"},
		{"//op[@name!='monitor']", "a2"},
		{"count(//op)", ""},
		{"//nothing", ""},
		{"//node[self::node]", "1 2"},
		{"/cib/*[2]", "status"},
		{"//div[1]", ""},
		{"//resources/*[name()='group' or local-name()='clone']", "g k"},
		{" // node [ @id = \"1\" ] ", "1"},
		{"//operations//op", "a1 a2 d1"},
		{"//resources//primitive[2]", "c"},
		{"//op[last()]", "a2 d1"},
	}
	doc := parsed(t, sample)
	for _, c := range cases {
		m, err := Find(doc, c.expr)
		if err != nil {
			t.Errorf("%s: %v", c.expr, err)
		} else if got := ids(m); got != c.want {
			t.Errorf("%s: got %q, want %q", c.expr, got, c.want)
		}
	}
}

func TestEvaluate_ConvertsAsXPath1(t *testing.T) {
	cases := map[string]any{
		"1 + 2 * 3 - 4 div 2":            5.0,
		"-7 mod 3":                       -1.0,
		"- - 3":                          3.0,
		"count(//op) = 3 and true()":     true,
		"string(//node[2]/@uname)":       "n2",
		"//node/@uname":                  "n1",
		"//node/@uname = 'n2'":           true,
		"//node/@uname != 'n2'":          true,
		"not(//node/@uname = 'n9')":      true,
		"sum(//node/@id)":                3.0,
		"substring('12345', 1.5, 2.6)":   "234",
		"substring('12345', 0 div 0)":    "",
		"substring-before('a:b:c', ':')": "a",
		"substring-after('a:b:c', ':')":  "b:c",
		"normalize-space('  a  b ')":     "a b",
		"translate('bar','abc','AB')":    "BAr",
		"concat(1 div 0, '/', 0.5)":      "Infinity/0.5",
		"number('1e3') = number('1e3')":  false,
		"string-length('ü')":             1.0,
		"boolean('false')":               true,
		"round(-2.5)":                    -2.0,
		"floor(-2.5) + ceiling(2.1)":     0.0,
		"true() > false()":               true,
		"lang('en')":                     false,
		"//nothing = false()":            true,
		"'1' = 1.0":                      true,
		"name(//*[@id='g'])":             "group",
	}
	doc := parsed(t, sample)
	for text, want := range cases {
		x, err := Compile(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got, err := x.Evaluate(doc); err != nil || got != want {
			t.Errorf("%s: got %v (%v), want %v", text, got, err, want)
		}
	}
	x, _ := Compile("0 div 0")
	if v, _ := x.Evaluate(doc); !math.IsNaN(v.(float64)) {
		t.Errorf("0 div 0 is %v", v)
	}
}

func TestCompile_SaysWhatIsWrong(t *testing.T) {
	cases := map[string]string{
		"//nvpair[":       `XPath "//nvpair[": expected a name instead of ""`,
		"//a]":            `XPath "//a]": unexpected "]"`,
		"nope()":          `XPath "nope()": there is no function nope()`,
		"count()":         `XPath "count()": function count() does not take 0 arguments`,
		"sideways::a":     `XPath "sideways::a": there is no axis sideways`,
		"'open":           `XPath "'open": string 'open is not closed`,
		"$x":              `XPath "$x": unexpected "$x"`,
		"a b":             `XPath "a b": unexpected "b"`,
		"(1":              `XPath "(1": expected ")" instead of ""`,
		"//a[@id='x'":     `XPath "//a[@id='x'": expected "]" instead of ""`,
		"@":               `XPath "@": expected a name instead of ""`,
		"comment('x')":    `XPath "comment('x')": expected ")" instead of "x"`,
		"1.2.3":           `XPath "1.2.3": unexpected ".3"`,
		"starts-with(1 2": `XPath "starts-with(1 2": expected "," instead of "2"`,
	}
	for text, want := range cases {
		if _, err := Compile(text); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
	if _, err := Compile(strings.Repeat("(", 1000)); err == nil {
		t.Error("an expression nested a thousand times was accepted")
	}
}

func TestFind_MatchKnowsItsWay(t *testing.T) {
	m, err := Find(parsed(t, sample), "//op[@id='d1']/@name")
	if err != nil || len(m) != 1 {
		t.Fatal(m, err)
	}
	want := "/cib/configuration/resources/clone[@id='k']/primitive[@id='d']/operations/op[@id='d1']"
	if m[0].Location() != want || m[0].Attr != "name" || m[0].Parent().Name != "operations" {
		t.Errorf("got %s, attribute %q, below %s", m[0].Location(), m[0].Attr, m[0].Parent().Name)
	}
}

func TestSelect_GivesUpOnExpressionsWithoutEnd(t *testing.T) {
	x, err := Compile("//*[following::*]")
	if err != nil {
		t.Fatal(err)
	}
	_, err = x.eval(parsed(t, sample), 100)
	if err == nil || !strings.Contains(err.Error(), "gave up") {
		t.Errorf("got %v", err)
	}
}

func FuzzFind(f *testing.F) {
	for _, s := range []string{"//a[@b='c'][1]", "count(//x) > 1 or -3", "a/b|c//d", "substring('a',1,2)", "//*[last()]/.."} {
		f.Add(s)
	}
	doc, err := cibxml.Parse(sample)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if x, err := Compile(text); err == nil {
			x.Select(doc)
			x.Evaluate(doc)
		}
	})
}
