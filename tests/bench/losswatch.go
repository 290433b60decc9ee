package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/internal/ipc"
)

// watch reads the node's views as crmd does, and notes when each came.
func (h *holdfast) pull(node string, out bool) error {
	return h.cluster.Net.Pull(h.cluster.Node(node).ID, 0, out)
}

func (h *holdfast) watch(ctx context.Context, node string) (lossWatch, error) {
	type seen struct {
		at      time.Time
		members []string
	}
	var (
		mu    sync.Mutex
		views []seen
		ended error
	)
	first := make(chan struct{}, 1)
	client := h.cluster.Node(node).Client("corosyncd")
	go func() {
		defer client.Close()
		err := ipc.Watch(ctx, client, api.PathViews, func(v api.View) error {
			s := seen{at: time.Now()}
			for _, m := range v.Members {
				s.members = append(s.members, m.Name)
			}
			mu.Lock()
			views = append(views, s)
			mu.Unlock()
			select {
			case first <- struct{}{}:
			default:
			}
			return nil
		})
		mu.Lock()
		ended = err
		mu.Unlock()
	}()
	select {
	case <-first:
	case <-time.After(5 * time.Second):
		return nil, fmt.Errorf("holdfast: %s does not tell its view", node)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return func(victim string, after time.Time) (time.Time, error) {
		mu.Lock()
		defer mu.Unlock()
		for _, v := range views {
			if v.at.After(after) && !slices.Contains(v.members, victim) {
				return v.at, nil
			}
		}
		return time.Time{}, ended
	}, nil
}

// formed is what Corosync logs when it has a new view, with who has left.
const formed = "A new membership"

// watch reads the node's log: Corosync writes the time into it, to the millisecond.
func (p *peer) watch(_ context.Context, node string) (lossWatch, error) {
	path := filepath.Join(p.dir, node, "var/log/corosync/corosync.log")
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	return func(victim string, after time.Time) (time.Time, error) {
		raw, err := os.ReadFile(path)
		if err != nil {
			return time.Time{}, err
		}
		id := strings.TrimPrefix(victim, "n")
		for line := range strings.Lines(string(raw)) {
			_, members, ok := strings.Cut(line, formed)
			_, left, lost := strings.Cut(members, " left: ")
			if !ok || !lost || !slices.Contains(strings.Fields(left), id) {
				continue
			}
			if at, err := logTime(line, after); err == nil && at.After(after) {
				return at, nil
			}
		}
		return time.Time{}, errors.New("its log has no new membership without " + victim)
	}, nil
}

// logTime is the time of a line of Corosync's log, which leaves out the year and the time zone.
func logTime(line string, near time.Time) (time.Time, error) {
	const layout = "Jan 02 15:04:05.000"
	if len(line) < len(layout) {
		return time.Time{}, errors.New("no time")
	}
	at, err := time.ParseInLocation(layout, line[:len(layout)], near.Location())
	if err != nil {
		return time.Time{}, err
	}
	return at.AddDate(near.Year(), 0, 0), nil
}
