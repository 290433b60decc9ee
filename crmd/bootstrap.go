package crmd

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/cib"
	"github.com/holdfast-ha/holdfast/crmd/store"
	"github.com/holdfast-ha/holdfast/crmd/store/content"
)

// bootstrapFile, when it is in crmd's state directory, makes a node without a configuration log begin a new
// one. `hcs cluster init` writes it: one voter's name a line. It is removed when the cluster has begun.
const bootstrapFile = "bootstrap"

// bootstrap begins a new cluster, if that is asked for, and makes sure that a leader finds a configuration.
func (d *Daemon) bootstrap(ctx context.Context) error {
	marker := filepath.Join(d.cfg.Dirs.State("crmd"), bootstrapFile)
	raw, err := os.ReadFile(marker)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("begin the cluster: %w", err)
	}
	if err := d.storeRuns(ctx); err != nil {
		return nil // the daemon ends
	}
	if d.store.Status().Fresh {
		if err := d.store.Bootstrap(ctx, strings.Fields(string(raw))...); err != nil {
			return fmt.Errorf("begin the cluster: %w", err)
		}
	}
	for d.store.Document() == nil || d.store.File().Text == "" {
		if d.store.Status().Ready {
			if err := d.firstContent(ctx); err != nil {
				d.log.Warn("the first configuration is not written yet", "err", err)
			}
		}
		select {
		case <-time.After(reportRetry):
		case <-ctx.Done():
			return nil
		}
	}
	return os.Remove(marker)
}

func (d *Daemon) storeRuns(ctx context.Context) error {
	for d.store.Status().Role == store.Stopped {
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// firstContent writes what a new cluster begins with: an empty configuration and this node's cluster file.
func (d *Daemon) firstContent(ctx context.Context) error {
	if d.store.Document() == nil {
		empty := cib.Empty("")
		doc := empty.WithChild(empty.Child("status"), nil)
		if err := d.store.Propose(ctx, content.Replace{Base: content.NoDocument, Doc: doc}); err != nil {
			return err
		}
	}
	if d.store.File().Text != "" {
		return nil
	}
	text, err := os.ReadFile(d.cfg.Dirs.ClusterFile())
	if err != nil {
		return err
	}
	return d.store.Propose(ctx, content.SetFile{File: content.File{Version: 1, Text: string(text)}})
}

// newUUID is a random UUID (version 4).
func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails, see crypto/rand
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
