// Command crmd is the cluster resource manager of a node.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/holdfast-ha/holdfast/crmd"
	"github.com/holdfast-ha/holdfast/internal/logx"
	"github.com/holdfast-ha/holdfast/internal/paths"
)

func main() {
	level := flag.String("log", "", "least severe level that is logged: debug, info, warn, error")
	version := flag.Bool("version", false, "print the version and exit")
	flag.Parse()
	if *version {
		fmt.Println("crmd", crmd.Version)
		return
	}
	if err := run(*level); err != nil {
		fmt.Fprintln(os.Stderr, "crmd:", err)
		os.Exit(1)
	}
}

func run(level string) error {
	log, err := logx.New(os.Stderr, level)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	d, err := crmd.New(crmd.Config{Dirs: paths.FromEnv(), Log: log})
	if err != nil {
		return err
	}
	return d.Run(ctx)
}
