package clusterfile

import (
	"strings"
	"testing"
	"time"
)

const fencingHead = `[cluster]
name = "c"
[[node]]
name = "n1"
id = 1
links = ["10.0.0.1"]
[totem]
token = 1000
`

func TestFencing_Defaults(t *testing.T) {
	f, err := Parse("cluster.toml", []byte(fencingHead))
	if err != nil {
		t.Fatal(err)
	}
	if x := f.Fencing; x.Driver != "native" || x.Probe != 5*time.Minute || x.RateLimit != 10 || x.RateWindow != time.Hour || x.IOFence != IOFenceOff || x.Budget != 0 {
		t.Errorf("%+v", x)
	}
}

func TestFencing_IsRead(t *testing.T) {
	f, err := Parse("cluster.toml", []byte(fencingHead+`[fencing]
driver = "legacy"
drivers = { fence_ipmilan = "native" }
budget = "45s"
probe = "0"
rate_limit = 0
io_fence = "sufficient"
sbd = { watchdog = "10s", msgwait = "20s" }
`))
	if err != nil {
		t.Fatal(err)
	}
	if x := f.Fencing; x.Driver != "legacy" || x.Drivers["fence_ipmilan"] != "native" || x.Budget != 45*time.Second || x.Probe != 0 || x.RateLimit != 0 || x.IOFence != IOFenceSufficient || x.SBD.Msgwait != 20*time.Second {
		t.Errorf("%+v", x)
	}
}

func TestFencing_ContradictionsAreRefusedWithTheInequality(t *testing.T) {
	for text, want := range map[string]string{
		`sbd = { watchdog = "10s", msgwait = "8s" }`: "msgwait = 8s must be more than watchdog = 10s",
		`sbd = { watchdog = "4s", io = "3s" }`:       "watchdog = 4s must be more than I/O timeout + loop = 4s",
		`budget = "1s"`:                              "must be more than the 1.2s after which the loss of a node is noticed",
		`probe = "1s"`:                               "management cards have few sessions",
		`driver = "fence_ipmilan"`:                   `must be one of ["native" "legacy"]`,
		`budget = 30`:                                "must be a time span in quotes",
		`io_fence = "yes"`:                           "must be one of",
		`drivers = { fence_sbd = "x" }`:              "must be one of",
		`nosuch = 1`:                                 "nosuch",
	} {
		_, err := Parse("cluster.toml", []byte(fencingHead+"[fencing]\n"+text+"\n"))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
