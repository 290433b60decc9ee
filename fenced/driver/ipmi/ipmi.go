// Package ipmi switches machines through their management cards by IPMI over LAN, in place of fence_ipmilan and
// its namesakes.
package ipmi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"

	"sync"
	"time"

	"github.com/bougou/go-ipmi/pkg/types"

	"github.com/holdfast-ha/holdfast/fenced/driver/catalogue"
	"github.com/holdfast-ha/holdfast/fenced/driver/native"
	"github.com/holdfast-ha/holdfast/fenced/driver/param"
	"github.com/holdfast-ha/holdfast/fenced/driver/power"
	"github.com/holdfast-ha/holdfast/fenced/plan/device"
)

// Config is what the driver needs of the node.
type Config struct {
	SecretsDir string
	Log        *slog.Logger
}

// Driver serves the agents that are fence_ipmilan under other names.
type Driver struct {
	native.Driver
	// suites are the cipher suites that cards have agreed to, so that the next session need not find out.
	mu     sync.Mutex
	suites map[string]types.CipherSuiteID
}

// New makes a driver and starts nothing.
func New(c Config) *Driver {
	d := &Driver{suites: map[string]types.CipherSuiteID{}}
	d.Driver = native.Driver{Agents: catalogue.IPMI(), SecretsDir: c.SecretsDir, Log: c.Log, Perform: d.perform, Check: check}
	return d
}

// privileges are the words for privilege levels.
var privileges = map[string]types.PrivilegeLevel{
	"callback": types.PrivilegeLevelCallback, "user": types.PrivilegeLevelUser,
	"operator": types.PrivilegeLevelOperator, "administrator": types.PrivilegeLevelAdministrator,
}

// check refuses what cannot be served: leaving it out might switch another machine, or none.
func check(v *param.Values) error {
	switch {
	case host(v) == "":
		return errors.New("parameter ip is missing: the address of the management card")
	case v.Given("target"):
		return errors.New("parameter target (bridging) is not supported by this driver; run the external agent with driver=legacy")
	case v.Given("hexadecimal_kg"):
		return errors.New("parameter hexadecimal_kg is not supported by this driver; run the external agent with driver=legacy")
	case v.Int("ipport") < 1 || v.Int("ipport") > 65535:
		return fmt.Errorf("parameter ipport is %s, not a port", v.Str("ipport"))
	}
	if _, _, _, ok := types.GetCipherSuiteAlgorithms(types.CipherSuiteID(v.Int("cipher"))); v.Given("cipher") && (!ok || v.Int("cipher") > 255) {
		return fmt.Errorf("parameter cipher is %s; common suites are 17 and 3", v.Str("cipher"))
	}
	return nil
}

// host is the card's address, without the brackets of IPv6.
func host(v *param.Values) string {
	if v.Bool("port_as_ip") {
		return v.Str("plug")
	}
	return v.Str("ip")
}

func (d *Driver) perform(ctx context.Context, call device.Call, v *param.Values) device.Result {
	password, err := native.Password(ctx, v)
	if err != nil {
		return native.Error(ctx, err)
	}
	c := &card{
		driver: d, address: net.JoinHostPort(host(v), v.Str("ipport")), host: host(v), port: v.Int("ipport"),
		user: v.Str("username"), password: password, privilege: privileges[v.Str("privlvl")],
		login: max(v.Time("login_timeout"), time.Second), request: max(v.Time("shell_timeout"), time.Second),
		old: v.Given("lanplus") && !v.Bool("lanplus"),
	}
	if v.Given("cipher") {
		c.suite = types.CipherSuiteID(v.Int("cipher"))
		c.suiteGiven = true
	}
	return power.From("BMC "+c.address, v, c.open).Run(ctx, call.Action)
}

// known is the cipher suite that a card has agreed to before.
func (d *Driver) known(address string) (types.CipherSuiteID, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s, ok := d.suites[address]
	return s, ok
}

// maxSuites bounds what is remembered; no cluster has more cards.
const maxSuites = 1024

func (d *Driver) agreed(address string, s types.CipherSuiteID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.suites) >= maxSuites {
		clear(d.suites)
	}
	d.suites[address] = s
}

// resolve finds the card's address within the time of ctx, which the library's own lookup does not heed.
func resolve(ctx context.Context, host string) (string, error) {
	if ip := net.ParseIP(host); ip == nil {
		addrs, err := net.DefaultResolver.LookupIPAddr(ctx, host)
		if err != nil {
			return "", &native.Problem{Subject: "BMC " + host, Cause: "its name cannot be resolved", Err: err, Remedy: "use its address, so that fencing does not depend on a name server"}
		}
		host = addrs[0].String()
	}
	if net.ParseIP(host).To4() == nil {
		host = "[" + host + "]"
	}
	return host, nil
}
