package executor

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/holdfast-ha/holdfast/crmd/executor/metadata"
	"github.com/holdfast-ha/holdfast/internal/ocfexec"
)

const (
	metadataTimeout = 30 * time.Second
	// maxMetadata bounds what an agent may print about itself; the longest in use has about 100 KB.
	maxMetadata = 1 << 20
	// maxCached bounds the cache; there are about 250 agents in Debian.
	maxCached = 1000
)

// metadataCache holds what agents said, as long as their files stay as they were.
type metadataCache struct {
	mu      sync.Mutex
	entries map[string]cachedMetadata
}

type cachedMetadata struct {
	stamp fileStamp
	agent *metadata.Agent
}

// fileStamp changes when a file is replaced or edited.
type fileStamp struct {
	path    string
	size    int64
	mtime   time.Time
	ino, dv uint64
}

func stampOf(path string) (fileStamp, error) {
	info, err := os.Stat(path)
	if err != nil {
		return fileStamp{}, err
	}
	s := fileStamp{path: path, size: info.Size(), mtime: info.ModTime()}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		s.ino, s.dv = st.Ino, uint64(st.Dev)
	}
	return s, nil
}

func (c *metadataCache) get(key string, stamp fileStamp) *metadata.Agent {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.entries[key]; ok && e.stamp == stamp {
		return e.agent
	}
	return nil
}

func (c *metadataCache) put(key string, stamp fileStamp, a *metadata.Agent) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.entries == nil || len(c.entries) >= maxCached {
		c.entries = map[string]cachedMetadata{}
	}
	c.entries[key] = cachedMetadata{stamp, a}
}

// Metadata is what an agent says about itself, asked again only when its file has changed. The result is
// shared and must not be changed. The error wraps os.ErrNotExist when there is no such agent. Run must run.
func (e *Executor) Metadata(ctx context.Context, class, provider, typ string) (*metadata.Agent, error) {
	name := strings.Join([]string{class, provider, typ}, ":")
	if provider == "" {
		name = class + ":" + typ
	}
	switch class {
	case "systemd":
		return e.unitMetadata(ctx, typ)
	case "service":
		if e.serviceIsUnit(ctx, typ) {
			return e.unitMetadata(ctx, typ)
		}
	case "ocf", "lsb", "stonith":
	default:
		return nil, fmt.Errorf("metadata of %s: there is no resource class %q: %w", name, class, os.ErrNotExist)
	}
	path, err := e.metadataPath(class, provider, typ)
	if err != nil {
		return nil, fmt.Errorf("metadata of %s: %w", name, err)
	}
	stamp, err := stampOf(path)
	if err != nil {
		return nil, fmt.Errorf("metadata of %s: %w", name, err)
	}
	if a := e.cache.get(name, stamp); a != nil {
		return a, nil
	}
	// Several who ask at once share one run, which goes on when the first of them gives up.
	shared := context.WithoutCancel(ctx)
	done := e.fetches.DoChan(name, func() (any, error) { return e.fetch(shared, class, provider, typ, path) })
	select {
	case r := <-done:
		if r.Err != nil {
			return nil, fmt.Errorf("metadata of %s: %w", name, r.Err)
		}
		a := r.Val.(*metadata.Agent)
		e.cache.put(name, stamp, a)
		return a, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("metadata of %s: %w", name, ctx.Err())
	}
}

func (e *Executor) metadataPath(class, provider, typ string) (string, error) {
	switch class {
	case "ocf":
		return e.agentPath(provider, typ)
	case "stonith":
		if typ != filepath.Base(typ) {
			return "", os.ErrNotExist
		}
		return filepath.Join(e.cfg.FenceDir, typ), nil
	default:
		return e.initScript(typ), nil
	}
}

func (e *Executor) fetch(ctx context.Context, class, provider, typ, path string) (*metadata.Agent, error) {
	args, env := []string{"meta-data"}, e.env
	switch class {
	case "ocf":
		env = e.ocfEnvironment(Op{Rsc: typ, Type: typ, Provider: provider, Task: "meta-data", TimeoutMs: metadataTimeout.Milliseconds()})
	case "stonith":
		args = []string{"-o", "metadata"}
	default:
		script, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		return metadata.LSB(typ, string(script)), nil
	}
	x, err := e.runner.Exec(ctx, ocfexec.Command{Path: path, Args: args, Env: env, Timeout: metadataTimeout,
		Limit: maxMetadata, Label: typ + "_meta-data_0"})
	switch {
	case err != nil:
		return nil, err
	case x.TimedOut:
		return nil, fmt.Errorf("%s did not answer within %v", path, metadataTimeout)
	case x.Cancelled:
		return nil, ocfexec.ErrStopped
	case x.Truncated:
		return nil, fmt.Errorf("%s printed more than %d bytes", path, maxMetadata)
	case x.Code != 0:
		return nil, fmt.Errorf("%s ended with exit code %d: %s", path, x.Code, bounded(strings.TrimSpace(string(x.Stderr)), 200))
	}
	return metadata.Parse(string(x.Stdout))
}

func (e *Executor) unitMetadata(ctx context.Context, typ string) (*metadata.Agent, error) {
	ctx, cancel := context.WithTimeout(ctx, metadataTimeout)
	defer cancel()
	text, err := e.systemd.Description(ctx, typ)
	if err != nil {
		return nil, fmt.Errorf("metadata of systemd:%s: %w", typ, err)
	}
	return metadata.Systemd(typ, text), nil
}
