package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/holdfast-ha/holdfast/tests/lab"
	cluster "github.com/holdfast-ha/holdfast/tests/lab/holdfast"
	"github.com/holdfast-ha/holdfast/tests/lab/power"
	"github.com/holdfast-ha/holdfast/tests/lab/room"
)

// holdfast is our own stack in the lab.
type holdfast struct {
	log     *slog.Logger
	cluster *cluster.Cluster
}

func (h *holdfast) name() string       { return "holdfast" }
func (h *holdfast) space() string      { return "" }
func (h *holdfast) vip() netip.Addr    { return h.cluster.Net.Float(0) }
func (h *holdfast) fenceAgent() string { return "fence_lab" }
func (h *holdfast) heartbeat() string  { return "corosyncd" }
func (h *holdfast) others() []string   { return []string{"inside", "sh", "sleep"} }

func (h *holdfast) nodes() []string {
	if h.cluster == nil {
		return nil
	}
	return h.cluster.Names()
}

func (h *holdfast) up(ctx context.Context, want shape) error {
	// Both stacks write to the same disk.
	scratch, err := room.Scratch()
	if err != nil {
		return err
	}
	state := filepath.Join(scratch, "holdfast")
	if err := os.RemoveAll(state); err != nil {
		return err
	}
	o := cluster.Options{
		Options: lab.Options{Nodes: want.nodes, State: state, Log: h.log}, Totem: fmt.Sprintf("token = %d", want.token)}
	if want.slow {
		o.Sections = "[system]\nsched_rr = false\n"
	}
	if want.bare {
		o.Daemons = []string{h.heartbeat()}
	}
	c, err := cluster.New(o)
	if err != nil {
		return err
	}
	h.cluster = c
	// As in the peer lab, where a fenced node stays off until it is switched on.
	c.Power.Behave("", power.Behaviour{KeepOff: true})
	if err := c.PowerOnAll(ctx); err != nil || want.bare {
		return err
	}
	_, err = settled(ctx, h)
	return err
}

func (h *holdfast) down() error {
	if h.cluster == nil {
		return nil
	}
	c := h.cluster
	h.cluster = nil
	return c.Close()
}

func (h *holdfast) pull(node string, out bool) error {
	return h.cluster.Net.Pull(h.cluster.Node(node).ID, 0, out)
}

func (h *holdfast) pid(node string) int { return h.cluster.Node(node).PID() }

func (h *holdfast) powerOff(node string) error { return h.cluster.Node(node).PowerOff() }

func (h *holdfast) powerOn(ctx context.Context, node string) error {
	return h.cluster.Node(node).PowerOn(ctx)
}

func (h *holdfast) fenced(target string, since time.Time) (asked, done time.Time) {
	for _, e := range h.cluster.Power.Events() {
		if e.Target == target && e.Asked.After(since) && e.Answer == power.OK {
			return e.Asked, e.Answered
		}
	}
	return
}
