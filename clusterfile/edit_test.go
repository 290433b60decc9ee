package clusterfile

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

const editable = `# my cluster
[cluster]
name = "shop"

[quorum]
# both are needed at first
two_node = true # one is enough
wait_for_all = true

[[node]]
name = "n1"

# the rest
[properties]
x = "1"
`

func TestSet_ChangesOnlyWhatItIsToldTo(t *testing.T) {
	got := Set(editable, "quorum", []Setting{{"two_node", ""}, {"wait_for_all", "false"}, {"expected_votes", "3"}})
	want := `# my cluster
[cluster]
name = "shop"

[quorum]
# both are needed at first
wait_for_all = false
expected_votes = 3

[[node]]
name = "n1"

# the rest
[properties]
x = "1"
`
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if got := Set(editable, "quorum", []Setting{{"two_node", "false"}}); got != `# my cluster
[cluster]
name = "shop"

[quorum]
# both are needed at first
two_node = false # one is enough
wait_for_all = true

[[node]]
name = "n1"

# the rest
[properties]
x = "1"
` {
		t.Error(got)
	}
}

func TestReplace_AddsAndRemovesSectionsWithThoseBelow(t *testing.T) {
	with := Replace(editable, "quorum.device", "[quorum.device]\nmodel = \"net\"\n\n[quorum.device.net]\nhost = \"q\"")
	want := `# my cluster
[cluster]
name = "shop"

[quorum]
# both are needed at first
two_node = true # one is enough
wait_for_all = true

[quorum.device]
model = "net"

[quorum.device.net]
host = "q"

[[node]]
name = "n1"

# the rest
[properties]
x = "1"
`
	if d := cmp.Diff(want, with); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(editable, Replace(with, "quorum.device", "")); d != "" {
		t.Error(d)
	}
}

func TestSet_MakesASectionBehindTheMembership(t *testing.T) {
	got := Set("[cluster]\nname = \"x\"\n[properties]\na = 1\n", "quorum", []Setting{{"two_node", "true"}})
	if want := "[cluster]\nname = \"x\"\n\n[quorum]\ntwo_node = true\n\n[properties]\na = 1\n"; got != want {
		t.Errorf("%q", got)
	}
}
