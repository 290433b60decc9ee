package sbd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/holdfast-ha/holdfast/fenced/guard"
	"github.com/holdfast-ha/holdfast/internal/logx"
	"github.com/holdfast-ha/holdfast/internal/realtime"
	"github.com/holdfast-ha/holdfast/internal/sdnotify"
)

// watch guards the node. Under a supervisor that wants to be notified it does so itself; otherwise it starts a
// process in the background for it, and ends when the node is guarded, as sbd does.
func (c *call) watch(ctx context.Context, _ []string) error {
	if os.Getenv(childMark) == "" && os.Getenv("NOTIFY_SOCKET") == "" {
		return c.launch(ctx)
	}
	if !c.normal {
		_, problems := realtime.Protect(realtime.Scheduling{Realtime: true}) // replaces the process the first time
		for _, err := range problems {
			fmt.Fprintf(c.env.Stderr, "sbd: this process is not fully protected from starvation: %v\n", err)
		}
	}
	queue := realtime.NewLogQueue(c.env.Stderr)
	written := make(chan struct{})
	go func() { queue.Run(); close(written) }()
	defer func() { queue.Close(); <-written }()
	log, err := c.logger(queue)
	if err != nil {
		return err
	}
	cfg, err := c.guardConfig(log)
	if err != nil {
		return err
	}
	pid, err := takePidFile(c.pidFile)
	if err != nil {
		return err
	}
	cfg.Restarted = pid.stale
	ready := readiness()
	cfg.Armed = func(status string) {
		sdnotify.Notify(sdnotify.Ready + "\nSTATUS=" + status)
		ready()
	}
	if s, ok := cfg.Health.(*guard.Stack); ok {
		defer s.Close()
	}
	err = guard.Run(ctx, cfg)
	if errors.Is(err, context.Canceled) {
		err = nil
	}
	// After an orderly end nothing is left of this life. After an error the file stays: the next guard must not
	// take a message for this node for one that was meant for an earlier life.
	if err == nil || !pid.stale {
		pid.release()
	}
	return err
}

func (c *call) logger(queue *realtime.LogQueue) (*slog.Logger, error) {
	if f, ok := c.env.Stderr.(*os.File); ok && os.Getenv("JOURNAL_STREAM") != "" {
		return logx.New(f, "") // the journal takes lines without making anybody wait
	}
	level := slog.LevelInfo
	if c.verbose > 0 {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(queue, &slog.HandlerOptions{Level: level})), nil
}

func (c *call) guardConfig(log *slog.Logger) (guard.Config, error) {
	s := c.settings
	cfg := guard.Config{
		Node: c.node, Devices: c.devices, Disk: c.disk, Timeouts: c.timeouts, Warn: c.warn,
		WatchdogDevice: s.WatchdogDevice, KeepTimeout: c.keepTimeout, ClusterFirst: c.clusterFirst,
		Clean: s.Clean, StartTimeout: c.startTimeout, DelayMsgwait: s.DelayMsgwait, Delay: s.Delay,
		Action: s.Action, CrashWatchdog: c.crash, Rehearse: c.rehearse, Log: log,
	}
	if c.startMode != "" {
		cfg.Clean = c.startMode == "1"
	}
	if c.watchdogs > 1 {
		cfg.WatchdogDevice = ""
	}
	cfg.Timeouts.Watchdog, cfg.Timeouts.Msgwait = s.WatchdogTimeout, 2*s.WatchdogTimeout
	cluster := s.Pacemaker
	if c.pacemaker > 0 {
		cluster = c.pacemaker == 1
	}
	if cluster {
		stack := guard.NewStack(c.env.Dirs)
		stack.Disks, stack.Watchdog = len(c.devices) > 0, cfg.Timeouts.Watchdog
		cfg.Health = stack
	}
	if len(c.devices) == 0 && !cluster {
		return cfg, errors.New("there is nothing to watch: name a disk (-d or SBD_DEVICE), or watch the cluster (SBD_PACEMAKER=yes)")
	}
	return cfg, nil
}
