package executor

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/holdfast-ha/holdfast/internal/paths"
)

// benchExecutor runs an executor whose results come through a channel.
func benchExecutor(b *testing.B, ocfPath string) (*Executor, chan Result) {
	b.Helper()
	results := make(chan Result, 1000)
	dir := b.TempDir()
	e, err := New(Config{Dirs: paths.Dirs{Run: dir}, RscTmp: filepath.Join(dir, "rsctmp"), OCFPath: []string{ocfPath, "/usr/lib/ocf/resource.d"},
		Report: func(r Result) { results <- r }})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	b.Cleanup(func() { cancel(); <-done })
	return e, results
}

// BenchmarkOperation is one operation of an agent that does nothing, from Submit to Report.
func BenchmarkOperation(b *testing.B) {
	e, results := benchExecutor(b, "/usr")
	op := Op{Rsc: "r", Class: "ocf", Provider: "bin", Type: "true", Task: "monitor"}
	for b.Loop() {
		if _, err := e.Submit(op); err != nil {
			b.Fatal(err)
		}
		<-results
	}
}

// BenchmarkForkExec is what the operation costs without an executor.
func BenchmarkForkExec(b *testing.B) {
	for b.Loop() {
		if err := exec.Command("/usr/bin/true", "monitor").Run(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkStart300Dummies starts as many resources of ocf:pacemaker:Dummy at once.
func BenchmarkStart300Dummies(b *testing.B) {
	e, results := benchExecutor(b, "/nowhere")
	state := b.TempDir()
	for b.Loop() {
		for i := range 300 {
			op := Op{Rsc: fmt.Sprintf("d%d", i), Class: "ocf", Provider: "pacemaker", Type: "Dummy", Task: "start",
				Params: map[string]string{"state": fmt.Sprintf("%s/%d", state, i)}}
			if _, err := e.Submit(op); err != nil {
				b.Fatal(err)
			}
		}
		for range 300 {
			if r := <-results; r.RC != 0 {
				b.Fatalf("%s: rc %d %s", r.Op.Rsc, r.RC, r.Output)
			}
		}
	}
}
