package qdevice

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/clusterfile"
	"github.com/holdfast-ha/holdfast/hcs/render"
	"github.com/holdfast-ha/holdfast/hcs/session"
	"github.com/holdfast-ha/holdfast/hcs/verb"
	"github.com/holdfast-ha/holdfast/internal/atomicfile"
	"github.com/holdfast-ha/holdfast/qdevice/credentials"
)

func certs(s *session.Session) *cobra.Command {
	return verb.Noun("certs", "Certificates of this cluster for its quorum device server", `A server has a CA of its own. A cluster makes a request, the server's
administrator signs it, and the cluster imports the result together with the CA. It does not matter whether the server is hcs qdevice serve or corosync-qnetd:

  cluster:  hcs qdevice certs request -o shop.crq
  server:   hcs qdevice sign shop shop.crq -o shop.crt
       or:  corosync-qnetd-certutil -s -c shop.crq -n shop
  cluster:  hcs qdevice certs import --ca ca.crt --cert shop.crt

hcs qdevice certs get does all of that over ssh.`, request(s), importCommand(s), show(s), get(s))
}

// clusterName is the name of the cluster to which this node belongs.
func clusterName(s *session.Session) (string, error) {
	raw, err := os.ReadFile(s.Dirs.ClusterFile())
	if errors.Is(err, fs.ErrNotExist) {
		return "", session.Fail(api.CodeNoInput, "this machine belongs to no cluster: there is no %s", s.Dirs.ClusterFile())
	}
	if err != nil {
		return "", err
	}
	f, err := clusterfile.Parse(s.Dirs.ClusterFile(), raw)
	if err != nil {
		return "", session.Fail(api.CodeConfig, "%v", err)
	}
	return f.Cluster.Name, nil
}

func request(s *session.Session) *cobra.Command {
	out := ""
	return verb.New(verb.Verb{
		Use: "request", Short: "Make a certificate request for the quorum device server", Min: 0, Max: 0,
		Long: "The key stays on this node until the certificate is imported. What is in use stays in use until then.",
		Flags: func(f *pflag.FlagSet) {
			f.StringVarP(&out, "output", "o", "", "write the request, in DER, to this `file`")
		},
		Run: func(_ context.Context, _ []string) error {
			name, err := clusterName(s)
			if err != nil {
				return err
			}
			der, err := credentials.Request(s.Dirs.Qdevice(), name)
			if err != nil {
				return session.Fail(api.CodeCantCreate, "%v", err)
			}
			path := credentials.RequestPath(s.Dirs.Qdevice())
			if out != "" {
				path = out
				if err := atomicfile.Write(out, der, 0o644); err != nil {
					return session.Fail(api.CodeCantCreate, "%v", err)
				}
			}
			s.Say("Wrote the request of cluster %s to %s. Have it signed on the server:\n  hcs qdevice sign %s %s -o %s.crt\nor, with corosync-qnetd:\n  corosync-qnetd-certutil -s -c %s -n %s",
				name, path, name, filepath.Base(path), name, filepath.Base(path), name)
			if s.JSON {
				return s.PrintJSON(map[string]string{"request": path, "cluster": name})
			}
			return nil
		},
	})
}

func importCommand(s *session.Session) *cobra.Command {
	var ca, cert string
	return verb.New(verb.Verb{
		Use: "import", Short: "Take the signed certificate, on every node", Min: 0, Max: 0,
		Long: `Certificates are PEM or DER. The CA of corosync-qnetd is /etc/corosync/qnetd/nssdb/qnetd-cacert.crt, and what corosync-qnetd-certutil signs lies
beside it. When the cluster runs, every member gets them and connects anew; who is away asks for them later. Otherwise only this node has them.`,
		Flags: func(f *pflag.FlagSet) {
			f.StringVar(&ca, "ca", "", "`file` with the server's CA certificate; the one in use unless given")
			f.StringVar(&cert, "cert", "", "`file` with this cluster's certificate")
		},
		Run: func(ctx context.Context, _ []string) error {
			if cert == "" {
				return session.Fail(api.CodeUsage, "hcs qdevice certs import needs --cert FILE, and the first time --ca FILE")
			}
			if ca == "" {
				ca = credentials.CAPath(s.Dirs.Qdevice())
			}
			rawCA, err := os.ReadFile(ca)
			if err != nil {
				return session.Fail(api.CodeNoInput, "the server's CA: %v", err)
			}
			rawCert, err := os.ReadFile(cert)
			if err != nil {
				return session.Fail(api.CodeNoInput, "%v", err)
			}
			return take(ctx, s, rawCA, rawCert)
		},
	})
}

// take brings certificates into effect.
func take(ctx context.Context, s *session.Session, ca, cert []byte) error {
	name, err := clusterName(s)
	if err != nil {
		return err
	}
	dir := s.Dirs.Qdevice()
	n, err := credentials.Complete(dir, name, ca, cert)
	if err != nil {
		return session.Fail(api.CodeConfig, "%v", err)
	}
	corosync := s.Corosync()
	defer corosync.Close()
	err = corosync.Call(ctx, http.MethodPut, api.PathQdeviceCredentials, n, nil)
	switch {
	case session.NotRunning(err):
		if err := n.Write(dir); err != nil {
			return session.Fail(api.CodeCantCreate, "%v", err)
		}
		s.Say("Stored the certificate of cluster %s on this node. The others will ask for it.", name)
	case err != nil:
		return err
	default:
		if err := n.Write(dir); err != nil { // the request is done with
			return session.Fail(api.CodeCantCreate, "%v", err)
		}
		s.Say("Every member has the certificate of cluster %s.", name)
	}
	if s.JSON {
		return s.PrintJSON(map[string]string{"cluster": name, "directory": dir})
	}
	return nil
}

// Certificate is what show prints with --json.
type Certificate struct {
	Subject string    `json:"subject"`
	Issuer  string    `json:"issuer"`
	Until   time.Time `json:"until"`
}

func show(s *session.Session) *cobra.Command {
	return verb.New(verb.Verb{
		Use: "show", Short: "Show this node's certificates for the quorum device server", Min: 0, Max: 0,
		Run: func(_ context.Context, _ []string) error {
			n, err := credentials.ReadNode(s.Dirs.Qdevice())
			if errors.Is(err, fs.ErrNotExist) {
				return session.Fail(api.CodeNoSuchObject, "%v", credentials.ErrNone)
			}
			if err != nil {
				return err
			}
			var list []Certificate
			for _, raw := range [][]byte{n.CA, n.Cert} {
				c, err := credentials.ReadPEM(raw)
				if err != nil {
					return session.Fail(api.CodeBadData, "%s: %v", s.Dirs.Qdevice(), err)
				}
				list = append(list, Certificate{c.Subject.String(), c.Issuer.String(), c.NotAfter})
			}
			if s.JSON {
				return s.PrintJSON(list)
			}
			t := render.NewTable(s, "certificate", "of", "issued by", "valid until")
			for i, what := range []string{"server's CA", "cluster"} {
				t.Text(what, list[i].Subject, list[i].Issuer, list[i].Until.Format("2006-01-02"))
			}
			t.Write(s.Out)
			return nil
		},
	})
}
