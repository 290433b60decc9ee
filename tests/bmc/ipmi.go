package bmc

import (
	"bytes"
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/bougou/go-ipmi/pkg/bmc"
	"github.com/bougou/go-ipmi/pkg/clock"
	"github.com/bougou/go-ipmi/pkg/hal"
	"github.com/bougou/go-ipmi/pkg/hal/mock"
	"github.com/bougou/go-ipmi/pkg/server"
	"github.com/bougou/go-ipmi/pkg/types"
)

// IPMI is a card that speaks IPMI over LAN: the server of go-ipmi behind a connection that loses, delays and
// garbles.
type IPMI struct {
	*Machine
	Addr *net.UDPAddr
	bmc  *bmc.BMC
}

// NewIPMI starts a card on a port of the loopback interface until the test ends. suites are the cipher suites
// that it knows; none means all of the server's.
func NewIPMI(t testing.TB, m *Machine, suites ...types.CipherSuiteID) *IPMI {
	t.Helper()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	b := bmc.New(bmc.DeviceInfo{DeviceID: 32, IPMIVersion: 0x20, ManufacturerID: 0x157, ProductID: 1}, [16]byte{1, 2, 3}, &board{mock.New(), m}, bmc.WithClock(clock.Real))
	user, err := b.Users.Add(2, User)
	if err != nil {
		t.Fatal(err)
	}
	user.SetPassword([]byte(Password))
	user.Enabled = true
	access := bmc.UserChannelAccess{MaxPrivilege: bmc.PrivilegeLevelAdministrator, Enabled: true}
	if m.Faults().ReadOnly {
		access.MaxPrivilege = bmc.PrivilegeLevelUser
	}
	user.ChannelAccess[1] = access
	c := &IPMI{Machine: m, Addr: conn.LocalAddr().(*net.UDPAddr), bmc: b}
	if m.Faults().Full {
		c.Occupy(t)
	}
	var options []server.ServerOption
	if len(suites) > 0 {
		options = append(options, server.WithCipherSuites(suites))
	}
	srv := server.NewServer(b, &lossy{conn, m}, options...)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- srv.Serve(ctx) }()
	t.Cleanup(func() { cancel(); _ = srv.Close(); conn.Close(); <-done })
	return c
}

// Sessions counts the sessions that are open.
func (c *IPMI) Sessions() int { return c.bmc.Sessions.Count() }

// Occupy takes every session that the card has.
func (c *IPMI) Occupy(t testing.TB) {
	t.Helper()
	for i := range c.bmc.Sessions.Cap() {
		s, err := c.bmc.Sessions.Allocate(uint32(i+1), types.AuthAlg_HMAC_SHA1, types.IntegrityAlg_HMAC_SHA1_96, types.CryptAlg_AES_CBC_128, bmc.PrivilegeLevelAdministrator, 1)
		if err == nil {
			err = c.bmc.Sessions.Activate(s.BMCID)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// board is the hardware behind the card.
type board struct {
	*mock.HAL
	m *Machine
}

func (b *board) Chassis() hal.ChassisHAL { return &frame{&mock.Chassis{}, b.m} }

// frame is its chassis.
type frame struct {
	*mock.Chassis
	m *Machine
}

func (f *frame) PowerState(context.Context) (bool, error) {
	if f.m.Faults().Blind {
		return false, errors.New("the sensor is broken")
	}
	return f.m.reads(), nil
}

func (f *frame) SetPower(_ context.Context, on bool) error {
	if f.m.Faults().Refuses {
		return errors.New("not now")
	}
	f.m.order(on)
	return nil
}

// lossy is a connection that does to packets what the faults say.
type lossy struct {
	*net.UDPConn
	m *Machine
}

func (l *lossy) ReadFrom(b []byte) (int, net.Addr, error) { return l.UDPConn.ReadFrom(b) }

func (l *lossy) WriteTo(p []byte, addr net.Addr) (int, error) {
	f := l.m.Faults()
	switch {
	case l.m.silent():
		return len(p), nil
	case f.Garbage:
		p = bytes.Repeat([]byte{0x5a}, len(p))
	}
	if f.Delay > 0 {
		p = bytes.Clone(p)
		time.AfterFunc(f.Delay, func() { _, _ = l.UDPConn.WriteTo(p, addr) })
		return len(p), nil
	}
	return l.UDPConn.WriteTo(p, addr)
}
