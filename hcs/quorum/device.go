package quorum

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/clusterfile"
	"github.com/holdfast-ha/holdfast/clusterfile/build"
	"github.com/holdfast-ha/holdfast/hcs/session"
	"github.com/holdfast-ha/holdfast/hcs/verb"
	"github.com/holdfast-ha/holdfast/qdevice/credentials"
)

// Keys of the three parts of a device, in the order in which they are written.
var (
	deviceKeys    = []string{"votes", "timeout", "sync_timeout", "master_wins"}
	netKeys       = []string{"host", "port", "algorithm", "tie_breaker", "tls", "connect_timeout", "force_ip_version", "keep_active_partition_tie_breaker", "server_name", "test_algorithm_enabled"}
	heuristicKeys = []string{"mode", "timeout", "sync_timeout", "interval"}
)

func device(s *session.Session) *cobra.Command {
	return verb.Noun("device", "Use a quorum device: a server outside of the cluster that decides which part of it goes on", "",
		add(s), updateDevice(s), remove(s), deviceStatus(s))
}

const deviceLong = `Options before "model net" are those of the device: timeout, sync_timeout (milliseconds), votes, master_wins. Those behind it are about the server:
host, port, algorithm (ffsplit or lms), tie_breaker (lowest, highest or a node's id), tls (on, off or required), connect_timeout, force_ip_version,
keep_active_partition_tie_breaker. Those behind "heuristics" are mode (on, off or sync), timeout, sync_timeout, interval and exec_NAME="/path/of/program ARGUMENTS":
a node whose programs fail loses against one whose programs succeed.`

func add(s *session.Session) *cobra.Command {
	force := false
	return verb.New(verb.Verb{
		Use: "add [OPTION=VALUE...] model net host=HOST algorithm=ALGORITHM [OPTION=VALUE...] [heuristics OPTION=VALUE...]", Short: "Add a quorum device to the cluster", Min: 1, Max: -1,
		Long: deviceLong + `

ffsplit gives its one vote to half of the nodes; lms lets as few as one node go on. The cluster needs a certificate of the server first, unless tls=off:
hcs qdevice certs get HOST. two_node is removed from the cluster file: the device takes its place.`,
		Examples: "  hcs quorum device add model net host=10.0.0.9 algorithm=ffsplit\n  hcs quorum device add model net host=q algorithm=lms heuristics mode=on exec_ping=\"/bin/ping -c1 -W1 10.0.0.254\"",
		Flags:    func(f *pflag.FlagSet) { f.BoolVar(&force, "force", false, "also without a certificate") },
		Run: func(ctx context.Context, args []string) error {
			f, err := load(ctx, s)
			if err != nil {
				return err
			}
			if f.parsed.Quorum.Device != nil {
				return session.Fail(api.CodeExists, "there is a quorum device already: hcs quorum device update changes it, hcs quorum device remove removes it")
			}
			d, err := parts(args, true)
			if err != nil {
				return err
			}
			if err := certified(s, d, force); err != nil {
				return err
			}
			text := clusterfile.Replace(f.text, "quorum.device", d.text())
			if f.parsed.Quorum.TwoNode {
				text = clusterfile.Set(text, "quorum", []clusterfile.Setting{{Key: "two_node"}})
			}
			if err := f.save(ctx, s, text); err != nil {
				return err
			}
			s.Say("Added the quorum device. See: hcs quorum device status")
			if s.JSON {
				return s.PrintJSON(map[string]string{"added": d.get("net", "host")})
			}
			return nil
		},
	})
}

// certified refuses a device to which nobody could connect.
func certified(s *session.Session, d *parted, force bool) error {
	if force || strings.Trim(d.get("net", "tls"), `"`) == "off" {
		return nil
	}
	if _, err := credentials.ReadNode(s.Dirs.Qdevice()); errors.Is(err, fs.ErrNotExist) {
		host := strings.Trim(d.get("net", "host"), `"`)
		return session.Fail(api.CodeNoInput, "this cluster has no certificate of the server yet. Get one first: hcs qdevice certs get %s\n(or tls=off, or --force to do it later)", host)
	}
	return nil
}

