package simfuzz

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/tests/peers/simfuzz/gen"
)

// present is the time that most inputs are scheduled at.
const present = "2026-01-01 12:00:00Z"

// Random makes a cluster from a seed that a few things have happened to, as the peer simulates them.
func (j *Judge) Random(ctx context.Context, seed uint64) (Input, error) {
	r := gen.NewRand(seed)
	in := Input{Name: "random-" + strconv.FormatUint(seed, 10), Doc: gen.Cluster(r)}
	for rounds := gen.One(r, 0, 1, 1, 2, 2, 3, 4); rounds > 0; rounds-- {
		events := gen.Events(in.Doc, r, gen.One(r, 0, 0, 1, 1, 2, 3))
		after, err := j.live(ctx, in.Doc, events)
		if err != nil {
			return in, err
		}
		if after != nil {
			date(after, gen.Epoch-int64(rounds)*int64(r.Between(60, 900)))
			in.Doc = after
		}
		if r.Chance(50) {
			in.Doc = gen.Mutate(in.Doc, r, gen.One(r, 1, 1, 2, 2, 4, 8))
		}
	}
	at := present
	if r.Chance(10) {
		at = gen.One(r, "2026-01-01T12:20:00+01:00", "2026-02-28 23:59:59Z", "2027-01-03", "2026-W10-1T00:00:00Z")
	}
	in.Args = append([]string{"-t", at}, gen.Events(in.Doc, r, gen.One(r, 0, 0, 0, 1, 1, 2))...)
	in.Args = append(in.Args, gen.Views(r)...)
	return in, nil
}

// live lets the peer simulate what a cluster does after some events. It returns nil when the peer cannot.
func (j *Judge) live(ctx context.Context, doc *cibxml.Element, events []string) (*cibxml.Element, error) {
	dir, err := os.MkdirTemp(j.Dir, "live")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	before, after := filepath.Join(dir, "in.xml"), filepath.Join(dir, "out.xml")
	if err := os.WriteFile(before, []byte(doc.String()), 0o644); err != nil {
		return nil, err
	}
	exit, _, _ := j.Peer.run(ctx, append([]string{"-x", before, "-S", "-Q", "-O", after, "-t", present}, events...))
	raw, err := os.ReadFile(after)
	if exit != 0 && exit != 1 || err != nil || len(raw) == 0 {
		return nil, nil
	}
	parsed, err := cibxml.Parse(string(raw))
	if err != nil {
		return nil, nil
	}
	return parsed, nil
}

// date puts what has just been recorded at another time.
func date(doc *cibxml.Element, at int64) {
	now := time.Now().Unix()
	recent := func(v string) bool {
		t, err := strconv.ParseInt(v, 10, 64)
		return err == nil && t > now-3600 && t < now+3600
	}
	doc.Walk(func(e *cibxml.Element) bool {
		switch {
		case e.Name == "lrm_rsc_op" && recent(e.Get("last-rc-change")):
			e.Set("last-rc-change", strconv.FormatInt(at, 10))
		case e.Name == "nvpair" && strings.HasPrefix(e.Get("name"), "last-failure-") && recent(e.Get("value")):
			e.Set("value", strconv.FormatInt(at, 10))
		}
		return true
	})
}

// Mutated makes an input from one of several CIBs. Large ones are rare.
func Mutated(files []string, seed uint64) (Input, error) {
	r := gen.NewRand(seed)
	file := files[r.Intn(len(files))]
	if info, err := os.Stat(file); err == nil && info.Size() > 40000 && !r.Chance(10) {
		file = files[r.Intn(len(files))]
	}
	in, err := Load(file)
	if err != nil {
		return in, err
	}
	in.Name = strings.TrimSuffix(in.Name, ".xml") + "-" + strconv.FormatUint(seed, 10)
	in.Doc = gen.Mutate(in.Doc, r, gen.One(r, 1, 2, 3, 4, 5, 6, 10, 20))
	in.Args = []string{"-t", present}
	if r.Chance(40) {
		in.Args = append(in.Args, gen.Events(in.Doc, r, r.Between(1, 3))...)
	}
	in.Args = append(in.Args, gen.Views(r)...)
	return in, nil
}
