package scsi

import (
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/holdfast-ha/holdfast/fenced/driver/catalogue"
	"github.com/holdfast-ha/holdfast/fenced/driver/param"
	"github.com/holdfast-ha/holdfast/fenced/scsipr"
)

// Node is a node of the cluster.
type Node struct {
	Name string
	ID   uint32
	// Life is when its corosyncd started, in seconds since 1970; 0 is unknown.
	Life uint32
}

// Cluster is what keys are derived from.
type Cluster struct {
	Name  string
	Local string
	// Nodes are in the order of the cluster's node list, as Corosync's cmap has them: fence_scsi counts.
	Nodes []Node
}

// lifeBits is the part of a key that names a life.
const lifeBits = 32

// half are the first two bytes of a name's MD5 sum.
func half(name string) []byte {
	sum := md5.Sum([]byte(name))
	return sum[:2]
}

func (c *Cluster) find(name string) (int, *Node) {
	for i := range c.Nodes {
		if strings.EqualFold(c.Nodes[i].Name, name) {
			return i, &c.Nodes[i]
		}
	}
	return -1, nil
}

// key derives a node's key.
func (c *Cluster) key(node, way string) (scsipr.Key, error) {
	if c.Name == "" {
		return 0, fmt.Errorf("the key of %s cannot be derived: the cluster's name is not known yet", node)
	}
	prefix := hex.EncodeToString(half(c.Name))
	if way == catalogue.KeyByHash {
		return ParseKey(prefix + hex.EncodeToString(half(node)))
	}
	i, n := c.find(node)
	switch {
	case n == nil:
		return 0, fmt.Errorf("the key of %s cannot be derived: the cluster file names no such node", node)
	case way == catalogue.KeyByID:
		return ParseKey(fmt.Sprintf("%s%04d", prefix, i))
	case n.Life == 0:
		return 0, fmt.Errorf("the key of %s cannot be derived: when its life began is not known; it was not a member since this node started", node)
	}
	return c.stem(n) | scsipr.Key(n.Life), nil
}

// stem is what the keys of all lives of a node begin with.
func (c *Cluster) stem(n *Node) scsipr.Key {
	return scsipr.Key(binary.BigEndian.Uint16(half(c.Name)))<<48 | scsipr.Key(n.ID&0xffff)<<lifeBits
}

// ParseKey reads a key as fence_scsi writes it: hexadecimal digits, with or without 0x.
func ParseKey(s string) (scsipr.Key, error) {
	n, err := strconv.ParseUint(strings.TrimPrefix(strings.ToLower(strings.TrimSpace(s)), "0x"), 16, 64)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("%q is not a key: up to 16 hexadecimal digits that are not all 0", s)
	}
	return scsipr.Key(n), nil
}

// keyOf is the key that a device's parameters give a node.
func (d *Driver) keyOf(v *param.Values, node string) (scsipr.Key, error) {
	if text := v.Str("key"); text != "" {
		return ParseKey(text)
	}
	c := d.cfg.Cluster()
	return c.key(node, v.Str("key_value"))
}

// victims are the keys of a node among those that are registered. With keys that name a life those of later
// lives are left alone: an order to end a life must not end the next one. life 0 means every life.
func (d *Driver) victims(v *param.Values, node string, life uint32, registered []scsipr.Key) ([]scsipr.Key, error) {
	var match func(k scsipr.Key) bool
	if v.Str("key") == "" && v.Str("key_value") == catalogue.KeyByLife {
		c := d.cfg.Cluster()
		_, n := c.find(node)
		if n == nil {
			return nil, fmt.Errorf("the keys of %s cannot be derived: the cluster file names no such node", node)
		}
		match = func(k scsipr.Key) bool {
			return k>>lifeBits == c.stem(n)>>lifeBits && (life == 0 || uint32(k) <= life)
		}
	} else {
		key, err := d.keyOf(v, node)
		if err != nil {
			return nil, err
		}
		match = func(k scsipr.Key) bool { return k == key }
	}
	var found []scsipr.Key
	seen := map[scsipr.Key]bool{}
	for _, k := range registered {
		if match(k) && !seen[k] {
			seen[k] = true
			found = append(found, k)
		}
	}
	return found, nil
}
