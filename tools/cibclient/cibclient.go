// Package cibclient is how every drop-in command reaches a CIB: a file, a shadow copy or the running cluster.
package cibclient

import (
	"context"
	"errors"
	"os"
	"os/user"
	"path/filepath"
	"strings"

	"github.com/holdfast-ha/holdfast/cib"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/internal/ipc"
	"github.com/holdfast-ha/holdfast/tools/cli"
)

// Result is what a command did.
type Result struct {
	// Output is the answer of a query, nil for other commands.
	Output *cibxml.Element
	// Version is the CIB's after the command.
	Version cib.Version
	// Note is what a person should be told although the command succeeded.
	Note string
}

// source is a CIB that commands can be done on.
type source interface {
	do(ctx context.Context, cmd cib.Command) (Result, error)
	close()
}

// Conn is a connection to a CIB. It is used by one goroutine at a time.
type Conn struct {
	source
	// File is the file that the CIB is read from, "-" for standard input, "" for the running cluster.
	File string
	// Shadow is the name of the shadow copy that File is, "" when it is none.
	Shadow string
	env    *cli.Env
}

// Open connects to the CIB that the environment names: the shadow copy CIB_shadow, else the file CIB_file,
// else the running cluster. Errors about what the CIB is are *cib.Error.
func Open(env *cli.Env) (*Conn, error) {
	if name := env.Getenv("CIB_shadow"); name != "" {
		c, err := OpenFile(env, ShadowFile(env, name))
		if c != nil {
			c.Shadow = name
		}
		return c, err
	}
	if file := env.Getenv("CIB_file"); file != "" {
		return OpenFile(env, file)
	}
	return OpenLive(env), nil
}

// OpenLive connects to the running cluster, whatever the environment says. Whether that runs shows with the
// first command.
func OpenLive(env *cli.Env) *Conn {
	return &Conn{source: &live{client: env.Daemon("crmd"), groups: env.Getenv("CIB_user_groups")}, env: env}
}

// OpenFile reads a CIB from a file and checks it.
func OpenFile(env *cli.Env, file string) (*Conn, error) {
	f, err := openFile(env, file)
	if err != nil {
		return nil, err
	}
	return &Conn{source: f, File: file, env: env}, nil
}

// Live reports whether this is the running cluster.
func (c *Conn) Live() bool { return c.File == "" }

// Close gives the connection up. What was changed is saved already.
func (c *Conn) Close() { c.close() }

// Do performs a command. Refusals are *cib.Error; ExitCode tells the exit status of any error. Client and User
// are filled in where they are empty.
func (c *Conn) Do(ctx context.Context, cmd cib.Command) (Result, error) {
	if cmd.Client == "" {
		cmd.Client = c.env.Name
	}
	if cmd.User == "" {
		cmd.User = c.env.Getenv("CIB_user")
	}
	return c.do(ctx, cmd)
}

// Query reads a section, the whole CIB for "".
func (c *Conn) Query(ctx context.Context, section string) (*cibxml.Element, error) {
	r, err := c.Do(ctx, cib.Command{Op: cib.OpQuery, Section: section})
	return r.Output, err
}

// Find reads what an XPath matches; there is nothing wrong with no match.
func (c *Conn) Find(ctx context.Context, expression string) ([]*cibxml.Element, error) {
	r, err := c.Do(ctx, cib.Command{Op: cib.OpQuery, XPath: expression})
	var refused *cib.Error
	switch {
	case errors.As(err, &refused) && refused.Code == cib.CodeNoObject:
		return nil, nil
	case err != nil:
		return nil, err
	case r.Output.Name == "xpath-query":
		return r.Output.Children, nil
	}
	return []*cibxml.Element{r.Output}, nil
}

// ExitCode is the exit status of a command that ends because of err, 0 for none.
func ExitCode(err error) int {
	var refused *cib.Error
	var remote *ipc.Error
	switch {
	case err == nil:
		return 0
	case errors.As(err, &refused):
		return refused.Code
	case errors.As(err, &remote):
		return remote.Code
	}
	return cib.CodeError
}

// shadowHome is where shadow copies of root and of the cluster's administrator are.
const shadowHome = "/var/lib/pacemaker/cib"

// ShadowFile is the file of a shadow copy.
func ShadowFile(env *cli.Env, name string) string {
	return filepath.Join(ShadowDir(env), "shadow."+strings.ReplaceAll(name, "/", "_"))
}

// ShadowDir is the directory of all shadow copies: CIB_shadow_dir, else .cib in the home of a user who is
// neither root nor hacluster.
func ShadowDir(env *cli.Env) string {
	if dir := env.Getenv("CIB_shadow_dir"); dir != "" {
		return dir
	}
	if u, err := user.Current(); err == nil && os.Geteuid() != 0 && u.Username != "hacluster" && u.HomeDir != "" {
		return filepath.Join(u.HomeDir, ".cib")
	}
	return shadowHome
}
