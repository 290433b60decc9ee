package crm

import (
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/holdfast-ha/holdfast/cib"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/clusterfile/agent"
	"github.com/holdfast-ha/holdfast/crmd/executor/metadata"
	"github.com/holdfast-ha/holdfast/crmd/throttle"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// catalogue knows the agents of its map; others are not installed.
type catalogue map[agent.Ref]string

func (c catalogue) Describe(ref agent.Ref) (*metadata.Agent, bool) {
	text, ok := c[ref]
	if !ok {
		return nil, true
	}
	a, err := metadata.Parse(text)
	if err != nil {
		panic(err)
	}
	return a, true
}

func (c catalogue) Installed(class string) []agent.Ref {
	var list []agent.Ref
	for r := range c {
		if r.Class == class {
			list = append(list, r)
		}
	}
	slices.SortFunc(list, func(a, b agent.Ref) int { return strings.Compare(a.String(), b.String()) })
	return list
}

var installed = catalogue{
	{Class: "ocf", Provider: "heartbeat", Type: "IPaddr2"}: `<resource-agent name="IPaddr2"><parameters>
		<parameter name="ip" required="1"><shortdesc>IPv4 or IPv6 address</shortdesc><content type="string"/></parameter>
		<parameter name="cidr_netmask"><content type="string"/></parameter>
		<parameter name="arp_count"><content type="integer" default="5"/></parameter>
		<parameter name="lvs_support"><content type="boolean" default="false"/></parameter>
		<parameter name="mac_mode"><content type="select"><option value="auto"/><option value="fixed"/></content></parameter></parameters>
		<actions><action name="start" timeout="20s"/><action name="stop" timeout="60s"/><action name="monitor" timeout="20s" interval="10s" depth="0"/></actions></resource-agent>`,
	{Class: "stonith", Type: "fence_ipmilan"}: `<resource-agent name="fence_ipmilan"><parameters>
		<parameter name="action" required="1"><content type="string" default="reboot"/></parameter>
		<parameter name="ip" required="1"><content type="string"/></parameter>
		<parameter name="ipaddr" deprecated="1" required="1"><content type="string"/></parameter>
		<parameter name="username"><content type="string"/></parameter><parameter name="password"><content type="string"/></parameter>
		<parameter name="plug" required="1"><content type="string"/></parameter></parameters>
		<actions><action name="on"/><action name="off"/><action name="monitor"/></actions></resource-agent>`,
}

func secret(path string) (string, error) {
	if path != "/secrets/power-n1" {
		return "", os.ErrNotExist
	}
	return "hunter2\n", nil
}

func load(t *testing.T, name string) (*Config, error) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	_, c, err := Load(name, text, Source{Secret: secret})
	return c, err
}

func document(c *Config) *cibxml.Element {
	doc := cib.Empty("")
	return doc.WithChild(doc.Child("configuration"), c.Configuration)
}

func TestRead_EverySectionBecomesWhatPcsWouldWrite(t *testing.T) {
	c, err := load(t, "everything.toml")
	if err != nil {
		t.Fatal(err)
	}
	got := document(c).String()
	golden := filepath.Join("testdata", "everything.xml")
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Error(d)
	}
}

// Pacemaker's own schema must find the result valid.
func TestRead_ResultPassesPacemakersSchema(t *testing.T) {
	const schema = "/usr/share/pacemaker/pacemaker-3.9.rng"
	tool, err := exec.LookPath("xmllint")
	if _, serr := os.Stat(schema); err != nil || serr != nil {
		t.Skip("xmllint or Pacemaker's schemas are not installed")
	}
	c, err := load(t, "everything.toml")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "cib.xml")
	if err := os.WriteFile(path, []byte(document(c).String()), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(tool, "--noout", "--relaxng", schema, path).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestRead_ThrottleFieldByField(t *testing.T) {
	c, err := load(t, "everything.toml")
	if err != nil {
		t.Fatal(err)
	}
	want := throttle.Default()
	want.LoadThreshold, want.Factors, want.SampleMs = 0.7, [3]float64{1.1, 1.5, 1.9}, 10000
	want.Shares[throttle.High] = throttle.Share{Jobs: 2}
	want.Exempt = []string{"stonith", "stop"}
	want.Inputs, want.FallMs = []string{"load", "cpu", "io_full"}, 20000
	want.Thresholds["cpu"] = [4]float64{40, 70, 95, 0}
	if d := cmp.Diff(want, c.Watch.Throttle); d != "" {
		t.Error(d)
	}
	want.NodeActionLimit = 3
	if d := cmp.Diff(map[string]throttle.Config{"n2": want}, c.Watch.NodeThrottle); d != "" {
		t.Error(d)
	}
}

func TestRead_SecretsComeFromFilesAndAreKnown(t *testing.T) {
	c, err := load(t, "everything.toml")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]Secret{{"power-n1", "password", "/secrets/power-n1"}}, c.Secrets); d != "" {
		t.Error(d)
	}
	if !strings.Contains(c.Configuration.Compact(), `name="password" value="hunter2"`) {
		t.Error("the secret's line is not in the configuration")
	}
}

func TestRead_ReportsEveryProblemAtOnce(t *testing.T) {
	text, err := os.ReadFile("testdata/mistakes.toml")
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = Load("mistakes.toml", text, Source{Agents: installed, Secret: secret})
	if err == nil {
		t.Fatal("accepted")
	}
	got := err.Error() + "\n"
	if *update {
		if err := os.WriteFile("testdata/mistakes.txt", []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/mistakes.txt")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); d != "" {
		t.Error(d)
	}
}

func TestRead_AdvisesAgainstWhatIsProbablyNotMeant(t *testing.T) {
	const text = `[cluster]
name = "c"
[[node]]
name = "n1"
id = 1
links = ["10.0.0.1"]
[[node]]
name = "n2"
id = 2
links = ["10.0.0.2"]
[[stonith]]
id = "f1"
agent = "fence_ipmilan"
params = { ip = "1", pcmk_host_list = "n1" }
[[resource]]
id = "vip"
agent = "ocf:heartbeat:IPaddr2"
params = { ip = "10.0.0.9" }
op.monitor = { interval = "10s", timeout = "5s" }
[[resource]]
id = "vip2"
agent = "ocf:heartbeat:IPaddr2"
params = { ip = "10.0.0.8" }
`
	_, c, err := Load("f", []byte(text), Source{Agents: installed})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, a := range c.Advice {
		got = append(got, a.Key+": "+a.Message)
	}
	want := []string{
		"node[1].name: no fence device lists node n2 in pcmk_host_list or pcmk_host_map: when it is lost its resources stay down",
		"resource[0].op.monitor.timeout: 5s is less than the 20s that the agent advises for monitor",
		"resource[0].op: op.stop has no timeout and gets 20s, the agent advises 60s",
		`resource[1].op: resource vip2 has no monitor, so a failure will not be noticed; write op.monitor = { interval = "10s" }`,
		"resource[1].op: op.stop has no timeout and gets 20s, the agent advises 60s",
	}
	slices.Sort(got)
	slices.Sort(want)
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func FuzzLoad(f *testing.F) {
	for _, name := range []string{"everything.toml", "mistakes.toml"} {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Fuzz(func(t *testing.T, text string) {
		file, c, err := Load("f", []byte(text), Source{Agents: installed, Secret: func(string) (string, error) { return "", errors.New("not there") }})
		if (file == nil) == (err == nil) || (c == nil) == (err == nil) {
			t.Errorf("file %v, config %v, error %v", file, c, err)
		}
	})
}
