// Command corosyncd is the heartbeat daemon.
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/holdfast-ha/holdfast/corosyncd"
	"github.com/holdfast-ha/holdfast/internal/paths"
	"github.com/holdfast-ha/holdfast/internal/realtime"
)

// exitConfig is for a configuration that a restart does not mend (EX_CONFIG).
const exitConfig = 78

func main() { os.Exit(run()) }

func run() int {
	node := flag.String("node", os.Getenv("HOLDFAST_NODE"), "name of this node in the cluster file; found out by itself when not given")
	version := flag.Bool("version", false, "print the version")
	flag.Parse()
	if *version {
		fmt.Println("corosyncd", corosyncd.Version)
		return 0
	}
	protection, problems := realtime.Protect(corosyncd.Scheduling(paths.FromEnv()))
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	queue := realtime.NewLogQueue(os.Stderr)
	written := make(chan struct{})
	go func() { queue.Run(); close(written) }()
	defer func() { queue.Close(); <-written }()
	var level slog.LevelVar
	log := slog.New(slog.NewTextHandler(queue, &slog.HandlerOptions{Level: &level}))
	for _, err := range problems {
		log.Warn("this process is not fully protected from starvation", "err", err)
	}
	d, err := corosyncd.New(corosyncd.Config{Dirs: paths.FromEnv(), Node: *node, Protection: protection, Log: log, Level: &level})
	if err != nil {
		fmt.Fprintln(queue, err)
		return exitConfig
	}
	if err := d.Run(ctx); err != nil {
		log.Error("corosyncd ends", "err", err)
		return 1
	}
	return 0
}
