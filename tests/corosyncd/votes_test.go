package corosyncd

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/hcs"
	"github.com/holdfast-ha/holdfast/hcs/session"
	"github.com/holdfast-ha/holdfast/internal/paths"
	"github.com/holdfast-ha/holdfast/tools"
	"github.com/holdfast-ha/holdfast/tools/cli"
)

// quick makes detection quick, because these tests are about what comes after it.
const quick = "[totem]\ntoken = 400\n"

// command runs a drop-in command or hcs against the node.
func (n *node) command(words ...string) (out string, code int) {
	n.t.Helper()
	var b bytes.Buffer
	dirs := paths.Dirs{Etc: n.dir, Var: n.dir, Run: n.dir}
	if words[0] == "hcs" {
		s := &session.Session{In: strings.NewReader(""), Out: &b, Err: &b, Getenv: os.Getenv, Dirs: dirs, Now: time.Now}
		code = hcs.Main(n.t.Context(), s, words[1:])
		return b.String(), code
	}
	code = tools.Run(n.t.Context(), &cli.Env{Name: words[0], Args: words[1:], Stdin: strings.NewReader(""), Stdout: &b, Stderr: &b, Getenv: os.Getenv, Dirs: dirs})
	return b.String(), code
}

// must runs a command that has to end with that status.
func (n *node) must(code int, words ...string) string {
	n.t.Helper()
	out, got := n.command(words...)
	if got != code {
		n.t.Errorf("%s on %s ends with %d, not %d: %s", strings.Join(words, " "), n.name, got, code, out)
	}
	return out
}

// shows waits until corosync-quorumtool -s on each node prints all of the texts.
func shows(nodes []*node, texts ...string) {
	nodes[0].t.Helper()
	for _, n := range nodes {
		deadline := time.Now().Add(10 * time.Second)
		for {
			out, _ := n.command("corosync-quorumtool", "-s")
			if !slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(out, text) }) {
				break
			}
			if time.Now().After(deadline) {
				n.t.Fatalf("%s does not show %q within 10 s:\n%s", n.name, texts, out)
			}
			time.Sleep(5 * time.Millisecond)
		}
	}
}

func members3(n int) string { return "Nodes:            " + string(rune('0'+n)) }

func TestCommands_WaitForAllExpectedVotesAndVotes(t *testing.T) {
	nodes := setup(t, 3, quick+"[quorum]\nwait_for_all = true\n")
	n1, n2, n3 := nodes[0], nodes[1], nodes[2]
	n1.start()
	n2.start()
	shows(nodes[:2], members3(2), "Activity blocked", "WaitForAll")
	if out := n1.must(0, "corosync-cmapctl", "-g", "runtime.votequorum.wait_for_all_status"); !strings.Contains(out, "= 1") {
		t.Error(out)
	}
	n2.must(0, "corosync-cmapctl", "-s", "quorum.cancel_wait_for_all", "u8", "1")
	shows(nodes[:2], "Quorate:          Yes", "Total votes:      2", "Quorum:           2  ")
	n3.start()
	shows(nodes, members3(3), "Total votes:      3", "Quorate:          Yes")
	n3.must(0, "corosync-quorumtool", "-e", "4")
	shows(nodes, "Expected votes:   4", "Quorum:           3  ")
	if out := n1.must(1, "corosync-quorumtool", "-e", "2"); !strings.Contains(out, "Unable to set expected votes: CS_ERR_INVALID_PARAM") || !strings.Contains(out, "3 votes are here already") {
		t.Error(out)
	}
	n1.must(0, "corosync-quorumtool", "-n", "2", "-v", "3")
	shows(nodes, "Total votes:      5", "Expected votes:   5", "2          3")
	n1.must(0, "hcs", "quorum", "votes", "n2", "1")
	shows(nodes, "Total votes:      3")
	// What the file changes comes into effect while they run; what it does not change stays as it was set.
	for _, n := range nodes {
		n.write("cluster.toml", clusterFile(3, quick+"[quorum]\nwait_for_all = true\nexpected_votes = 4\n"))
	}
	n2.must(0, "corosync-cfgtool", "-R")
	shows(nodes, "Expected votes:   4", "Quorum:           3  ")
	n3.kill()
	n2.kill()
	shows(nodes[:1], members3(1), "Activity blocked", "Total votes:      1")
	n1.must(64, "hcs", "quorum", "expected-votes", "1")
	n1.must(0, "hcs", "quorum", "expected-votes", "1", "--yes")
	shows(nodes[:1], "Quorate:          Yes", "Expected votes:   1")
}

