package watch

import (
	"strings"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/clusterfile"
)

const nodes = "[cluster]\nname = \"c\"\n[[node]]\nname = \"n1\"\nid = 1\nlinks = [\"10.0.0.1\"]\n"

func read(text string) (Settings, error) {
	var s Settings
	_, err := clusterfile.Parse("cluster.toml", []byte(nodes+text), func(f *clusterfile.File) { s = Read(f) })
	return s, err
}

func TestRead_DetectorsFieldByField(t *testing.T) {
	s, err := read(`[vitals]
disks = ["/data"]
disk_deadline = "1s"
[detector."memory.exhaustion"]
available = 8
for = "1s"
severity = "warning"
attribute = "#health-memory"
[detector."swap.off"]
enabled = false
[detector."disk.nearly-full"]
hook = "/usr/local/sbin/read-only"
everywhere = true
action_from = "warning"
`)
	if err != nil {
		t.Fatal(err)
	}
	m := s.Detect["memory.exhaustion"]
	if m.Limits["available"] != 8 || m.Limits["time_left"] != 12 || m.Raise != time.Second || m.Clear != 30*time.Second || m.Severity != "warning" ||
		m.Action.Attribute != "#health-memory" || m.Action.Value != "red" || m.Action.From != "critical" {
		t.Errorf("%+v", m)
	}
	if s.Detect["swap.off"].Enabled || !s.Detect["disk.nearly-full"].Action.Everywhere || s.Vitals.Disks[0] != "/data" || s.Vitals.DiskDeadlineMs != 1000 {
		t.Errorf("%+v", s)
	}
	if err := s.Detect.Validate(); err != nil {
		t.Error(err)
	}
}

func TestRead_MistakesNameLineAndKey(t *testing.T) {
	_, err := read(`[detector."memory.exhaution"]
available = 8
[detector."io.stall"]
slow = "2s"
stal = 7
hook = "read-only"
[detector."swap.off"]
severity = "bad"
value = "red"
[vitals]
disks = ["data"]
[metrics]
listen = "eth0"
`)
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		`cluster.toml:7: detector."memory.exhaution": there is no detector of this name; did you mean "memory.exhaustion"?`,
		`cluster.toml:10: detector."io.stall".slow: must be a number of 0 or more`,
		`cluster.toml:11: detector."io.stall".stal: unknown key; did you mean "stall"?`,
		`cluster.toml:12: detector."io.stall".hook: is "read-only", must be the path of a program, written from / on`,
		`cluster.toml:14: detector."swap.off".severity: is "bad"`,
		`cluster.toml:15: detector."swap.off".value: is the value of attribute, which is missing`,
		`cluster.toml:17: vitals.disks: "data" must be a directory`,
		`cluster.toml:19: metrics.listen: is "eth0", must be an address`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%s\nis missing in\n%v", want, err)
		}
	}
}
