package param

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/fenced/plan/device"
)

func testAgent() *Agent {
	return &Agent{Name: "fence_t", Short: `a "test" <agent>`, Actions: Power(), Split: true, Params: append(Fencing(),
		Spec{Name: "ip", Old: "ipaddr", Kind: String, Required: true, Text: "address"},
		Spec{Name: "ssl", Kind: Boolean, Default: "1"},
		Spec{Name: "redfish_uri", Old: "redfish-uri", Kind: String, Default: "/redfish/v1"},
		Spec{Name: "method", Kind: Select, Default: "onoff", Options: []string{"onoff", "cycle"}},
		Plug(false, "outlet"))}
}

func TestParse_OldNamesDefaultsAndUnits(t *testing.T) {
	v, err := testAgent().Parse([]device.Param{{Name: "ipaddr", Value: "10.0.0.1"}, {Name: "nodename", Value: "n1"}, {Name: "port", Value: "7"},
		{Name: "delay", Value: "2.5"}, {Name: "power_timeout", Value: "500ms"}, {Name: "ssl", Value: "Off"}, {Name: "redfish-uri", Value: "/x"}})
	if err != nil {
		t.Fatal(err)
	}
	if v.Str("ip") != "10.0.0.1" || v.Str("plug") != "7" || v.Time("delay") != 2500*time.Millisecond || v.Time("power_timeout") != 500*time.Millisecond ||
		v.Bool("ssl") || v.Str("redfish_uri") != "/x" || v.Str("method") != "onoff" || v.Time("login_timeout") != 5*time.Second || v.Int("retry_on") != 1 {
		t.Errorf("got %v", v.text)
	}
	if d := cmp.Diff([]string{"nodename"}, v.Unknown); d != "" {
		t.Error(d)
	}
	if !v.Given("ip") || v.Given("method") {
		t.Error("what was given is not known")
	}
}

func TestParse_TheNewNameBeatsTheOld(t *testing.T) {
	for _, order := range [][]device.Param{
		{{Name: "ip", Value: "new"}, {Name: "ipaddr", Value: "old"}}, {{Name: "ipaddr", Value: "old"}, {Name: "ip", Value: "new"}},
	} {
		if v, err := testAgent().Parse(order); err != nil || v.Str("ip") != "new" {
			t.Errorf("%v: %v, %v", order, v.Str("ip"), err)
		}
	}
}

func TestParse_EveryProblemIsNamed(t *testing.T) {
	_, err := testAgent().Parse([]device.Param{{Name: "ssl", Value: "maybe"}, {Name: "method", Value: "hammer"}, {Name: "delay", Value: "-1"}, {Name: "retry_on", Value: "x"}})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"fence_t", "ip is missing", `ssl is "maybe"`, `method is "hammer", not one of onoff, cycle`, `delay is "-1"`, `retry_on is "x"`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
}

func TestMetadata_IsXMLWithBothNames(t *testing.T) {
	doc, err := cibxml.Parse(testAgent().Metadata())
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]string{}
	for p := range doc.Child("parameters").Tags("parameter") {
		names[p.Get("name")] = p.Get("obsoletes") + p.Get("deprecated")
	}
	if names["ip"] != "ipaddr" || names["ipaddr"] != "1" || names["plug"] != "port" || names["port"] != "1" {
		t.Errorf("names %v", names)
	}
	if doc.Get("shortdesc") != `a "test" <agent>` {
		t.Errorf("short description %q", doc.Get("shortdesc"))
	}
	actions := 0
	for range doc.Child("actions").Tags("action") {
		actions++
	}
	if actions != len(Power()) {
		t.Errorf("%d actions", actions)
	}
}

func TestCapabilities_AsThePlanNeedsThem(t *testing.T) {
	power := testAgent().Capabilities()
	if d := cmp.Diff([]string{"on", "off", "status", "monitor", "metadata", "validate-all"}, power.Actions); d != "" || power.Port != "plug" || power.OnTarget {
		t.Errorf("%+v", power)
	}
	fabric := (&Agent{Actions: Fabric()}).Capabilities()
	if !fabric.OnTarget || !fabric.Automatic || fabric.Port != "" {
		t.Errorf("%+v", fabric)
	}
}
