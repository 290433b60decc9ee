package main

import (
	"context"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/api"
)

// complaints are what the node's heartbeat daemon says of its own trouble.
func (h *holdfast) complaints(ctx context.Context, node string, _ time.Time) map[string]float64 {
	client := h.cluster.Node(node).Client("corosyncd")
	defer client.Close()
	var st api.CorosyncStatus
	if client.Call(ctx, http.MethodGet, api.PathCorosyncStatus, nil, &st) != nil {
		return nil
	}
	return map[string]float64{"worst-lateness-ms": float64(st.WorstLateness)}
}

// complaints counts lines of Corosync's log.
func (p *peer) complaints(_ context.Context, node string, from time.Time) map[string]float64 {
	raw, err := os.ReadFile(p.log(node))
	if err != nil {
		return nil
	}
	counts := map[string]float64{"tokens-lost": 0, "not-scheduled": 0}
	for line := range strings.Lines(string(raw)) {
		if at, err := logTime(line, time.Now()); err != nil || at.Before(from) {
			continue
		}
		if strings.Contains(line, "A processor failed") {
			counts["tokens-lost"]++
		}
		if strings.Contains(line, "was not scheduled for") {
			counts["not-scheduled"]++
		}
	}
	return counts
}