func TestCommands_UnblockEndsWaitForAll(t *testing.T) {
	nodes := setup(t, 3, quick+"[quorum]\nwait_for_all = true\n")[:2]
	nodes[0].start()
	nodes[1].start()
	shows(nodes, members3(2), "Activity blocked")
	if out := nodes[0].must(64, "hcs", "quorum", "unblock"); !strings.Contains(out, "Are n3 off for certain?") {
		t.Error(out)
	}
	nodes[0].must(0, "hcs", "quorum", "unblock", "--yes")
	shows(nodes, "Quorate:          Yes")
}

func TestCommands_LastManStandingFollowsItsWindow(t *testing.T) {
	nodes := setup(t, 4, quick+"[quorum]\nlast_man_standing = true\nlast_man_standing_window = 700\n")
	formed(nodes)
	shows(nodes, "Expected votes:   4", "LastManStanding", "Quorate:          Yes")
	began := time.Now()
	nodes[3].kill()
	shows(nodes[:3], members3(3), "Expected votes:   4", "Quorum:           3  ")
	shows(nodes[:3], "Expected votes:   3", "Quorum:           2  ")
	if took := time.Since(began); took < 700*time.Millisecond {
		t.Errorf("the window of 700 ms was over after %v", took)
	}
	nodes[2].kill()
	shows(nodes[:2], members3(2), "Expected votes:   2", "Quorate:          Yes")
	nodes[2].start()
	shows(nodes[:3], members3(3), "Expected votes:   3", "Quorate:          Yes")
	nodes[1].kill()
	nodes[2].kill()
	shows(nodes[:1], members3(1), "Activity blocked")
}

func TestCommands_TieBreakerList(t *testing.T) {
	for _, c := range []struct {
		kill int
		want string
	}{{0, "Quorate:          Yes"}, {1, "Quorate:          No"}} {
		nodes := setup(t, 2, quick+"[quorum]\nauto_tie_breaker = true\nauto_tie_breaker_node = [2, 1]\n")
		formed(nodes)
		shows(nodes, "AutoTieBreaker", "Quorate:          Yes")
		if out := nodes[0].must(0, "corosync-cmapctl", "-g", "runtime.votequorum.atb_type"); !strings.Contains(out, "= 3") {
			t.Error(out)
		}
		nodes[c.kill].kill()
		shows(nodes[1-c.kill:2-c.kill], members3(1), c.want)
		nodes[1-c.kill].kill()
	}
}

func TestCommands_DownscaleAfterAGoodbye(t *testing.T) {
	nodes := setup(t, 4, quick+"[quorum]\nallow_downscale = true\nexpected_votes = 2\n")
	formed(nodes)
	shows(nodes, "Expected votes:   4", "AllowDownscale", "Quorate:          Yes")
	nodes[3].must(0, "corosync-cfgtool", "-H")
	shows(nodes[:3], members3(3), "Expected votes:   3")
	nodes[2].must(0, "corosync-cfgtool", "-H")
	shows(nodes[:2], members3(2), "Expected votes:   2", "Quorate:          Yes")
	nodes[1].kill() // no goodbye, so nothing is expected any less
	shows(nodes[:1], members3(1), "Expected votes:   2", "Activity blocked")
}

func TestCommands_ExpectedVotesAreRemembered(t *testing.T) {
	nodes := setup(t, 3, quick+"[quorum]\nexpected_votes_tracking = true\nexpected_votes = 3\nwait_for_all = false\n")
	formed(nodes)
	nodes[0].must(0, "corosync-quorumtool", "-e", "5")
	shows(nodes, "Expected votes:   5")
	for _, n := range nodes {
		path := filepath.Join(n.dir, "corosyncd", "state.json")
		for end := time.Now().Add(5 * time.Second); ; time.Sleep(5 * time.Millisecond) {
			if raw, _ := os.ReadFile(path); strings.Contains(string(raw), `"expected_votes":5`) {
				break
			}
			if time.Now().After(end) {
				t.Fatalf("%s is not written", path)
			}
		}
	}
	for _, n := range nodes {
		n.kill()
	}
	formed(nodes)
	shows(nodes, "Expected votes:   5", "Quorum:           3  ")
}
