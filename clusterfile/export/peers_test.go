package export

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/clusterfile/crm"
	"github.com/holdfast-ha/holdfast/clusterfile/merge"
	"github.com/holdfast-ha/holdfast/clusterfile/outline"
)

// Hundreds of real configurations: an export, applied, changes nothing, and most of it is not XML.
func TestFile_OfPacemakersOwnCases(t *testing.T) {
	files, _ := filepath.Glob("../../../shared/peers/scheduler/xml/*.xml")
	if len(files) == 0 {
		t.Skip("../shared is not there")
	}
	objects, asXML := 0, 0
	for _, path := range files {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := cibxml.Parse(string(raw))
		if err != nil || strings.Contains(string(raw), "0.6") || doc.Child("configuration") == nil {
			continue
		}
		conf := doc.Child("configuration")
		head := headFor(conf)
		f, _, err := crm.Load("head", []byte(head), crm.Source{})
		if err != nil {
			continue // a node's name is none
		}
		text := File(head, f, Input{Configuration: conf})
		_, again, err := crm.Load("exported", []byte(text), crm.Source{})
		if err != nil {
			t.Errorf("%s: %v", filepath.Base(path), err)
			continue
		}
		again.Configuration = again.Configuration.WithChild(again.Configuration.Child("nodes"), conf.Child("nodes"))
		merged := merge.Merge(merge.Inputs{Live: conf, File: again.Configuration})
		if d := outline.Diff(conf, merged.Configuration); len(d) > 0 {
			t.Errorf("%s: applying the export changes %+v", filepath.Base(path), d)
		}
		objects += len(outline.Read(conf))
		asXML += strings.Count(text, "[[xml]]")
	}
	t.Logf("%d objects, %d as XML", objects, asXML)
	if asXML*4 > objects {
		t.Errorf("%d of %d objects have no notation", asXML, objects)
	}
}

// headFor lists the nodes of a configuration with numbers for ids.
func headFor(conf *cibxml.Element) string {
	var b strings.Builder
	b.WriteString("[cluster]\nname = \"c\"\n")
	i := 0
	for n := range conf.Child("nodes").Tags("node") {
		if n.Get("type") != "remote" {
			i++
			fmt.Fprintf(&b, "[[node]]\nname = %q\nid = %d\nlinks = [\"10.0.%d.%d\"]\n", n.Get("uname"), i, i/250, i%250+1)
		}
	}
	return b.String()
}
