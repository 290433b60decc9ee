package store

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/crmd/store/content"
)

// crashNode is the process that is killed: it proposes changes RUN-0, RUN-1, ... without a pause, eight at a
// time, and prints each one that was acknowledged. Now and then it recovers the log under a new epoch.
func crashNode(dir string) {
	ctx := context.Background()
	fail := func(err error) {
		if err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
	}
	s, err := Open(Config{
		Dir: dir, Node: "n1", Cluster: "shop", Network: newFabric().join("n1"), Patch: appendPatch,
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	fail(err)
	go func() { fail(s.Run(ctx)) }()
	if s.Document() == nil {
		// What an earlier run left of its first start may be a log without a document.
		if err := s.Bootstrap(ctx, "n1"); err != nil {
			fail(s.Campaign(ctx))
		}
	} else {
		fail(s.Campaign(ctx))
	}
	_, err = s.await(ctx, func(st Status) bool { return st.Ready })
	fail(err)
	if s.Document() == nil {
		fail(s.Propose(ctx, content.Replace{Base: content.NoDocument, Doc: emptyDoc()}))
	}
	fmt.Println("ready")
	doc := s.Document()
	var waiting []*Proposal
	for i := 0; ; i++ {
		id := os.Getenv("STORE_TEST_CRASH_RUN") + "-" + strconv.Itoa(i)
		waiting = append(waiting, s.Submit(add(doc, id)))
		doc, _ = appendPatch(doc, id)
		newEpoch := i%100 == 99
		for len(waiting) == 8 || newEpoch && len(waiting) > 0 {
			fail(waiting[0].Wait(ctx))
			waiting = waiting[1:]
			fmt.Println("acked", i-len(waiting))
		}
		if newEpoch {
			fail(s.Recover(ctx, s.Epoch()+1))
		}
	}
}

// A process that is killed at any moment has after its restart every change that was acknowledged, and of
// those on the way a prefix.
func TestCrash_KilledProcessLosesNothingAcknowledged(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "raft")
	acked := make(map[int]int) // run to the number of changes acknowledged
	runs := 12
	if testing.Short() {
		runs = 3
	}
	for run := range runs {
		// Short lives also hit the first start and the bootstrap.
		life := time.Duration(rand.IntN(40)) * time.Millisecond
		if run%3 == 2 {
			life = time.Duration(200+rand.IntN(300)) * time.Millisecond
		}
		acked[run] = crashOnce(t, dir, run, life)
	}
	c := newCluster(t, filepath.Dir(dir))
	c.cfg = func(cfg *Config) { cfg.Dir = dir }
	n1 := c.start("n1")
	defer c.stopAll()
	c.must(n1.Campaign(t.Context()))
	c.leader()
	have := make(map[int][]int)
	for _, id := range ids(n1.Document()) {
		run, i, _ := strings.Cut(id, "-")
		r, _ := strconv.Atoi(run)
		n, _ := strconv.Atoi(i)
		have[r] = append(have[r], n)
	}
	total := 0
	for run, n := range acked {
		total += n
		if len(have[run]) < n || !slices.IsSorted(have[run]) || len(have[run]) > 0 && have[run][len(have[run])-1] != len(have[run])-1 {
			t.Errorf("run %d: %d changes were acknowledged, there are %v", run, n, have[run])
		}
	}
	t.Logf("%d changes acknowledged in %d lives", total, runs)
}

// crashOnce starts the process, kills it after a while and returns how many changes it acknowledged.
func crashOnce(t *testing.T, dir string, run int, life time.Duration) (acked int) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "STORE_TEST_CRASH_DIR="+dir, "STORE_TEST_CRASH_RUN="+strconv.Itoa(run))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// Every second life counts from the moment when the process accepts changes.
	lines := bufio.NewScanner(out)
	kill := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() })
	if run%2 == 0 {
		kill.Reset(life)
	}
	for lines.Scan() {
		word, rest, _ := strings.Cut(lines.Text(), " ")
		switch word {
		case "ready":
			if run%2 == 1 {
				kill.Reset(life)
			}
		case "acked":
			n, err := strconv.Atoi(rest)
			if err != nil {
				t.Fatal(err)
			}
			acked = n + 1
		default:
			t.Errorf("run %d: %s", run, lines.Text())
		}
	}
	_ = cmd.Wait() // killed
	kill.Stop()
	return acked
}
