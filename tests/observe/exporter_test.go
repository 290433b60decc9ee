package observe

import (
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/tests/lab"
	"github.com/holdfast-ha/holdfast/tests/lab/holdfast"
)

var label = regexp.MustCompile(`[a-z_]+="(?:[^"\\]|\\.)*"`)

// newer are metrics that not every version of the exporter has; the old ones cannot read the rings of Corosync 3.
var newer = []string{"ha_cluster_pacemaker_maintenance_mode_enabled", "ha_cluster_corosync_rings"}

// samples are the lines of the exporter's metrics with their labels sorted and their values in one form.
func samples(text string) []string {
	var out []string
	for line := range strings.Lines(text) {
		name, _, _ := strings.Cut(strings.TrimSpace(line), "{")
		name, _, _ = strings.Cut(name, " ")
		if !strings.HasPrefix(name, "ha_cluster_pacemaker_") && !strings.HasPrefix(name, "ha_cluster_corosync_") || slices.Contains(newer, name) {
			continue
		}
		labels := label.FindAllString(line, -1)
		slices.Sort(labels)
		value, _ := strconv.ParseFloat(line[strings.LastIndex(strings.TrimSpace(line), " ")+1:len(line)-1], 64)
		out = append(out, fmt.Sprintf("%s %s %g", name, strings.Join(labels, ","), value))
	}
	return out
}

// The real exporter runs the drop-in commands on a node; crmd's own page must say the same under the same names.
func TestExporter_SaysWhatTheRealOneSays(t *testing.T) {
	if _, err := exec.LookPath("ha_cluster_exporter"); err != nil {
		t.Skip("ha_cluster_exporter is not installed (Debian: prometheus-hacluster-exporter)")
	}
	w := start(t, holdfast.Options{Options: lab.Options{Nodes: 3}, Sections: "[metrics]\nlisten = \"node\"\n"})
	w.resources(2, "10s", "20s")
	w.modify("resources", `<resources><group id="g">`+journalled(3, "10s", "20s")+journalled(4, "10s", "20s")+`</group><clone id="c">`+journalled(5, "10s", "20s")+`</clone></resources>`)
	w.modify("constraints", `<constraints><rsc_location id="l" rsc="j1" node="n1" score="INFINITY"/><rsc_location id="b" rsc="j2" node="n1" score="-50"/></constraints>`)
	w.modify("nodes", `<nodes><node id="2" uname="n2"><instance_attributes id="n2-a"><nvpair id="n2-a-1" name="rack" value="b"/></instance_attributes></node></nodes>`)
	w.modify("crm_config", `<crm_config><cluster_property_set id="cib-bootstrap-options"><nvpair id="sd" name="stonith-enabled" value="true"/></cluster_property_set></crm_config>`)
	n1 := w.Node("n1")
	w.until("everything runs", func(ctx contextT) (bool, error) {
		st, err := call[api.CRMStatus](w, n1, api.PathCRMStatus)
		return len(w.running(ctx)) == 5 && st.State == "S_IDLE", err
	})
	job, err := n1.Start(exec.Command("ha_cluster_exporter", "--crm-mon-path=/usr/sbin/crm_mon", "--cibadmin-path=/usr/sbin/cibadmin",
		"--corosync-cfgtoolpath-path=/usr/sbin/corosync-cfgtool", "--corosync-quorumtool-path=/usr/sbin/corosync-quorumtool", "--web.listen-address=:9900", "--web.config.file=/dev/null"))
	w.must(err)
	t.Cleanup(func() {
		_ = n1.PowerOff() // the cluster's end reports what is wrong
		_ = job.Wait()
	})
	theirs, ours := samples(w.scraped(w.Node("n2"), n1, 9900)), samples(w.scraped(w.Node("n2"), n1, 9664))
	if len(theirs) < 50 {
		t.Fatalf("the exporter says %q", theirs)
	}
	for _, x := range theirs {
		if !slices.Contains(ours, x) {
			t.Errorf("only the exporter says %s", x)
		}
	}
	for _, x := range ours {
		if !slices.Contains(theirs, x) {
			t.Errorf("only crmd says %s", x)
		}
	}
}
