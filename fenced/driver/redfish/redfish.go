// Package redfish switches machines through their management cards by Redfish, in place of fence_redfish.
package redfish

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

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

// Driver serves fence_redfish.
type Driver struct{ native.Driver }

// New makes a driver and starts nothing.
func New(c Config) *Driver {
	return &Driver{native.Driver{Agents: []*param.Agent{catalogue.Redfish()}, SecretsDir: c.SecretsDir, Log: c.Log, Perform: perform, Check: check}}
}

func check(v *param.Values) error {
	if host(v) == "" {
		return errors.New("parameter ip is missing: the address of the management card")
	}
	if v.Int("ipport") < 1 || v.Int("ipport") > 65535 {
		return fmt.Errorf("parameter ipport is %s, not a port", v.Str("ipport"))
	}
	for _, name := range []string{"redfish_uri", "systems_uri"} {
		if uri := v.Str(name); uri != "" && !strings.HasPrefix(uri, "/") {
			return fmt.Errorf("parameter %s is %q, must begin with /", name, uri)
		}
	}
	_, err := trust(v)
	return err
}

func host(v *param.Values) string {
	if v.Bool("port_as_ip") {
		return v.Str("plug")
	}
	return v.Str("ip")
}

func perform(ctx context.Context, call device.Call, v *param.Values) device.Result {
	password, err := native.Password(ctx, v)
	if err != nil {
		return native.Error(ctx, err)
	}
	address := net.JoinHostPort(strings.Trim(host(v), "[]"), v.Str("ipport"))
	tlsConfig, err := trust(v)
	if err != nil {
		return native.Error(ctx, err)
	}
	open := func(ctx context.Context) (power.Switch, error) {
		c := newClient(address, tlsConfig, v.Str("username"), password, max(v.Time("shell_timeout"), time.Second))
		s := &system{client: c, offType: v.Str("off_type")}
		login, cancel := context.WithTimeout(ctx, max(v.Time("login_timeout"), time.Second))
		defer cancel()
		plug := v.Str("plug")
		if v.Bool("port_as_ip") {
			plug = ""
		}
		if err := c.begin(login, v.Str("redfish_uri")); err != nil {
			c.end()
			return nil, err
		}
		if err := s.find(ctx, v.Str("systems_uri"), plug); err != nil {
			c.end()
			return nil, err
		}
		return s, nil
	}
	return power.From("BMC "+address, v, open).Run(ctx, call.Action)
}
