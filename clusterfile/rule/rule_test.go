package rule

import (
	"strings"
	"testing"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

func TestParse_MakesTheRulesOfPcs(t *testing.T) {
	cases := []struct{ text, want string }{
		{"pingd gt 1 and date gt 2026-01-01", `<rule id="r" boolean-op="and"><expression id="r-expr" attribute="pingd" operation="gt" value="1"/>` +
			`<date_expression id="r-expr-1" operation="gt" start="2026-01-01"/></rule>`},
		{"not_defined pingd or ( date-spec hours=9-16 and #uname eq n1 )", `<rule id="r" boolean-op="or"><expression id="r-expr" attribute="pingd" operation="not_defined"/>` +
			`<rule id="r-rule" boolean-op="and"><date_expression id="r-rule-expr" operation="date_spec"><date_spec id="r-rule-expr-datespec" hours="9-16"/></date_expression>` +
			`<expression id="r-rule-expr-1" attribute="#uname" operation="eq" value="n1"/></rule></rule>`},
		{"a eq integer 1", `<rule id="r" boolean-op="and"><expression id="r-expr" attribute="a" operation="eq" type="integer" value="1"/></rule>`},
		{"a eq integer", `<rule id="r" boolean-op="and"><expression id="r-expr" attribute="a" operation="eq" value="integer"/></rule>`},
		{`a eq "x y" or b ne "or"`, `<rule id="r" boolean-op="or"><expression id="r-expr" attribute="a" operation="eq" value="x y"/>` +
			`<expression id="r-expr-1" attribute="b" operation="ne" value="or"/></rule>`},
		{"date in_range 2026-01-01 to duration months=1", `<rule id="r" boolean-op="and"><date_expression id="r-expr" operation="in_range" start="2026-01-01">` +
			`<duration id="r-expr-duration" months="1"/></date_expression></rule>`},
		{"resource ocf:heartbeat:IPaddr2 and op monitor interval=10s", `<rule id="r" boolean-op="and"><rsc_expression id="r-expr" class="ocf" provider="heartbeat" type="IPaddr2"/>` +
			`<op_expression id="r-expr-1" name="monitor" interval="10s"/></rule>`},
	}
	for _, c := range cases {
		e, err := Parse(c.text, "r")
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if got := e.Compact(); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.text, got, c.want)
		}
	}
}

func TestParse_SaysWhatIsWrong(t *testing.T) {
	for text, want := range map[string]string{
		"":                                "an expression is missing",
		"pingd":                           "the comparison after",
		"pingd > 1":                       "is not a comparison",
		"pingd gt":                        "the value to compare pingd with is missing",
		"pingd gt 1 pingd lt 2":           "join expressions with and, or",
		"(pingd gt 1":                     "a closing parenthesis is missing",
		"date before 2026":                "only gt, lt and in_range",
		"date in_range 2026-01-01":        "comes to END",
		"date-spec":                       "at least one NAME=VALUE",
		"date-spec hour=9":                "is not a part of a date-spec",
		`a eq "x`:                         "a quote is not closed",
		"a eq 1 and":                      "an expression is missing",
		"defined )":                       `missing before ")"`,
		"resource a:b:c:d":                "is not an agent",
		"date in_range 1 to duration x=1": "is not a part of a duration",
	} {
		if _, err := Parse(text, "r"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}

func TestFormat_IsTheInverseOfParse(t *testing.T) {
	for _, text := range []string{
		"pingd lt 1 or not_defined pingd", "#uname eq n1 and (date gt 2026-12-01 or date-spec hours=9-16 weekdays=1-5)",
		"date in_range 2026-01-01 to 2026-02-01", "date in_range to 2026-02-01", "date in_range 2026-01-01 to duration months=1 days=2",
		"resource ocf:heartbeat:IPaddr2", "op monitor interval=10s", `a eq version "1 2"`, `a eq "integer"`, `"date" eq "and"`,
		"resource ocf::", `date lt "2026-01-01 10:00:00Z"`,
	} {
		e, err := Parse(text, "r")
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got, ok := Format(e); got != text || !ok {
			t.Errorf("got %q (%t), want %q", got, ok, text)
		}
	}
}

func TestFormat_AdmitsWhatItCannotSay(t *testing.T) {
	for _, src := range []string{
		`<rule id="r"><expression id="e" attribute="a" operation="eq" value="x" value-source="param"/></rule>`,
		`<rule id-ref="other"/>`, `<rule id="r"/>`,
		`<rule id="r"><date_expression id="e" operation="in_range" start="1"/></rule>`,
	} {
		e, err := cibxml.Parse(src)
		if err != nil {
			t.Fatal(err)
		}
		if text, ok := Format(e); ok {
			t.Errorf("%s: %q", src, text)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("#uname eq n1 and (date gt 2026-12-01 or date-spec hours=9-16)")
	f.Fuzz(func(t *testing.T, text string) {
		e, err := Parse(text, "r")
		if err != nil {
			return
		}
		again, ok := Format(e)
		if !ok {
			return
		}
		e2, err := Parse(again, "r")
		if err != nil || !e.Equal(e2) {
			t.Errorf("%q became %q: %v", text, again, err)
		}
	})
}
