// Command hcs sets up and operates a Holdfast cluster.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/holdfast-ha/holdfast/hcs"
	"github.com/holdfast-ha/holdfast/hcs/session"
	"github.com/holdfast-ha/holdfast/internal/paths"
)

func main() {
	ctx, hurry := signals()
	width, terminal := screen(os.Stdout)
	_, answers := screen(os.Stdin)
	program, err := os.Executable()
	if err != nil {
		program = "" // only starting a node in the background needs it, and says so
	}
	os.Exit(hcs.Main(ctx, &session.Session{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Getenv: os.Getenv, Dirs: paths.FromEnv(), Terminal: terminal, Width: width,
		AnswerFrom: answers, Program: program, Now: time.Now, Hurry: hurry,
	}, os.Args[1:]))
}

// signals ends the context at the first signal to end; each further one is a request to hurry.
func signals() (context.Context, <-chan struct{}) {
	ctx, cancel := context.WithCancel(context.Background())
	got, hurry := make(chan os.Signal, 4), make(chan struct{}, 1)
	signal.Notify(got, syscall.SIGTERM, syscall.SIGINT)
	go func() { // ends with the process
		<-got
		cancel()
		for range got {
			select {
			case hurry <- struct{}{}:
			default:
			}
		}
	}()
	return ctx, hurry
}

// screen reports the width of a terminal, and whether the file is one.
func screen(f *os.File) (width int, terminal bool) {
	ws, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0, false
	}
	return int(ws.Col), true
}
