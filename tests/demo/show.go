package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/holdfast-ha/holdfast/tests/lab"
	"github.com/holdfast-ha/holdfast/tests/lab/holdfast"
	"github.com/holdfast-ha/holdfast/tests/lab/power"
	"github.com/holdfast-ha/holdfast/tests/lab/probe"
)

// resources is what the demo adds to the cluster file.
const resources = `
[[stonith]]
id = "power"
agent = "fence_lab"
params = { pcmk_host_list = "%s", pcmk_host_check = "static-list" }

[[resource]]
id = "vip"
agent = "ocf:holdfast:vip"
group = "web"
params = { ip = "%s/%d" }
op.monitor = { interval = "10s", timeout = "20s" }

[[resource]]
id = "site"
agent = "ocf:holdfast:script"
group = "web"
params = { command = "/usr/sbin/holdfast-hello :80", settle = "0s" }
op.monitor = { interval = "10s", timeout = "20s" }
`

// members of the group in the file above.
var members = []string{"vip", "site"}

// Bounds within which each part has to be done, so that a demo that hangs says where.
const (
	serveLimit   = 15 * time.Second
	recoverLimit = 15 * time.Second
	askEvery     = 5 * time.Millisecond
)

// show runs one cluster, cuts the power of the node that runs the service, and tells the story.
func show(ctx context.Context, out io.Writer, nodes int) (err error) {
	fmt.Fprintf(out, "\n== A cluster of %d nodes ==\n", nodes)
	c, err := holdfast.New(holdfast.Options{Options: lab.Options{Nodes: nodes, Log: slog.New(slog.DiscardHandler)}})
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			c.Describe(os.Stderr)
		}
		err = errors.Join(err, c.Close())
	}()
	// A machine whose power was cut stays off, so that what happens next is the survivors' doing alone.
	c.Power.Behave("", power.Behaviour{KeepOff: true})
	began := time.Now()
	if err := c.PowerOnAll(ctx); err != nil {
		return err
	}
	if _, err := c.WaitIdle(ctx); err != nil {
		return err
	}
	fmt.Fprintf(out, "%s are on and members of one cluster after %d ms.\n", strings.Join(c.Names(), ", "), time.Since(began).Milliseconds())
	vip := c.Net.Float(0)
	file := c.File + fmt.Sprintf(resources, strings.Join(c.Names(), " "), vip, c.Net.Bits())
	if err := apply(ctx, c, file); err != nil {
		return err
	}
	browser := probe.NewBrowser(vip.String()+":80", askEvery)
	asking, stop := context.WithCancel(ctx)
	var work sync.WaitGroup
	defer work.Wait()
	defer stop()
	work.Go(func() { browser.Run(asking) })
	f, err := failover(ctx, out, c, browser)
	if err != nil {
		return err
	}
	steps, err := tell(f)
	if err != nil {
		return err
	}
	write(out, steps)
	fmt.Fprintf(out, "Nobody answered for %d ms.\n", f.first.At.Sub(f.last.At).Milliseconds())
	return explain(ctx, out, c, f)
}

// apply brings the cluster file into effect, as its user would.
func apply(ctx context.Context, c *holdfast.Cluster, file string) error {
	n := c.Nodes()[0]
	if err := n.WriteFile("/tmp/web.toml", []byte(file), 0o644); err != nil {
		return err
	}
	_, err := n.Exec(ctx, "hcs", "apply", "--yes", "/tmp/web.toml")
	return err
}

// failover waits for the service, cuts the power under it and waits for it again.
func failover(ctx context.Context, out io.Writer, c *holdfast.Cluster, browser *probe.Browser) (facts, error) {
	f := facts{resources: members}
	serving, cancel := context.WithTimeout(ctx, serveLimit)
	defer cancel()
	answer, err := browser.FirstAsked(serving, time.Now())
	if err != nil {
		return f, fmt.Errorf("the web server does not answer: %w", err)
	}
	if _, err := c.WaitIdle(ctx); err != nil {
		return f, err
	}
	f.victim = strings.TrimPrefix(answer.Text, "hello from ")
	fmt.Fprintf(out, "http://%s/ answers %q. It is asked every %d ms. Now the power of %s is cut.\n", c.Net.Float(0), answer.Text,
		askEvery.Milliseconds(), f.victim)
	f.cut = time.Now()
	if err := c.Node(f.victim).PowerOff(); err != nil {
		return f, err
	}
	dead := time.Now()
	recovering, cancel := context.WithTimeout(ctx, recoverLimit)
	defer cancel()
	if f.first, err = browser.FirstAsked(recovering, dead); err != nil {
		return f, fmt.Errorf("after the power cut of %s the web server does not answer: %w", f.victim, err)
	}
	f.last = browser.LastBefore(dead)
	if _, err := c.WaitIdle(ctx); err != nil {
		return f, err
	}
	for _, n := range c.Nodes() {
		if n.Powered() {
			events, err := holdfast.Timeline(ctx, n, f.cut)
			if err != nil {
				return f, err
			}
			f.events = append(f.events, events...)
		}
	}
	return f, nil
}

// explain lets the cluster say in its own words why it did that.
func explain(ctx context.Context, out io.Writer, c *holdfast.Cluster, f facts) error {
	dc, err := c.WaitIdle(ctx)
	if err != nil {
		return err
	}
	for _, subject := range []string{f.victim, members[0]} {
		text, err := dc.Exec(ctx, "hcs", "explain", subject, "--since", "1m")
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "\n%s$ hcs explain %s\n%s", dc.Name, subject, text)
	}
	return nil
}
