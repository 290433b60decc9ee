package qdevice

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/hcs/qdevice/service"
	"github.com/holdfast-ha/holdfast/hcs/render"
	"github.com/holdfast-ha/holdfast/hcs/session"
	"github.com/holdfast-ha/holdfast/hcs/verb"
	"github.com/holdfast-ha/holdfast/internal/ipc"
	"github.com/holdfast-ha/holdfast/internal/sdnotify"
	"github.com/holdfast-ha/holdfast/qdevice/arbiter"
	"github.com/holdfast-ha/holdfast/qdevice/credentials"
	"github.com/holdfast-ha/holdfast/qdevice/wire"
)

// serveOptions are the options of serve.
type serveOptions struct {
	listen, tls string
	port, max   int
	anyone      bool
}

// maxClients is far above what one server arbitrates for.
const maxClients = 4096

func serve(s *session.Session) *cobra.Command {
	var o serveOptions
	return verb.New(verb.Verb{
		Use: "serve", Short: "Run a quorum device server on this machine", Min: 0, Max: 0,
		Long: `Serves every cluster with a certificate of this server, until it is ended; holdfast-qdevice.service runs it. It keeps nothing on disk but its
certificates: after a restart it decides from what the nodes tell.`,
		Flags: func(f *pflag.FlagSet) {
			f.StringVar(&o.listen, "listen", "", "listen on this `address` only")
			f.IntVar(&o.port, "port", wire.Port, "TCP port")
			f.StringVar(&o.tls, "tls", "required", "required, on (clients may do without) or off")
			f.BoolVar(&o.anyone, "any-client", false, "do not ask clients for a certificate")
			f.IntVar(&o.max, "max-clients", maxClients, "how many nodes may be connected")
		},
		Run: func(ctx context.Context, _ []string) error { return runServer(ctx, s, o) },
	})
}

func runServer(ctx context.Context, s *session.Session, o serveOptions) error {
	mode, ok := map[string]wire.TLS{"required": wire.TLSRequired, "on": wire.TLSSupported, "off": wire.TLSUnsupported}[o.tls]
	if !ok || o.max < 1 {
		return session.Fail(api.CodeUsage, "--tls is required, on or off, and --max-clients at least 1")
	}
	var config *tls.Config
	if mode != wire.TLSUnsupported {
		var err error
		if config, err = credentials.ServerConfig(s.Dirs.Qnetd(), !o.anyone); err != nil {
			return session.Fail(api.CodeConfig, "%v", err)
		}
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(o.listen, strconv.Itoa(o.port)))
	if err != nil {
		return session.Fail(api.CodeIO, "%v; is corosync-qnetd running?", err)
	}
	admin, err := ipc.Listen(s.Dirs.Socket("qdevice"), 0o660)
	if err != nil {
		listener.Close()
		return session.Fail(api.CodeIO, "%v", err)
	}
	log := slog.New(slog.NewTextHandler(s.Err, nil))
	log.Info("the quorum device server runs", "addr", listener.Addr(), "tls", mode, "client_certificates", !o.anyone)
	sdnotify.Notify(sdnotify.Ready)
	return service.New(service.Config{Listener: listener, Admin: admin, TLS: mode, Credentials: config, ClientCert: !o.anyone, MaxClients: o.max, Log: log}).Run(ctx)
}

func serverStatus(s *session.Session) *cobra.Command {
	full := false
	return verb.New(verb.Verb{
		Use: "status [net] [CLUSTER]", Short: "Show which clusters the server on this machine serves, and who has the vote", Min: 0, Max: 2,
		Flags: func(f *pflag.FlagSet) { f.BoolVar(&full, "full", false, "show rings, heartbeats and heuristics too") },
		Run: func(ctx context.Context, args []string) error {
			if len(args) > 0 && args[0] == "net" {
				args = args[1:]
			}
			c := ipc.NewClient(s.Dirs.Socket("qdevice"))
			defer c.Close()
			var st service.Status
			if err := c.Call(ctx, http.MethodGet, service.PathStatus, nil, &st); err != nil {
				if session.NotRunning(err) {
					return session.Fail(api.CodeNotConnected, "no quorum device server of hcs runs on this machine; hcs qdevice serve starts one. (corosync-qnetd-tool -s is for corosync-qnetd.)")
				}
				return err
			}
			if len(args) > 0 {
				st.Clusters = slices.DeleteFunc(st.Clusters, func(k arbiter.Cluster) bool { return k.Name != args[0] })
				if len(st.Clusters) == 0 {
					return session.Fail(api.CodeNoSuchObject, "no node of a cluster %s is connected", args[0])
				}
			}
			if s.JSON {
				return s.PrintJSON(st)
			}
			printServer(s, &st, full)
			return nil
		},
	})
}

func printServer(s *session.Session, st *service.Status, full bool) {
	cert := "client certificates required"
	if !st.ClientCert {
		cert = "no client certificates"
	}
	s.Say("Quorum device server at %s: TLS %s, %s, %d nodes of %d clusters", st.Addr, strings.ToLower(st.TLS), cert, st.Clients, len(st.Clusters))
	for _, k := range st.Clusters {
		keep := ""
		if k.KeepActive && k.Algorithm == "ffsplit" {
			keep = ", keeps the active partition"
		}
		s.Say("\nCluster %s: %s, tie-breaker %s%s", k.Name, k.Algorithm, k.TieBreaker, keep)
		head := []string{"node", "vote", "members", "configured", "heuristics", "address"}
		if full {
			head = append(head, "ring", "heartbeat", "TLS", "last answer")
		}
		t := render.NewTable(s, head...)
		for _, n := range k.Nodes {
			row := []string{n.ID.String(), n.Vote, join(n.Members), join(n.Configured), n.Heuristics, n.Addr}
			if full {
				row = append(row, n.Ring.String(), fmt.Sprintf("%d ms", n.Heartbeat), map[bool]string{true: "yes", false: "no"}[n.TLS], n.Said)
			}
			t.Text(row...)
		}
		t.Write(s.Out)
	}
}

func join(ids []api.NodeID) string {
	words := make([]string, len(ids))
	for i, id := range ids {
		words[i] = id.String()
	}
	return strings.Join(words, " ")
}
