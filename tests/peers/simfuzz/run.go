package simfuzz

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/tools/cli"
	"github.com/holdfast-ha/holdfast/tools/simulate"
)

// limit bounds one run of either program. Real ones need milliseconds.
const limit = 10 * time.Second

// crashed is the exit status of a program that ended by a signal, a panic or the limit.
const crashed = -1

// Answer is everything that crm_simulate tells about an input.
type Answer struct {
	Exit int
	// Text is standard output with scores, Note why a program crashed.
	Text, XML, Note string
	Dot, Graph, Cib string
}

// Program is one implementation of crm_simulate.
type Program interface {
	run(ctx context.Context, args []string) (exit int, stdout, note string)
}

// Installed is the program of that path, with additions to its environment.
type Installed struct {
	Path string
	Env  []string
}

func (p Installed) run(ctx context.Context, args []string) (int, string, string) {
	ctx, stop := context.WithTimeout(ctx, limit)
	defer stop()
	cmd := exec.CommandContext(ctx, p.Path, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.Env = append(os.Environ(), p.Env...)
	err := cmd.Run()
	var failed *exec.ExitError
	switch {
	case err == nil:
		return 0, out.String(), errs.String()
	case errors.As(err, &failed) && failed.Exited():
		return failed.ExitCode(), out.String(), errs.String()
	}
	return crashed, out.String(), err.Error() + "\n" + errs.String()
}

// Ours is Holdfast's crm_simulate, run inside of this process.
type Ours struct{}

func (Ours) run(ctx context.Context, args []string) (exit int, stdout, note string) {
	var out, errs bytes.Buffer
	defer func() {
		if v := recover(); v != nil {
			exit, stdout, note = crashed, out.String(), fmt.Sprintf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	ctx, stop := context.WithTimeout(ctx, limit)
	defer stop()
	exit = simulate.Run(ctx, &cli.Env{Name: "crm_simulate", Args: args, Stdin: strings.NewReader(""),
		Stdout: &out, Stderr: &errs, Getenv: os.Getenv})
	return exit, out.String(), errs.String()
}

// Ask lets a program answer an input. Files are made below dir.
func Ask(ctx context.Context, p Program, in Input, dir string) (Answer, error) {
	sub, err := os.MkdirTemp(dir, "ask")
	if err != nil {
		return Answer{}, err
	}
	defer os.RemoveAll(sub)
	file := func(name string) string { return filepath.Join(sub, name) }
	if err := os.WriteFile(file("cib.xml"), []byte(in.Doc.String()), 0o644); err != nil {
		return Answer{}, err
	}
	args := append([]string{"-x", file("cib.xml"), "-S", "-s", "-U", "-D", file("dot"), "-G", file("graph"), "-O", file("out")}, in.Args...)
	var a Answer
	a.Exit, a.Text, a.Note = p.run(ctx, args)
	for name, to := range map[string]*string{"dot": &a.Dot, "graph": &a.Graph, "out": &a.Cib} {
		if raw, err := os.ReadFile(file(name)); err == nil {
			*to = string(raw)
		}
	}
	return a, nil
}
