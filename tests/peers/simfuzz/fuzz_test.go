package simfuzz

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/tests/peers/simfuzz/gen"
)

// sharedCases are Pacemaker's own inputs. A user's clone does not have them.
const sharedCases = "../../../../shared/peers/scheduler/xml"

// short is how long the default run may take, and how many inputs it tries at most.
const (
	short       = 7 * time.Second
	shortInputs = 80
)

func find() (string, error) { return exec.LookPath("crm_simulate") }

// firstSeed is where the seeds begin: 1, or what HOLDFAST_FUZZ_SEED says.
func firstSeed(t *testing.T) uint64 {
	t.Helper()
	text := os.Getenv("HOLDFAST_FUZZ_SEED")
	if text == "" {
		return 1
	}
	seed, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("HOLDFAST_FUZZ_SEED is %q, not a seed", text)
	}
	return seed
}

// wanted is how many inputs of each kind are to be tried, and for how long.
func wanted(t *testing.T) (int, context.Context) {
	t.Helper()
	text := os.Getenv("HOLDFAST_FUZZ")
	if text == "" {
		ctx, stop := context.WithTimeout(t.Context(), short)
		t.Cleanup(stop)
		return shortInputs, ctx
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("HOLDFAST_FUZZ is %q, not a number of inputs", text)
	}
	return n, t.Context()
}

// run tries n inputs and reports every difference that is not accepted.
func run(t *testing.T, source func(j *Judge, ctx context.Context, seed uint64) (Input, error)) {
	t.Parallel()
	path, err := find()
	if err != nil {
		t.Skip("crm_simulate is not installed: there is nothing to compare with")
	}
	n, ctx := wanted(t)
	first := firstSeed(t)
	j := &Judge{Peer: Installed{Path: path}, Ours: Ours{}, Dir: t.TempDir()}
	var made atomic.Uint64
	next := func() (uint64, bool) {
		i := made.Add(1) - 1
		return first + i, i < uint64(n) && ctx.Err() == nil
	}
	var compared, refused, unanswered, accepted int
	err = j.Each(t.Context(), 2, next, func(seed uint64) (Input, error) { return source(j, t.Context(), seed) }, func(o Outcome) error {
		switch {
		case o.PeerCrashed:
			unanswered++
		case o.Same() && o.Refused:
			refused++
		case o.Same():
			compared++
		case Explained(o) != nil:
			accepted++
		default:
			small, err := j.Smallest(t.Context(), o, 300)
			t.Errorf("%s %q differs in %v:\n%s%s", o.Input.Name, small.Input.Args, small.Parts, small.Text, small.Input.Doc)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d inputs answered alike, %d refused by both, %d that crm_simulate cannot answer, %d accepted differences",
		compared, refused, unanswered, accepted)
	if compared == 0 {
		t.Error("nothing was compared")
	}
}

func TestRandomClusters_AreAnsweredAlike(t *testing.T) {
	run(t, func(j *Judge, ctx context.Context, seed uint64) (Input, error) { return j.Random(ctx, seed) })
}

func TestMutatedCases_AreAnsweredAlike(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(sharedCases, "*.xml"))
	if err != nil || len(files) == 0 {
		t.Skip("Pacemaker's own cases are not here")
	}
	run(t, func(_ *Judge, _ context.Context, seed uint64) (Input, error) { return Mutated(files, seed) })
}

func TestExplained_NothingButAccepted(t *testing.T) {
	if Explained(Outcome{Difference: Difference{Parts: []string{"dot"}}}) != nil {
		t.Error("a plain difference is accepted")
	}
	for _, d := range Accepted {
		if d.Name == "" || len(d.Reason) < 40 {
			t.Errorf("%q has no reason", d.Name)
		}
	}
}

func TestShrink_FindsTheCause(t *testing.T) {
	doc := gen.Cluster(gen.NewRand(3))
	before := len(doc.String())
	wanted := doc.Child("configuration").Child("nodes").Child("node").ID()
	small := Shrink(t.Context(), Input{Doc: doc, Args: []string{"-u", "x", "-q", "true"}}, 5000, func(in Input) bool {
		return in.Doc.Child("configuration").Child("nodes").Find("node", wanted) != nil
	})
	if after := len(small.Doc.String()); after*3 > before || len(small.Args) != 0 {
		t.Errorf("%d of %d bytes are left, and %q:\n%s", after, before, small.Args, small.Doc)
	}
}

func TestCluster_DependsOnTheSeedAlone(t *testing.T) {
	seen := map[string]bool{}
	for seed := range uint64(50) {
		first, second := gen.Cluster(gen.NewRand(seed)).String(), gen.Cluster(gen.NewRand(seed)).String()
		if first != second {
			t.Fatalf("seed %d makes two clusters", seed)
		}
		seen[first] = true
	}
	if len(seen) != 50 {
		t.Errorf("50 seeds make %d clusters", len(seen))
	}
}

// broken is a peer that answers everything with an error.
type broken struct{}

func (broken) run(context.Context, []string) (int, string, string) { return crashed, "", "no" }

func TestTry_PeerThatCannotAnswerIsNoDifference(t *testing.T) {
	j := &Judge{Peer: broken{}, Ours: Ours{}, Dir: t.TempDir()}
	o, err := j.Try(t.Context(), Input{Doc: gen.Cluster(gen.NewRand(1))})
	if err != nil || !o.PeerCrashed || !o.Same() {
		t.Errorf("outcome %+v, %v", o, err)
	}
	j.Dir = filepath.Join(j.Dir, "missing")
	if _, err := j.Try(t.Context(), Input{Doc: gen.Cluster(gen.NewRand(1))}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without a directory: %v", err)
	}
}
