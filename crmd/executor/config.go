package executor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/holdfast-ha/holdfast/crmd/executor/systemd"
	"github.com/holdfast-ha/holdfast/internal/cibsecret"
	"github.com/holdfast-ha/holdfast/internal/paths"
)

// Config says where agents are and who wants to hear of results. Empty fields get the defaults that the
// comments name; Dirs and Report are needed.
type Config struct {
	Dirs paths.Dirs
	// Report is called with every result, serially and in the order of each resource's operations. It may
	// call the executor's methods. While it blocks, results pile up, but nothing else waits.
	Report func(Result)
	// Stonith serves the class stonith; nil answers that there is no fencer.
	Stonith func(context.Context, DeviceCall) Outcome
	// Stopped reports whether this process stood still and does not know what was decided meanwhile: then
	// nothing starts until it is false and Thaw is called. nil is never.
	Stopped func() bool
	// FeatureSet is what agents see as OCF_RESKEY_crm_feature_set: 3.16.1.
	FeatureSet string
	OCFRoot    string   // /usr/lib/ocf
	OCFPath    []string // directories with PROVIDER/TYPE below, first hit wins: OCFRoot/resource.d
	InitDir    string   // /etc/init.d
	FenceDir   string   // /usr/sbin: fence_* agents, asked for their metadata only
	RscTmp     string   // /run/resource-agents: HA_RSCTMP
	// SbinDir is where agents find the cluster's commands (HA_SBIN_DIR): /usr/sbin. Another directory is
	// put before the rest of PATH as well.
	SbinDir string
	// SecretsDir holds RESOURCE/NAME files of parameters that are kept out of the CIB:
	// /var/lib/pacemaker/lrm/cibsecrets.
	SecretsDir string
	// Env is added to the environment of every agent and wins over all but the operation's own variables.
	Env     map[string]string
	Systemd systemd.Options
	Log     *slog.Logger
}

func (c *Config) setDefaults() {
	or := func(field *string, value string) {
		if *field == "" {
			*field = value
		}
	}
	or(&c.FeatureSet, "3.16.1")
	or(&c.OCFRoot, "/usr/lib/ocf")
	or(&c.InitDir, "/etc/init.d")
	or(&c.FenceDir, "/usr/sbin")
	or(&c.RscTmp, "/run/resource-agents")
	or(&c.SbinDir, "/usr/sbin")
	or(&c.SecretsDir, cibsecret.Dir)
	if len(c.OCFPath) == 0 {
		c.OCFPath = []string{filepath.Join(c.OCFRoot, "resource.d")}
	}
	if c.Stopped == nil {
		c.Stopped = func() bool { return false }
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Systemd.Log == nil {
		c.Systemd.Log = c.Log
	}
}

func (c *Config) validate() error {
	var errs []error
	if c.Dirs.Run == "" {
		errs = append(errs, errors.New("executor: Dirs.Run is empty"))
	}
	if c.Report == nil {
		errs = append(errs, errors.New("executor: Report is nil"))
	}
	return errors.Join(errs...)
}

// makeRscTmp makes the directory in which agents keep their state, as the tmpfiles of a distribution would.
func makeRscTmp(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make the agents' directory: %w", err)
	}
	if err := os.Chmod(dir, 0o755|os.ModeSticky); err != nil {
		return fmt.Errorf("make the agents' directory: %w", err)
	}
	return nil
}

// notForAgents are variables of this daemon that would mislead what agents start: a resource that reports
// to our supervisor, or that runs with our memory limit.
var notForAgents = []string{
	"NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "MAINPID",
	"INVOCATION_ID", "JOURNAL_STREAM", "SYSTEMD_EXEC_PID", "MEMORY_PRESSURE_WATCH", "MEMORY_PRESSURE_WRITE",
	"GOMEMLIMIT", "GOGC", "GODEBUG", "GOMAXPROCS", "GOTRACEBACK", "GOCOVERDIR", "GORACE",
}

// baseEnvironment is what every agent gets: this daemon's environment without what is not for agents, then
// the directories, then Config.Env.
func baseEnvironment(own []string, c *Config) []string {
	env := map[string]string{}
	for _, v := range own {
		name, value, _ := strings.Cut(v, "=")
		if !slices.Contains(notForAgents, name) && !strings.HasPrefix(name, "OCF_") {
			env[name] = value
		}
	}
	path := env["PATH"]
	if path == "" {
		path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	}
	if c.SbinDir != "/usr/sbin" {
		path = c.SbinDir + ":" + path
	}
	env["PATH"] = path
	env["LC_ALL"] = "C"
	env["HA_SBIN_DIR"] = c.SbinDir
	env["HA_RSCTMP"] = c.RscTmp
	for name, value := range c.Env {
		env[name] = value
	}
	list := make([]string, 0, len(env)+16)
	for name, value := range env {
		list = append(list, name+"="+value)
	}
	slices.Sort(list)
	return list
}
