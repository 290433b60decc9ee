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

// seen is one view of a node.
type seen struct {
	// adopted is when the daemon says that it had the view, to the millisecond; at is when a client had it, the
	// same where none is told.
	adopted, at time.Time
	members     []string
}

// viewing returns the views of a node so far.
type viewing func() ([]seen, error)

// without is the first view after a time that does not have the victim.
func without(views []seen, victim string, after time.Time) (seen, bool) {
	for _, v := range views {
		if v.at.After(after) && !slices.Contains(v.members, victim) {
			return v, true
		}
	}
	return seen{}, false
}

// losses counts the members that went from one view to the next between two times, and the views.
func losses(views []seen, from, to time.Time) (lost, changes int) {
	var before []string
	for _, v := range views {
		if v.at.After(from) && v.at.Before(to) {
			changes++
			for _, m := range before {
				if !slices.Contains(v.members, m) {
					lost++
				}
			}
		}
		before = v.members
	}
	return lost, changes
}

// watch reads the node's views as crmd does, and notes when each came.
func (h *holdfast) watch(ctx context.Context, node string) (viewing, error) {
	var (
		mu    sync.Mutex
		views []seen
	)
	first := make(chan struct{}, 1)
	note := func(v api.View) error {
		s := seen{at: time.Now(), adopted: time.UnixMilli(v.At)}
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
	}
	go func() {
		for ctx.Err() == nil {
			client := h.cluster.Node(node).Client("corosyncd")
			// It ends with the node, which may come back.
			_ = ipc.Watch(ctx, client, api.PathViews, note)
			client.Close()
			time.Sleep(20 * time.Millisecond)
		}
	}()
	select {
	case <-first:
	case <-time.After(30 * time.Second):
		return nil, fmt.Errorf("holdfast: %s does not tell its view", node)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return func() ([]seen, error) {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(views), nil
	}, nil
}

// formed is what Corosync logs when it has a new view, with who has joined and left.
const formed = "A new membership"

// watch reads the node's log: Corosync writes the time into it, to the millisecond.
func (p *peer) watch(_ context.Context, node string) (viewing, error) {
	path := p.log(node)
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	return func() ([]seen, error) {
		raw, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		return parseViews(string(raw), time.Now()), nil
	}, nil
}

func (p *peer) log(node string) string {
	return filepath.Join(p.dir, node, "var/log/corosync/corosync.log")
}

// parseViews reads Corosync's log. now gives the year, which the log leaves out.
func parseViews(log string, now time.Time) []seen {
	var views []seen
	var members []string
	for line := range strings.Lines(log) {
		if strings.Contains(line, "Corosync Cluster Engine") {
			members = nil // it starts
		}
		_, changes, ok := strings.Cut(line, formed)
		if !ok {
			continue
		}
		at, err := logTime(line, now)
		if err != nil {
			continue
		}
		joined, left, _ := strings.Cut(changes, " left: ")
		_, joined, _ = strings.Cut(joined, " joined: ")
		next := slices.Clone(members)
		for _, id := range strings.Fields(joined) {
			next = append(next, "n"+id)
		}
		gone := strings.Fields(left)
		members = slices.DeleteFunc(next, func(m string) bool { return slices.Contains(gone, m[1:]) })
		views = append(views, seen{adopted: at, at: at, members: members})
	}
	return views
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