func updateDevice(s *session.Session) *cobra.Command {
	return verb.New(verb.Verb{
		Use: "update [OPTION=VALUE...] [model [net] OPTION=VALUE...] [heuristics OPTION=VALUE...]", Short: "Change options of the quorum device", Min: 1, Max: -1,
		Long: deviceLong + " An empty value removes an option.",
		Run: func(ctx context.Context, args []string) error {
			f, err := load(ctx, s)
			if err != nil {
				return err
			}
			if f.parsed.Quorum.Device == nil {
				return noDevice()
			}
			d, err := parts(args, false)
			if err != nil {
				return err
			}
			text := f.text
			for i, section := range []string{"quorum.device", "quorum.device.net", "quorum.device.heuristics"} {
				if len(d.list[i]) > 0 {
					text = clusterfile.Set(text, section, d.list[i])
				}
			}
			if err := f.save(ctx, s, text); err != nil {
				return err
			}
			s.Say("Changed the quorum device.")
			return nil
		},
	})
}

func noDevice() error {
	return session.Fail(api.CodeNoSuchObject, "there is no quorum device; hcs quorum device add adds one")
}

func remove(s *session.Session) *cobra.Command {
	c := verb.New(verb.Verb{
		Use: "remove", Short: "Take the quorum device out of the cluster", Min: 0, Max: 0,
		Long: "A cluster of two nodes gets two_node instead, because it would stop with either node otherwise.",
		Run: func(ctx context.Context, _ []string) error {
			f, err := load(ctx, s)
			if err != nil {
				return err
			}
			if f.parsed.Quorum.Device == nil {
				return noDevice()
			}
			text := clusterfile.Replace(f.text, "quorum.device", "")
			if len(f.parsed.Nodes) == 2 {
				text = clusterfile.Set(text, "quorum", []clusterfile.Setting{{Key: "two_node", Value: "true"}})
			}
			if err := f.save(ctx, s, text); err != nil {
				return err
			}
			s.Say("Removed the quorum device.")
			return nil
		},
	})
	c.Aliases = []string{"delete"}
	return c
}

// parted are the options of a device by part: its own, the server's, and the heuristics'.
type parted struct{ list [3][]clusterfile.Setting }

// parts reads the words of add and update.
func parts(args []string, model bool) (*parted, error) {
	d := &parted{}
	found := false
	for _, section := range verb.Cut(args, "model", "heuristics") {
		at, known := 0, deviceKeys
		switch section.Keyword {
		case "model":
			found, at, known = true, 1, netKeys
			if len(section.Words) > 0 && section.Words[0] == "net" {
				section.Words = section.Words[1:]
			} else if model {
				return nil, session.Fail(api.CodeUsage, `write "model net": there is no other model`)
			}
		case "heuristics":
			at, known = 2, heuristicKeys
		}
		pairs, err := verb.Pairs(section.Words)
		if err != nil {
			return nil, err
		}
		for _, p := range pairs {
			if !slices.Contains(known, p.Name) && !(at == 2 && strings.HasPrefix(p.Name, "exec_")) {
				return nil, session.Fail(api.CodeUsage, "there is no option %s here; there are %s", p.Name, strings.Join(known, ", "))
			}
			d.list[at] = append(d.list[at], setting(p))
		}
	}
	if model && !found {
		return nil, session.Fail(api.CodeUsage, `"model net host=HOST algorithm=ALGORITHM" is missing`)
	}
	return d, nil
}

// setting is an option as the cluster file writes it.
func setting(p build.Pair) clusterfile.Setting {
	v := literal(p.Value)
	switch p.Name {
	case "host", "server_name":
		v = strconv.Quote(p.Value)
	case "keep_active_partition_tie_breaker", "master_wins", "test_algorithm_enabled":
		v = truth(p.Value)
	}
	if p.Value == "" {
		v = ""
	}
	return clusterfile.Setting{Key: p.Name, Value: v}
}

// truth is Corosync's on, yes or 1 as TOML.
func truth(v string) string {
	switch strings.ToLower(v) {
	case "on", "yes", "1", "true":
		return "true"
	case "off", "no", "0", "false":
		return "false"
	}
	return strconv.Quote(v) // which the file's reader refuses
}

func (d *parted) get(part, key string) string {
	at := slices.Index([]string{"", "net", "heuristics"}, part)
	for _, s := range d.list[at] {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}

// text is the section of the cluster file.
func (d *parted) text() string {
	var b strings.Builder
	for i, header := range []string{"[quorum.device]\nmodel = \"net\"\n", "\n[quorum.device.net]\n", "\n[quorum.device.heuristics]\n"} {
		if i == 2 && len(d.list[i]) == 0 {
			continue
		}
		b.WriteString(header)
		for _, s := range d.list[i] {
			if s.Value != "" {
				fmt.Fprintf(&b, "%s = %s\n", s.Key, s.Value)
			}
		}
	}
	return b.String()
}
