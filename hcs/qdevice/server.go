package qdevice

import (
	"context"
	"encoding/base64"
	"errors"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/hcs/session"
	"github.com/holdfast-ha/holdfast/hcs/verb"
	"github.com/holdfast-ha/holdfast/internal/atomicfile"
	"github.com/holdfast-ha/holdfast/qdevice/credentials"
)

func encode64(raw []byte) string           { return base64.StdEncoding.EncodeToString(raw) }
func decode64(text string) ([]byte, error) { return base64.StdEncoding.DecodeString(text) }

// quote quotes a word for a shell.
func quote(word string) string { return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'" }

// modelWords accepts the words that pcs has here: model net, or net.
func modelWords(args []string) error {
	switch strings.Join(args, " ") {
	case "", "model net", "net":
		return nil
	}
	return session.Fail(api.CodeUsage, "%q: the only model of a quorum device is net", strings.Join(args, " "))
}

func setup(s *session.Session) *cobra.Command {
	return verb.New(verb.Verb{
		Use: "setup [model net]", Short: "Make the certificates of a quorum device server on this machine", Min: 0, Max: 2,
		Long: "Makes a CA and the server's certificate. The machine must not be a node of a cluster that it arbitrates for.",
		Run: func(_ context.Context, args []string) error {
			if err := modelWords(args); err != nil {
				return err
			}
			dir := s.Dirs.Qnetd()
			err := credentials.Setup(dir)
			if errors.Is(err, credentials.ErrExists) {
				return session.Fail(api.CodeExists, "%v; hcs qdevice renew makes a new certificate of the server, hcs qdevice destroy removes everything", err)
			}
			if err != nil {
				return session.Fail(api.CodeCantCreate, "%v", err)
			}
			s.Say("Made the CA %s and the server's certificate. Start the server: hcs qdevice serve", credentials.CAPath(dir))
			if s.JSON {
				return s.PrintJSON(map[string]string{"ca": credentials.CAPath(dir)})
			}
			return nil
		},
	})
}

func renew(s *session.Session) *cobra.Command {
	return verb.New(verb.Verb{
		Use: "renew", Short: "Make a new certificate of the quorum device server, under the same CA", Min: 0, Max: 0,
		Long: "A running server uses it from the next connection on; clusters need not be told.",
		Run: func(_ context.Context, _ []string) error {
			if err := credentials.RenewServer(s.Dirs.Qnetd()); err != nil {
				return session.Fail(api.CodeCantCreate, "%v", err)
			}
			s.Say("The server has a new certificate.")
			return nil
		},
	})
}

func signCommand(s *session.Session) *cobra.Command {
	out := ""
	return verb.New(verb.Verb{
		Use: "sign CLUSTER REQUEST", Short: "Sign the certificate request of a cluster", Min: 2, Max: 2,
		Long: `CLUSTER is the name that the cluster has in its configuration: with the certificate it may speak for that name and for no other. The request may be
that of corosync-qdevice-net-certutil -r. The certificate is written as DER, which both kinds of clusters take.`,
		Flags: func(f *pflag.FlagSet) {
			f.StringVarP(&out, "output", "o", "", "`file` of the certificate; cluster-CLUSTER.crt unless given")
		},
		Run: func(_ context.Context, args []string) error {
			raw, err := os.ReadFile(args[1])
			if err != nil {
				return session.Fail(api.CodeNoInput, "%v", err)
			}
			der, err := credentials.Sign(s.Dirs.Qnetd(), args[0], raw)
			if err != nil {
				return session.Fail(api.CodeConfig, "%v", err)
			}
			if out == "" {
				out = "cluster-" + args[0] + ".crt"
			}
			if err := atomicfile.Write(out, der, 0o644); err != nil {
				return session.Fail(api.CodeCantCreate, "%v", err)
			}
			s.Say("Wrote the certificate of cluster %s to %s. It needs the CA too: %s", args[0], out, credentials.CAPath(s.Dirs.Qnetd()))
			if s.JSON {
				return s.PrintJSON(map[string]string{"certificate": out, "ca": credentials.CAPath(s.Dirs.Qnetd())})
			}
			return nil
		},
	})
}

func destroy(s *session.Session) *cobra.Command {
	return verb.New(verb.Verb{
		Use: "destroy [model net]", Short: "Remove the CA and certificates of the quorum device server", Min: 0, Max: 2,
		Long: "Stop the server first. No cluster can connect with a certificate of this server any more, also after another setup.",
		Run: func(_ context.Context, args []string) error {
			if err := modelWords(args); err != nil {
				return err
			}
			dir := s.Dirs.Qnetd()
			if err := s.Confirm("Remove " + dir + " with the CA of the quorum device server?"); err != nil {
				return err
			}
			if err := os.RemoveAll(dir); err != nil {
				return session.Fail(api.CodeCantCreate, "%v", err)
			}
			s.Say("Removed %s.", dir)
			return nil
		},
	})
}
