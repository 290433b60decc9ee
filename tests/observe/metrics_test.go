package observe

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/tests/lab"
	"github.com/holdfast-ha/holdfast/tests/lab/holdfast"
	"github.com/holdfast-ha/holdfast/tests/lab/room"
)

// scraped reads the metrics of a daemon over the network, from another node.
func (w *world) scraped(from, at *lab.Node, port int) string {
	w.t.Helper()
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		return from.Dial(ctx, network, addr)
	}}
	var text string
	w.until(fmt.Sprintf("%s answers on port %d", at.Name, port), func(ctx context.Context) (bool, error) {
		req, err := http.NewRequestWithContext(ctx, "GET", fmt.Sprintf("http://%s:%d/metrics", at.Addr(0), port), nil)
		if err != nil {
			return false, err
		}
		resp, err := transport.RoundTrip(req)
		if err != nil {
			return false, err
		}
		defer resp.Body.Close()
		raw, err := io.ReadAll(resp.Body)
		text = string(raw)
		return err == nil && resp.StatusCode == 200, err
	})
	return text
}

var metricName = regexp.MustCompile(`\b(ha_cluster|holdfast)_[a-z0-9_]+\b`)

// only are metrics that exist only when there is something to tell.
var only = []string{"holdfast_alarm", "holdfast_memory_exhausted_seconds", "holdfast_fence_history", "holdfast_fence_last_time_seconds", "holdfast_fence_last_duration_seconds", "holdfast_fence_operations", "holdfast_fence_duration_seconds",
	"ha_cluster_sbd_devices", "ha_cluster_sbd_timeouts", "holdfast_vitals_stale_seconds", "holdfast_process_state_seconds"}

func TestMetrics_TakeTheExportersPlaceAndFitRulesAndDashboard(t *testing.T) {
	w := start(t, holdfast.Options{Options: lab.Options{Nodes: 2}, Sections: "[metrics]\nlisten = \"node\"\n"})
	w.resources(1, "10s", "20s")
	w.modify("constraints", `<constraints><rsc_location id="l" rsc="j1" node="n1" score="INFINITY"/></constraints>`)
	w.modify("crm_config", `<crm_config><cluster_property_set id="cib-bootstrap-options"><nvpair id="sd" name="stonith-enabled" value="true"/></cluster_property_set></crm_config>`)
	w.allRun(1)
	n1, n2 := w.Node("n1"), w.Node("n2")
	w.until("every part of the vitals has been measured", func(context.Context) (bool, error) {
		r, err := call[api.VitalsReport](w, n1, api.PathVitals+"?since=60")
		return len(r.Samples) > 1 && len(r.Samples[len(r.Samples)-1].Disks) > 0, err
	})
	var all strings.Builder
	for _, port := range []int{9664, 9665, 9666} {
		text := w.scraped(n2, n1, port)
		all.WriteString(text)
		if promtool, err := exec.LookPath("promtool"); err == nil {
			cmd := exec.Command(promtool, "check", "metrics")
			cmd.Stdin = strings.NewReader(text)
			if out, err := cmd.CombinedOutput(); err != nil && cmd.ProcessState.ExitCode() != 3 { // 3 is lint
				t.Errorf("port %d: %v\n%s", port, err, out)
			}
		}
	}
	for _, want := range []string{
		`ha_cluster_pacemaker_nodes{node="n1",type="member",status="online"} 1`,
		`ha_cluster_pacemaker_resources{node="n1",resource="j1",role="started",managed="true",status="active",agent="ocf:lab:journal",group="",clone=""} 1`,
		`ha_cluster_pacemaker_stonith_enabled 1`, `ha_cluster_pacemaker_maintenance_mode_enabled 0`,
		`ha_cluster_pacemaker_location_constraints{constraint="l",node="n1",resource="j1",role=""} +Inf`,
		`ha_cluster_pacemaker_fail_count{node="n1",resource="j1"} 0`, `ha_cluster_pacemaker_migration_threshold{node="n1",resource="j1"} 1e+06`,
		`ha_cluster_corosync_quorate 1`, `ha_cluster_corosync_quorum_votes{type="expected_votes"} 2`, `ha_cluster_corosync_ring_errors 0`,
		`ha_cluster_corosync_member_votes{node_id="2",node="n2",local="false"} 1`, `ha_cluster_scrape_success{collector="corosync"} 1`,
		`holdfast_incidents_total{kind="node-lost",severity="critical"} 0`, `holdfast_incidents_open{kind="fence",severity="warning"} 0`,
		`holdfast_link_up{node="n2",link="0"} 1`, `holdfast_fence_device_ok{device="power",agent="fence_lab",`, `holdfast_fence_path_ok{device="power"}`, `holdfast_throttle_limit{node="n2"}`,
	} {
		if want = strings.Replace(want, "1e+06", "1000000", 1); !strings.Contains(all.String(), want) {
			t.Errorf("%s is missing", want)
		}
	}
	if strings.Contains(all.String(), `holdfast_incidents_total{kind="change",severity="info"} 0`) {
		t.Error("the start of the resources counts as no incident")
	}
	if t.Failed() {
		t.Log(all.String())
	}
	root, err := room.Root()
	w.must(err)
	for _, name := range []string{"conf/prometheus/holdfast.rules.yml", "conf/grafana/holdfast.json"} {
		text, err := os.ReadFile(filepath.Join(root, name))
		w.must(err)
		for _, metric := range metricName.FindAllString(string(text), -1) {
			if !strings.Contains(all.String(), "# TYPE "+metric+" ") && !slices.Contains(only, metric) {
				t.Errorf("%s: nobody tells %s", name, metric)
			}
		}
	}
}

func TestRules_AreLoadedByPromtoolAndTheDashboardIsJSON(t *testing.T) {
	root, err := room.Root()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(root, "conf/grafana/holdfast.json"))
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Title  string
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(raw, &dashboard); err != nil || dashboard.Title == "" || len(dashboard.Panels) < 20 {
		t.Errorf("dashboard: %v, %d panels", err, len(dashboard.Panels))
	}
	for _, p := range dashboard.Panels {
		for _, x := range p.Targets {
			if strings.Count(x.Expr, "(") != strings.Count(x.Expr, ")") || !metricName.MatchString(x.Expr) && !strings.Contains(x.Expr, "process_") {
				t.Errorf("panel %q: %s", p.Title, x.Expr)
			}
		}
	}
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not installed; it comes with Prometheus")
	}
	if out, err := exec.Command(promtool, "check", "rules", filepath.Join(root, "conf/prometheus/holdfast.rules.yml")).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestRules_FireForWhatTheySay(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not installed; it comes with Prometheus")
	}
	if out, err := exec.Command(promtool, "test", "rules", "testdata/rules.test.yml").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
