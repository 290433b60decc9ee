package verify

import (
	"encoding/xml"
	"fmt"
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/cib/schema"
)

// lines finds the line of every element of a document, by its location as cibxml.Location writes it. Of
// elements with the same location the first counts.
func lines(raw string) map[string]int {
	at := map[string]int{}
	var path []*cibxml.Element
	d := xml.NewDecoder(strings.NewReader(raw))
	for {
		t, err := d.RawToken()
		if err != nil {
			return at // at the end; the document has been parsed before
		}
		switch t := t.(type) {
		case xml.StartElement:
			e := cibxml.New(t.Name.Local)
			for _, a := range t.Attr {
				if a.Name.Local == "id" {
					e.Set("id", a.Value)
				}
			}
			path = append(path, e)
			if where := cibxml.Location(path); at[where] == 0 {
				at[where], _ = d.InputPos()
			}
		case xml.EndElement:
			if len(path) > 0 {
				path = path[:len(path)-1]
			}
		}
	}
}

// violation words a violation of the schema in the form that crmsh looks for.
func violation(source string, line int, p schema.Problem) string {
	name := strings.FieldsFunc(p.Element, func(r rune) bool { return strings.ContainsRune("< >", r) })
	return fmt.Sprintf("%s%d: element %s: Relax-NG validity error : %s: %s", source, line, strings.Join(name[:1], ""), p.Path, p.Msg)
}
