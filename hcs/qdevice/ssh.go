package qdevice

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/hcs/session"
	"github.com/holdfast-ha/holdfast/hcs/verb"
	"github.com/holdfast-ha/holdfast/qdevice/credentials"
)

// sshTimeout bounds the visit of a server, passwords typed by a person included.
const sshTimeout = 2 * time.Minute

// signScript runs on the server: it signs the request that it reads, whichever server is there, and writes the CA
// and the certificate, both in base64. $1 is the cluster's name.
const signScript = `set -e
d=$(mktemp -d); trap 'rm -rf "$d"' EXIT
cat | base64 -d >"$d/request.crq"
if command -v corosync-qnetd-certutil >/dev/null 2>&1 && ! [ -e /etc/holdfast/qnetd/ca.crt ]; then
	[ -e /etc/corosync/qnetd/nssdb/qnetd-cacert.crt ] || corosync-qnetd-certutil -i >&2
	corosync-qnetd-certutil -s -c "$d/request.crq" -n "$1" >&2
	base64 /etc/corosync/qnetd/nssdb/qnetd-cacert.crt | tr -d '\n'; echo
	base64 "/etc/corosync/qnetd/nssdb/cluster-$1.crt" | tr -d '\n'; echo
else
	[ -e /etc/holdfast/qnetd/ca.crt ] || hcs qdevice setup >&2
	hcs qdevice sign "$1" "$d/request.crq" -o "$d/cluster.crt" >&2
	base64 /etc/holdfast/qnetd/ca.crt | tr -d '\n'; echo
	base64 "$d/cluster.crt" | tr -d '\n'; echo
fi`

func get(s *session.Session) *cobra.Command {
	ssh := "ssh"
	return verb.New(verb.Verb{
		Use: "get HOST", Short: "Have a certificate signed on the server over ssh, and take it", Min: 1, Max: 1,
		Long: `HOST is what ssh takes: a name, or USER@NAME. The user must be root there, or may read the CA. corosync-qnetd and hcs qdevice serve are found out by
themselves.`,
		Flags: func(f *pflag.FlagSet) { f.StringVar(&ssh, "ssh", ssh, "the `program` to use") },
		Run:   func(ctx context.Context, args []string) error { return fetch(ctx, s, ssh, args[0]) },
	})
}

// fetch makes a request, has it signed over ssh and takes the result.
func fetch(ctx context.Context, s *session.Session, ssh, host string) error {
	name, err := clusterName(s)
	if err != nil {
		return err
	}
	der, err := credentials.Request(s.Dirs.Qdevice(), name)
	if err != nil {
		return session.Fail(api.CodeCantCreate, "%v", err)
	}
	ca, cert, err := signOver(ctx, s, ssh, host, name, der)
	if err != nil {
		return err
	}
	return take(ctx, s, ca, cert)
}

func signOver(ctx context.Context, s *session.Session, ssh, host, cluster string, request []byte) (ca, cert []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, sshTimeout)
	defer cancel()
	var out, errs bytes.Buffer
	// The cluster's name is letters, digits, dots, dashes and underscores only.
	cmd := exec.CommandContext(ctx, ssh, "--", host, "sh -c "+quote(signScript)+" sign "+cluster)
	cmd.Stdin = strings.NewReader(encode64(request))
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return nil, nil, session.Fail(api.CodeError, "have the certificate signed on %s: %v\n%s", host, err, strings.TrimSpace(errs.String()))
	}
	lines := strings.Fields(out.String())
	if len(lines) != 2 {
		return nil, nil, session.Fail(api.CodeProtocol, "%s did not answer with two certificates, but with %q", host, out.String())
	}
	if ca, err = decode64(lines[0]); err == nil {
		cert, err = decode64(lines[1])
	}
	if err != nil {
		return nil, nil, fmt.Errorf("certificates of %s: %w", host, err)
	}
	return ca, cert, nil
}
