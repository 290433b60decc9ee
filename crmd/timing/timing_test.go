package timing

import (
	"strings"
	"testing"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

func TestProblems_ShorterOnesThatWaitForLongerOnes(t *testing.T) {
	conf, err := cibxml.Parse(`<configuration><crm_config><cluster_property_set id="s"><nvpair id="1" name="stonith-watchdog-timeout" value="3s"/>
<nvpair id="2" name="shutdown-escalation" value="1min"/></cluster_property_set></crm_config><resources><group id="g">
<primitive id="db"><meta_attributes id="m"><nvpair id="3" name="failure-timeout" value="30s"/><nvpair id="4" name="migration-threshold" value="3"/></meta_attributes>
<operations><op id="o1" name="monitor" interval="20s" timeout="20s"/><op id="o2" name="stop" interval="0" timeout="90s"/></operations></primitive>
<primitive id="ok"><meta_attributes id="n"><nvpair id="5" name="failure-timeout" value="5min"/><nvpair id="6" name="migration-threshold" value="3"/></meta_attributes>
<operations><op id="o3" name="monitor" interval="20s" timeout="20s"/></operations></primitive></group></resources></configuration>`)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range Problems(conf, 1000, 3000) {
		got = append(got, p.Setting)
	}
	if want := "stonith-watchdog-timeout, failure-timeout of db, stop of db"; strings.Join(got, ", ") != want {
		t.Errorf("%q", got)
	}
	if got := Problems(nil, 1000, 3000); len(got) != 0 {
		t.Errorf("%+v", got)
	}
}
