package cluster

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/cib/upgrade"
	"github.com/holdfast-ha/holdfast/clusterfile/corosyncconf"
	"github.com/holdfast-ha/holdfast/hcs/render"
	"github.com/holdfast-ha/holdfast/hcs/rollout"
	"github.com/holdfast-ha/holdfast/hcs/session"
	"github.com/holdfast-ha/holdfast/hcs/verb"
	"github.com/holdfast-ha/holdfast/internal/atomicfile"
)

// corosyncConf is where Corosync has its configuration.
const corosyncConf = "/etc/corosync/corosync.conf"

// Bounds of import.
const (
	maxConf       = 1 << 20
	maxCIB        = 64 << 20
	lookupTimeout = 10 * time.Second
)

// Imported is what import prints with --json.
type Imported struct {
	Text    string                `json:"text,omitempty"`
	File    string                `json:"file,omitempty"`
	Options []corosyncconf.Option `json:"options"`
}

func importCommand(s *session.Session) *cobra.Command {
	out, force := "", false
	return verb.New(verb.Verb{
		Use: "import [COROSYNC.CONF] [CIB.XML]", Short: "Write a cluster file that says what a Corosync and Pacemaker cluster does", Min: 0, Max: 2,
		Long: `Takes corosync.conf, a CIB, or both; without operands ` + corosyncConf + `. Nothing of the old cluster is touched, and nothing is started.

Every option of corosync.conf is reported with its line: used under the same name, turned into something else, or without meaning here and why. What
would make another cluster of it is an error with file and line, and nothing is written. Names of hosts are looked up once: a cluster file has addresses.
Of the CIB, what has no notation in a cluster file becomes [[xml]], so nothing is lost. Passwords in the CIB are then in the cluster file too.`,
		Examples: `  hcs cluster import /etc/corosync/corosync.conf /var/lib/pacemaker/cib/cib.xml -o cluster.toml
  hcs cluster init -f cluster.toml`,
		Flags: func(f *pflag.FlagSet) {
			f.StringVarP(&out, "output", "o", "", "write the cluster file to this `file` instead of standard output")
			f.BoolVar(&force, "force", false, "replace FILE when it exists")
		},
		Run: func(ctx context.Context, args []string) error {
			if out != "" && !force {
				if _, err := os.Stat(out); err == nil {
					return session.Fail(api.CodeCantCreate, "%s exists; --force replaces it", out)
				}
			}
			if len(args) == 0 {
				args = []string{corosyncConf}
			}
			result, err := imported(ctx, args)
			if err != nil {
				return err
			}
			return deliver(s, result, out)
		},
	})
}

// imported reads the files and writes the cluster file's text.
func imported(ctx context.Context, paths []string) (*Imported, error) {
	var conf, confPath string
	var doc *cibxml.Element
	for _, path := range paths {
		text, err := readBounded(path)
		if err != nil {
			return nil, session.Fail(api.CodeNoInput, "%v", err)
		}
		switch isXML := strings.HasPrefix(strings.TrimSpace(text), "<"); {
		case isXML && doc == nil:
			if doc, err = readCIB(path, text); err != nil {
				return nil, err
			}
		case !isXML && confPath == "":
			conf, confPath = text, path
		default:
			return nil, session.Fail(api.CodeUsage, "%s: one corosync.conf and one CIB can be imported", path)
		}
	}
	result := &Imported{Options: []corosyncconf.Option{}}
	text := ""
	if confPath != "" {
		r, err := corosyncconf.Convert(corosyncconf.Source{Name: confPath, Text: conf, Names: nodeNames(doc),
			Lookup: func(host string) ([]netip.Addr, error) { return lookup(ctx, host) }})
		if err != nil {
			return nil, session.Fail(api.CodeConfig, "%v\nNothing was written.", err)
		}
		text, result.Options = r.Text, r.Options
	}
	if doc != nil {
		var err error
		if text, err = rollout.Written(text, doc.Child("configuration")); err != nil {
			return nil, err
		}
	}
	result.Text = "# Imported from " + strings.Join(paths, " and ") + " by hcs cluster import.\n" + text
	return result, nil
}

func readBounded(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxCIB+1))
	switch {
	case err != nil:
		return "", err
	case len(raw) > maxCIB || len(raw) > maxConf && raw[0] != '<':
		return "", fmt.Errorf("%s is too large for a configuration", path)
	}
	return string(raw), nil
}

// readCIB reads a CIB and brings it to the newest schema.
func readCIB(path, text string) (*cibxml.Element, error) {
	doc, err := cibxml.Parse(text)
	if err != nil {
		return nil, session.Fail(api.CodeBadData, "%s: %v", path, err)
	}
	if doc.Name != "cib" || doc.Child("configuration") == nil {
		return nil, session.Fail(api.CodeBadData, "%s is not a CIB: its element is <%s>", path, doc.Name)
	}
	newest, err := upgrade.ToNewest(doc)
	if err != nil {
		return nil, session.Fail(api.CodeConfig, "%s: %v", path, err)
	}
	return newest, nil
}

// nodeNames are the names of a CIB's nodes by id.
func nodeNames(doc *cibxml.Element) map[string]string {
	names := map[string]string{}
	if doc != nil {
		for n := range doc.Child("configuration").Child("nodes").Tags("node") {
			names[n.ID()] = n.Get("uname")
		}
	}
	return names
}

func lookup(ctx context.Context, host string) ([]netip.Addr, error) {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
}

// deliver writes the file and tells what became of each option.
func deliver(s *session.Session, r *Imported, out string) error {
	if out != "" {
		// Passwords of fence devices may be in it.
		if err := atomicfile.Write(out, []byte(r.Text), 0o600); err != nil {
			return session.Fail(api.CodeCantCreate, "%v", err)
		}
		r.File, r.Text = out, ""
	}
	if s.JSON {
		return s.PrintJSON(r)
	}
	report := s.Out
	if out == "" {
		fmt.Fprint(s.Out, r.Text)
		report = s.Err // the file alone goes to standard output
	}
	t := render.NewTable(s, "line", "option", "value", "", "")
	for _, o := range r.Options {
		t.Text(strconv.Itoa(o.Line), o.Key, o.Value, string(o.Fate), o.Why)
	}
	if len(r.Options) > 0 {
		t.Write(report)
	}
	if out != "" {
		s.Say("\nWrote %s. Look through it, and make the cluster of it: hcs cluster init -f %s", out, out)
	}
	return nil
}
