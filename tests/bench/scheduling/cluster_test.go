package scheduling

import (
	"os"
	"os/exec"
	"testing"
)

func TestCluster_IsWhatThePeersFiguresWereTakenWith(t *testing.T) {
	const bigcib = "../../../../shared/peers/scheduler/bigcib"
	if _, err := os.Stat(bigcib); err != nil {
		t.Skipf("there is nothing to compare with: %v", err)
	}
	for _, size := range [][2]string{{"10", "3"}, {"100", "8"}} {
		want, err := exec.Command("python3", bigcib, size[0], size[1]).Output()
		if err != nil {
			t.Skipf("run %s: %v", bigcib, err)
		}
		got := map[string]string{"10": Cluster(10, 3), "100": Cluster(100, 8)}[size[0]]
		if got != string(want) {
			t.Errorf("%s resources on %s nodes: the generators differ", size[0], size[1])
		}
	}
}
