// Command fenced is the fencing daemon of a node.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/holdfast-ha/holdfast/fenced"
	"github.com/holdfast-ha/holdfast/internal/logx"
	"github.com/holdfast-ha/holdfast/internal/paths"
	"github.com/holdfast-ha/holdfast/internal/sdnotify"
)

func main() {
	level := flag.String("log", "", "least severe level that is logged: debug, info, warn, error")
	agents := flag.String("agents", "", "directories of fence agents, separated by colons (default: HOLDFAST_FENCE_AGENTS, else /usr/sbin)")
	version := flag.Bool("version", false, "print the version and exit")
	flag.Parse()
	if *version {
		fmt.Println("fenced", fenced.Version)
		return
	}
	if err := run(*level, *agents); err != nil {
		fmt.Fprintln(os.Stderr, "fenced:", err)
		os.Exit(1)
	}
}

func run(level, agents string) error {
	log, err := logx.New(os.Stderr, level)
	if err != nil {
		return err
	}
	if agents == "" {
		agents = os.Getenv("HOLDFAST_FENCE_AGENTS")
	}
	cfg := fenced.Config{Dirs: paths.FromEnv(), Log: log, Notify: sdnotify.Notify}
	if agents != "" {
		cfg.AgentDirs = filepath.SplitList(agents)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	d, err := fenced.New(cfg)
	if err != nil {
		return err
	}
	return d.Run(ctx)
}
