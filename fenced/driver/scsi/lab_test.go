package scsi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/lrm"
	"github.com/holdfast-ha/holdfast/fenced/plan/device"
	"github.com/holdfast-ha/holdfast/tests/scsitarget"
)

// lab is a shared unit (or several) and hosts with a driver each.
type lab struct {
	t       *testing.T
	units   map[string]*scsitarget.Unit // by device
	paths   map[string][]string         // of a device; itself when it is not in here
	drivers map[string]*Driver
	lives   map[string]uint32
	members map[string]bool
	alarms  []string
}

func newLab(t *testing.T, devices ...string) *lab {
	l := &lab{t: t, units: map[string]*scsitarget.Unit{}, paths: map[string][]string{}, drivers: map[string]*Driver{},
		lives: map[string]uint32{"n1": 1000, "n2": 2000, "n3": 3000}, members: map[string]bool{}}
	for _, d := range devices {
		l.units[d] = scsitarget.New()
	}
	for _, host := range []string{"n1", "n2", "n3"} {
		l.boot(host)
	}
	return l
}

// boot makes a host's driver with nothing remembered, as after a start of the host.
func (l *lab) boot(host string) {
	l.members[host] = true
	l.drivers[host] = New(Config{
		Cluster: func() Cluster {
			c := Cluster{Name: "demo", Local: host}
			for i, n := range []string{"n1", "n2", "n3"} {
				c.Nodes = append(c.Nodes, Node{n, uint32(i + 1), l.lives[n]})
			}
			return c
		},
		Member: func() bool { return l.members[host] },
		Log:    slog.New(slog.DiscardHandler),
		Alarm:  func(dev, problem string) { l.alarms = append(l.alarms, host+" "+dev+": "+problem) },
		Open: func(path string) (Transport, error) {
			u := l.unitOf(path)
			if u == nil {
				return nil, errors.New(path + " is not there")
			}
			return u.Connect(host + ":" + path), nil
		},
		Paths: func(device string) ([]string, error) {
			if p, ok := l.paths[device]; ok {
				return slices.Clone(p), nil
			}
			return []string{device}, nil
		},
		Volumes: func(context.Context) ([]string, error) { return nil, nil },
		Stores:  []string{filepath.Join(l.t.TempDir(), "cluster")},
	})
}

func (l *lab) unitOf(path string) *scsitarget.Unit {
	for device, paths := range l.paths {
		if slices.Contains(paths, path) {
			return l.units[device]
		}
	}
	return l.units[path]
}

// run has a host do something about a target with every device.
func (l *lab) run(host, action, target string, more ...string) device.Result {
	l.t.Helper()
	return l.within(5*time.Second, host, action, target, more...)
}

func (l *lab) within(limit time.Duration, host, action, target string, more ...string) device.Result {
	l.t.Helper()
	var devices []string
	for d := range l.units {
		devices = append(devices, d)
	}
	slices.Sort(devices)
	set := map[string]string{"devices": strings.Join(devices, ","), "plug": target}
	for i := 0; i+1 < len(more); i += 2 {
		set[more[i]] = more[i+1]
	}
	call := device.Call{Device: "d", Agent: "fence_scsi", Action: action, Target: target, Timeout: limit}
	for n, v := range set {
		if n == "life" {
			var s uint64
			fmt.Sscan(v, &s)
			call.Incarnation = api.Incarnation(s * 1e6)
			continue
		}
		call.Params = append(call.Params, device.Param{Name: n, Value: v})
	}
	return l.drivers[host].Run(l.t.Context(), call)
}

// join unfences hosts.
func (l *lab) join(hosts ...string) {
	l.t.Helper()
	for _, h := range hosts {
		l.want(l.run(h, device.On, h), 0)
	}
}

func (l *lab) write(host, path string) error {
	return l.unitOf(path).Connect(host + ":" + path).Write("x")
}

func (l *lab) want(r device.Result, rc int, words ...string) {
	l.t.Helper()
	if r.RC != rc || rc != 1 && rc != 2 && r.Status != lrm.Done {
		l.t.Errorf("got %v, rc %d (%s), want rc %d", r.Status, r.RC, r.Reason, rc)
	}
	for _, w := range words {
		if !strings.Contains(r.Reason, w) {
			l.t.Errorf("reason %q does not say %q", r.Reason, w)
		}
	}
}
