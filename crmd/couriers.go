package crmd

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/crmd/attrs"
	"github.com/holdfast-ha/holdfast/crmd/controller"
	"github.com/holdfast-ha/holdfast/crmd/metrics"
	"github.com/holdfast-ha/holdfast/internal/ipc"
)

// Paths between crmds.
const (
	pathEnlist   = "/peer/v1/enlist"
	pathOrders   = "/peer/v1/orders"
	pathUpdates  = "/peer/v1/updates"
	pathMirror   = "/peer/v1/mirror"
	pathShare    = "/peer/v1/attrs"
	pathProgress = "/peer/v1/progress"
	pathPropose  = "/peer/v1/propose"
	pathClient   = "/peer/v1/client" // prefix of requests of a command on another node
)

// callTimeout bounds one call between nodes.
const callTimeout = 5 * time.Second

// courierBuffer bounds what waits for one node. A node that does not take its orders is enlisted anew.
const courierBuffer = 4096

// couriers deliver orders and attributes to the other nodes, each node's in order. A courier lives as long as
// its node is a member.
type couriers struct {
	d  *Daemon
	mu sync.Mutex
	by map[string]*courier
}

type courier struct {
	node   string
	parcel chan parcel
	stop   context.CancelFunc
}

// parcel is one thing to deliver.
type parcel struct {
	order   *api.Orders
	session string // that the order is for
	entries []attrs.Entry
}

func (c *couriers) init(d *Daemon) { c.d, c.by = d, make(map[string]*courier) }

// members starts couriers for new members and ends those of nodes that are gone.
func (c *couriers) members(v *api.View) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for name, k := range c.by {
		if !hasMember(v, name) {
			k.stop()
			delete(c.by, name)
		}
	}
	for _, m := range v.Members {
		if m.Name == c.d.node || c.by[m.Name] != nil {
			continue
		}
		ctx, cancel := context.WithCancel(c.d.ctx)
		k := &courier{node: m.Name, parcel: make(chan parcel, courierBuffer), stop: cancel}
		c.by[m.Name] = k
		c.d.spawn(func(context.Context) { c.run(ctx, k) })
	}
}

func hasMember(v *api.View, name string) bool {
	for i := range v.Members {
		if v.Members[i].Name == name {
			return true
		}
	}
	return false
}

// put hands over a parcel without waiting; it reports false when there is no courier or too much waits.
func (c *couriers) put(node string, p parcel) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.by[node]
	if k == nil {
		return false
	}
	select {
	case k.parcel <- p:
		return true
	default:
		return false
	}
}

// share sends attribute entries to every member. One that does not get them gets everything later.
func (c *couriers) share(entries []attrs.Entry) {
	c.mu.Lock()
	names := make([]string, 0, len(c.by))
	for n := range c.by {
		names = append(names, n)
	}
	c.mu.Unlock()
	for _, n := range names {
		c.shareWith(n, entries)
	}
}

func (c *couriers) shareWith(node string, entries []attrs.Entry) {
	if len(entries) > 0 && !c.put(node, parcel{entries: entries}) {
		c.d.log.Warn("attributes are not shared: too much waits for the node", "node", node)
	}
}

// attrRetry is the pause before attributes are sent again to a node that did not take them.
const attrRetry = 300 * time.Millisecond

// run delivers until its node is gone. After attributes were lost it sends all of them, until they arrive.
func (c *couriers) run(ctx context.Context, k *courier) {
	client := c.d.peers.Client(k.node)
	stale := false
	for {
		var retry <-chan time.Time
		if stale {
			retry = time.After(attrRetry)
		}
		select {
		case p := <-k.parcel:
			if p.order != nil {
				c.deliver(ctx, client, k, p)
			} else if !stale {
				stale = c.send(ctx, client, p.entries) != nil
			}
		case <-retry:
			if all, err := query(c.d, c.d.machine.AllAttrs); err == nil {
				stale = c.send(ctx, client, all) != nil
			}
		case <-ctx.Done():
			return
		}
	}
}

func (c *couriers) send(ctx context.Context, client *ipc.Client, entries []attrs.Entry) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return client.Call(ctx, http.MethodPost, pathShare, entries, nil)
}

// orderTries is how often an order is sent before the node's crmd counts as gone.
const orderTries = 3

// deliver sends an order together with those that wait behind it for the same session.
func (c *couriers) deliver(ctx context.Context, client *ipc.Client, k *courier, p parcel) {
	batch := *p.order
	for len(batch.Orders) < 256 {
		select {
		case next := <-k.parcel:
			if next.order != nil && next.session == p.session && next.order.Generation == batch.Generation {
				batch.Orders = append(batch.Orders, next.order.Orders...)
				continue
			}
			defer func() { // of another kind: it comes after this batch
				if next.order != nil {
					c.deliver(ctx, client, k, next)
				} else {
					c.shareWith(k.node, next.entries)
				}
			}()
		default:
		}
		break
	}
	var err error
	for range orderTries {
		if err = c.call(ctx, client, batch); err == nil || ctx.Err() != nil {
			return
		}
		if refused := (*ipc.Error)(nil); errors.As(err, &refused) {
			break
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return
		}
	}
	_ = c.d.input(controller.CRMGone{Node: k.node, Session: p.session, Reason: err.Error()})
}

func (c *couriers) call(ctx context.Context, client *ipc.Client, orders api.Orders) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return client.Call(ctx, http.MethodPost, pathOrders, orders, nil)
}

// sendOrder gives an order to a node, or to this one. Only the loop calls it.
func (d *Daemon) sendOrder(now time.Time, o controller.Send) {
	if o.Order.Waited > 0 {
		d.counts.change(func(m *metrics.Counts) { m.ThrottleWaits++; m.ThrottleWait += uint64(o.Order.Waited) })
	}
	orders := api.Orders{DC: d.node, Generation: o.Generation, Orders: []api.Order{o.Order}}
	if o.Node == d.node {
		if err := d.obey(orders); err != nil {
			d.spawn(func(context.Context) {
				_ = d.input(controller.CRMGone{Node: d.node, Session: o.Session, Reason: err.Error()})
			})
		}
		return
	}
	if !d.couriers.put(o.Node, parcel{order: &orders, session: o.Session}) {
		d.spawn(func(context.Context) {
			_ = d.input(controller.CRMGone{Node: o.Node, Session: o.Session, Reason: "it does not take its orders"})
		})
	}
}
