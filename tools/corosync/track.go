package corosync

import (
	"bufio"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/api"
)

// trackEvery is how often tracked keys are looked at.
const trackEvery = 200 * time.Millisecond

// track prints changes of a key, or of the keys with a prefix, until "q" or the end of the input is read.
func (t *cmapTool) track(key string, prefix bool) int {
	ctx, cancel := context.WithCancel(t.ctx)
	defer cancel()
	fmt.Fprintln(t.env.Stdout, `Type "q" to finish`)
	go func() { // ends with the process when nobody types anything
		defer cancel()
		for s := bufio.NewScanner(t.env.Stdin); s.Scan() && !strings.HasPrefix(s.Text(), "q"); {
		}
	}()
	last, err := t.snapshot(key, prefix)
	ticker := time.NewTicker(trackEvery)
	defer ticker.Stop()
	for err == nil {
		select {
		case <-ctx.Done():
			return 0
		case <-ticker.C:
		}
		var now []api.CmapEntry
		if now, err = t.snapshot(key, prefix); err == nil {
			t.changes(last, now)
			last = now
		}
	}
	fmt.Fprintln(t.env.Stderr, "Error on dispatch", csError(err))
	return 1
}

func (t *cmapTool) snapshot(key string, prefix bool) ([]api.CmapEntry, error) {
	list, err := t.entries(key)
	if prefix || err != nil {
		return list, err
	}
	for _, e := range list {
		if e.Key == key {
			return []api.CmapEntry{e}, nil
		}
	}
	return nil, nil
}

// changes prints how two sorted lists differ.
func (t *cmapTool) changes(was, now []api.CmapEntry) {
	for len(was) > 0 || len(now) > 0 {
		switch {
		case len(was) == 0 || len(now) > 0 && now[0].Key < was[0].Key:
			fmt.Fprintln(t.env.Stdout, "create>", t.line(now[0]))
			now = now[1:]
		case len(now) == 0 || was[0].Key < now[0].Key:
			fmt.Fprintln(t.env.Stdout, "delete>", t.line(was[0]))
			was = was[1:]
		default:
			if was[0] != now[0] {
				fmt.Fprintln(t.env.Stdout, "modify>", t.line(now[0]))
			}
			was, now = was[1:], now[1:]
		}
	}
}
