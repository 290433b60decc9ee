package cluster

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/clusterfile"
	"github.com/holdfast-ha/holdfast/crmd/admission"
	"github.com/holdfast-ha/holdfast/hcs/render"
	"github.com/holdfast-ha/holdfast/hcs/session"
	"github.com/holdfast-ha/holdfast/hcs/verb"
)

// defaultPort is crmd's port unless the cluster file says otherwise.
const defaultPort = "5420"

// joinLimit bounds the exchange with the cluster.
const joinLimit = time.Minute

func join(s *session.Session) *cobra.Command {
	var r admission.Request
	var noStart bool
	var limit time.Duration
	return verb.New(verb.Verb{
		Use: "join ADDRESS[:PORT]", Short: "Make this machine a node of a cluster", Min: 1, Max: 1,
		Long: `ADDRESS is that of any node. The token comes from there: hcs cluster token. It works once and for a while; --ca-hash makes certain that it is the
right cluster that answers.`,
		Examples: "  hcs cluster join 10.0.0.1 --token q5w2ka.… --ca-hash sha256:…",
		Flags: func(f *pflag.FlagSet) {
			f.StringVar(&r.Token, "token", "", "the join `token`")
			f.StringVar(&r.CAHash, "ca-hash", "", "the `hash` of the cluster's CA certificate, printed with the token")
			f.StringVar(&r.Node, "node", "", "the node `name` of this machine; its host name unless given")
			f.StringSliceVar(&r.Links, "link", nil, "this machine's `address` on each link, in the order of the links; the one that reaches ADDRESS unless given")
			startFlags(f, &noStart, &limit)
		},
		Run: func(ctx context.Context, args []string) error {
			if r.Token == "" || r.CAHash == "" {
				return session.Fail(api.CodeUsage, "--token and --ca-hash are needed; a node of the cluster prints the whole command: hcs cluster token")
			}
			r.Addr = args[0]
			if _, _, err := net.SplitHostPort(r.Addr); err != nil {
				r.Addr = net.JoinHostPort(strings.Trim(r.Addr, "[]"), defaultPort)
			}
			return joinCluster(ctx, s, r, noStart, limit)
		},
	})
}

func joinCluster(ctx context.Context, s *session.Session, r admission.Request, noStart bool, limit time.Duration) (err error) {
	if configured(s) {
		return session.Fail(api.CodeExists, "%s exists: this machine belongs to a cluster already. hcs cluster destroy takes it out.", s.Dirs.ClusterFile())
	}
	if r.Node == "" {
		if r.Node, err = hostname(); err != nil {
			return err
		}
	}
	if len(r.Links) == 0 {
		own, err := ownAddress(r.Addr)
		if err != nil {
			return err
		}
		r.Links = []string{own}
	}
	jctx, cancel := context.WithTimeout(ctx, joinLimit)
	defer cancel()
	m, err := admission.Join(jctx, r)
	if err != nil {
		return err
	}
	if err := m.Write(s.Dirs); err != nil {
		return fmt.Errorf("join the cluster: %w", err)
	}
	made := Made{Cluster: clusterName(m.File.Text), Node: r.Node}
	s.Say("This machine is node %s of the cluster %s.", r.Node, made.Cluster)
	if noStart {
		s.Say("Start it with: hcs cluster start")
		return done(s, made)
	}
	if err := startStack(ctx, s, limit); err != nil {
		return err
	}
	made.Started = true
	s.Say("It runs. Look at the cluster with: hcs status")
	return done(s, made)
}

// ownAddress is the address from which this machine reaches another one.
func ownAddress(addr string) (string, error) {
	c, err := net.Dial("udp", addr) // sends nothing; the kernel chooses the way
	if err != nil {
		return "", session.Fail(api.CodeError, "%s cannot be reached: %v; say --link ADDRESS", addr, err)
	}
	defer c.Close()
	host, _, err := net.SplitHostPort(c.LocalAddr().String())
	return host, err
}

