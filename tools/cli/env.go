// Package cli is what every drop-in command needs: its environment, option parsing as GNU and GLib do it, and
// Pacemaker's exit codes.
package cli

import (
	"context"
	"io"
	"os"
	"path/filepath"

	"github.com/holdfast-ha/holdfast/internal/ipc"
	"github.com/holdfast-ha/holdfast/internal/paths"
)

// Env is the world of one command, so that a test can run it without a process.
type Env struct {
	Name   string   // argv[0] without directory
	Args   []string // without argv[0]
	Stdin  io.Reader
	Stdout io.Writer
	Stderr io.Writer
	Getenv func(string) string
	Dirs   paths.Dirs
}

// OSEnv is the environment of this process.
func OSEnv() *Env {
	return &Env{
		Name: filepath.Base(os.Args[0]), Args: os.Args[1:],
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Getenv: os.Getenv, Dirs: paths.FromEnv(),
	}
}

// Daemon is a client for a daemon of this node: corosyncd, crmd or fenced.
func (e *Env) Daemon(name string) *ipc.Client { return ipc.NewClient(e.Dirs.Socket(name)) }

// Command is one drop-in command. Run returns the exit status.
type Command struct {
	Name string
	// Help is one line for the list that holdfast-tools prints.
	Help string
	Run  func(ctx context.Context, env *Env) int
}

// Version and features that the drop-in commands claim: those of the Pacemaker and Corosync that they stand
// in for, because clients compare them.
const (
	PacemakerVersion = "2.1.5"
	FeatureSet       = "3.16.1"
	CorosyncVersion  = "3.1.7"
)
