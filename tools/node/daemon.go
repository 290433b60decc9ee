package node

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/tools/cli"
	"github.com/holdfast-ha/holdfast/tools/crmclient"
	"github.com/holdfast-ha/holdfast/tools/output"
	"github.com/holdfast-ha/holdfast/tools/program"
)

// daemonPoll is how often pacemakerd --shutdown looks whether the node has left.
const daemonPoll = 200 * time.Millisecond

// pacemakerd is pacemakerd as far as programs call it: its version and --shutdown. The daemons are started by
// systemd or by hcs.
func pacemakerd(ctx context.Context, env *cli.Env) int {
	var features, shutdown, ignored bool
	var file string
	p := &program.Program{
		Summary: "The version of the cluster's software on this node, and how to stop it",
		More: []cli.Option{
			{Long: "features", Short: 'F', Do: cli.Flag(&features), Help: "Show the version and what the software was built with"},
			{Short: '!', Do: cli.Flag(&features)},
			{Long: "foreground", Short: 'f', Do: cli.Flag(&ignored), Help: "Ignored"},
			{Long: "pid-file", Short: 'p', Arg: cli.NeedArg, Meta: "FILE", Do: cli.Text(&file), Help: "Ignored"},
			{Long: "shutdown", Short: 'S', Do: cli.Flag(&shutdown), Help: "Stop this node's resources and leave the cluster"},
			{Long: "standby", Short: 's', Do: cli.Flag(&ignored), Help: "Ignored: use crm_standby"},
		},
		Formats: []output.Format{output.XML},
		Unnamed: true,
	}
	return p.Main(ctx, env, func(ctx context.Context, out *output.Out, _ []string) error {
		switch {
		case features:
			showFeatures(out)
			return nil
		case shutdown:
			return stop(ctx, env)
		}
		return program.Faultf(api.CodeError, "pacemakerd: the daemons are started with systemctl start crmd, or with "+
			"hcs node run where there is no systemd")
	})
}

func showFeatures(out *output.Out) {
	if !out.IsXML() {
		out.Printf("Pacemaker %s (Build: %s)\n Supporting v%s: %s\n", cli.PacemakerVersion, program.Build, cli.FeatureSet, program.Features)
		return
	}
	list := cibxml.New("features")
	for _, f := range strings.Fields(program.Features) {
		list.Append(output.TextElement("feature", f))
	}
	out.Add(cibxml.New("pacemakerd", "version", cli.PacemakerVersion, "build", program.Build, "feature_set", cli.FeatureSet).Append(list))
}

// stop asks the node to leave and waits until it has.
func stop(ctx context.Context, env *cli.Env) error {
	crm := crmclient.New(env)
	defer crm.Close()
	if err := crm.Shutdown(ctx); err != nil {
		if crmclient.Refused(err) {
			return program.Faultf(api.CodeNotConnected, "Could not request shutdown of existing Pacemaker instance: Connection refused")
		}
		return fmt.Errorf("could not request shutdown: %w", err)
	}
	for {
		if _, err := crm.Status(ctx, ""); crmclient.Refused(err) {
			return nil
		}
		select {
		case <-time.After(daemonPoll):
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return program.Exit(api.CodeTimeout)
			}
			return program.Exit(api.CodeError)
		}
	}
}