// next prints what to do after init.
func next(ctx context.Context, s *session.Session, node, text string) error {
	made := Made{Cluster: clusterName(text), Node: node, Started: true}
	command, err := joinCommand(ctx, s, text, node, tokenTTL)
	if err != nil {
		s.Say("It runs. To let other machines join: hcs cluster token (%v)", err)
		return done(s, made)
	}
	made.Join = command
	s.Say("It runs. Look at it with: hcs status\n\nOther machines join within %s with:\n\n  %s\n", render.Span(tokenTTL), command)
	s.Say("Each of them needs a token of its own: hcs cluster token makes another one.")
	return done(s, made)
}

// joinCommand makes a token and writes the command that uses it.
func joinCommand(ctx context.Context, s *session.Session, text, node string, ttl time.Duration) (string, error) {
	crm := s.CRM()
	defer crm.Close()
	var t api.Token
	if err := crm.Call(ctx, http.MethodPost, api.PathTokens, api.TokenRequest{TTL: ttl.Milliseconds()}, &t); err != nil {
		return "", err
	}
	addr := "ADDRESS"
	if f, err := clusterfile.Parse("", []byte(text)); err == nil {
		if n := f.Node(node); n != nil && len(n.Links) > 0 {
			addr = n.Links[0].String()
			if f.Cluster.CRMPort != 0 && fmt.Sprint(f.Cluster.CRMPort) != defaultPort {
				addr = net.JoinHostPort(addr, fmt.Sprint(f.Cluster.CRMPort))
			}
		}
	}
	return fmt.Sprintf("hcs cluster join %s --token %s --ca-hash %s", addr, admission.FormatToken(t), t.CAHash), nil
}

func token(s *session.Session) *cobra.Command {
	var ttl time.Duration
	var list bool
	var remove string
	return verb.New(verb.Verb{
		Use: "token", Short: "Make a token with which a machine can join", Min: 0, Max: 0,
		Long: "Prints the command to be run on the new machine. A token works once, and not any longer than --ttl.",
		Flags: func(f *pflag.FlagSet) {
			f.DurationVar(&ttl, "ttl", tokenTTL, "how long the token is valid")
			f.BoolVar(&list, "list", false, "list the tokens that are valid instead")
			f.StringVar(&remove, "delete", "", "make the token with this `id` invalid instead")
		},
		Run: func(ctx context.Context, _ []string) error {
			crm := s.CRM()
			defer crm.Close()
			switch {
			case remove != "":
				if err := crm.Call(ctx, http.MethodDelete, api.PathTokens+"?id="+remove, nil, nil); err != nil {
					return err
				}
				s.Say("The token %s is not valid any more.", remove)
				return nil
			case list:
				return listTokens(ctx, s)
			}
			var file api.ClusterFile
			if err := crm.Call(ctx, http.MethodGet, api.PathFile, nil, &file); err != nil {
				return err
			}
			st, err := crmStatus(ctx, s)
			if err != nil {
				return err
			}
			command, err := joinCommand(ctx, s, file.Text, st.Node, ttl)
			if err != nil {
				return err
			}
			s.Say("%s", command)
			if s.JSON {
				return s.PrintJSON(map[string]string{"join": command})
			}
			return nil
		},
	})
}

func listTokens(ctx context.Context, s *session.Session) error {
	crm := s.CRM()
	defer crm.Close()
	list := []api.Token{}
	if err := crm.Call(ctx, http.MethodGet, api.PathTokens, nil, &list); err != nil {
		return err
	}
	if s.JSON {
		return s.PrintJSON(list)
	}
	if len(list) == 0 {
		s.Say("There are no valid tokens.")
		return nil
	}
	t := render.NewTable(s, "token", "valid for")
	for _, x := range list {
		t.Text(x.ID, render.Span(render.Millis(x.Expires).Sub(s.Now())))
	}
	t.Write(s.Out)
	return nil
}
