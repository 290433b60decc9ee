package corosync

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/internal/ipc"
	"github.com/holdfast-ha/holdfast/tools/cli"
)

const cmapctlHelp = `usage:  corosync-cmapctl [-b] [-DdghsqTCt] [-p filename] [-m map] [params...]

    -b show binary values
    -m select map to use: icmap (the default) or stats
Set key:
    corosync-cmapctl -s key_name type value
    where type is one of ([i|u][8|16|32|64] | flt | dbl | str | bin)
    for bin, value is file name (or - for stdin)
Clear stats:
    corosync-cmapctl -C [knet|ipc|totem|schedmiss|all]
Load settings from a file:
    corosync-cmapctl -p filename
    with lines [^[^]]<key_name>[ <type> <value>]; ^ deletes the key, ^^ deletes by prefix
Delete key:
    corosync-cmapctl -d key_name...
Delete multiple keys with prefix:
    corosync-cmapctl -D key_prefix...
Get key:
    corosync-cmapctl [-b] -g key_name...
Quiet mode:
    corosync-cmapctl [-b] -q -g key_name...
Display all keys:
    corosync-cmapctl [-b]
Display keys with prefix key_name:
    corosync-cmapctl [-b] key_name...
Track changes on keys with key_name:
    corosync-cmapctl [-b] -t key_name
Track changes on keys with key prefix:
    corosync-cmapctl [-b] -T key_prefix
`

// cmapTool is one call of corosync-cmapctl.
type cmapTool struct {
	env           *cli.Env
	ctx           context.Context // one command, one context
	action        byte
	binary, quiet bool
	which, file   string
}

func runCmapctl(ctx context.Context, env *cli.Env) int {
	t := &cmapTool{env: env, ctx: ctx, which: "icmap"}
	act := func(c byte) func(string) error { return func(string) error { t.action = c; return nil } }
	args, err := cli.Parse([]cli.Option{
		{Short: 'b', Do: cli.Flag(&t.binary)}, {Short: 'q', Do: cli.Flag(&t.quiet)}, {Short: 'm', Arg: cli.NeedArg, Do: cli.Text(&t.which)},
		{Short: 'h', Do: act('h')}, {Short: 'g', Do: act('g')}, {Short: 's', Do: act('s')}, {Short: 'd', Do: act('d')}, {Short: 'D', Do: act('D')},
		{Short: 't', Do: act('t')}, {Short: 'T', Do: act('T')},
		{Short: 'p', Arg: cli.NeedArg, Do: func(v string) error { t.action, t.file = 'p', v; return nil }},
		{Short: 'C', Arg: cli.NeedArg, Do: act('C')},
	}, env.Args)
	if err != nil {
		fmt.Fprintln(env.Stderr, "corosync-cmapctl:", err)
		return 1
	}
	if t.which != "icmap" && t.which != "stats" {
		fmt.Fprintf(env.Stderr, "invalid map name, \"%s\"\nvalid names are: icmap, stats\n", t.which)
		return 1
	}
	if strings.IndexByte("gsdDtT", t.action) >= 0 && t.action != 0 && len(args) == 0 {
		fmt.Fprintln(env.Stderr, "Expected key after options")
		return 1
	}
	switch t.action {
	case 'h':
		fmt.Fprint(env.Stdout, cmapctlHelp)
		return 0
	case 'C':
		return 0 // counters of corosyncd are never cleared: two readers would spoil each other's
	case 's':
		return t.set(args)
	case 'd', 'D':
		return t.delete(args, t.action == 'D')
	case 'p':
		return t.load()
	}
	if _, err := t.entries("totem.cluster_name"); err != nil {
		fmt.Fprintln(env.Stderr, "Failed to initialize the cmap API. Error CS_ERR_LIBRARY")
		why(env, err)
		return 1
	}
	switch t.action {
	case 'g':
		return t.get(args)
	case 't', 'T':
		return t.track(args[0], t.action == 'T')
	}
	return t.list(args)
}

func (t *cmapTool) entries(prefix string) ([]api.CmapEntry, error) {
	if t.which == "stats" && !strings.HasPrefix(prefix, "stats.") {
		prefix = "stats."
	}
	var list []api.CmapEntry
	err := call(t.ctx, t.env, http.MethodGet, api.PathCmap+"?prefix="+url.QueryEscape(prefix), nil, &list)
	return list, err
}

// line is how an entry is shown.
func (t *cmapTool) line(e api.CmapEntry) string {
	value := e.Value
	if e.Type == "bin" {
		if !t.binary {
			return e.Key + " (bin)"
		}
		value = escape(value)
	}
	if t.quiet {
		return value
	}
	return fmt.Sprintf("%s (%s) = %s", e.Key, e.Type, value)
}

// escape shows bytes that are not printable as \xNN.
func escape(raw string) string {
	var b strings.Builder
	for i := range len(raw) {
		if c := raw[i]; c >= ' ' && c < 0x7f {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "\\x%02X", c)
		}
	}
	return b.String()
}

// list prints all entries, or those with one of the prefixes; none at all is an error for a prefix.
func (t *cmapTool) list(prefixes []string) int {
	if len(prefixes) == 0 {
		prefixes = []string{""}
	}
	code := 0
	for _, p := range prefixes {
		list, err := t.entries(p)
		if err != nil {
			fmt.Fprintf(t.env.Stderr, "Can't get keys with prefix %s. Error %s\n", p, csError(err))
			return 1
		}
		shown := 0
		for _, e := range list {
			if strings.HasPrefix(e.Key, p) {
				fmt.Fprintln(t.env.Stdout, t.line(e))
				shown++
			}
		}
		if shown == 0 {
			code = 1
		}
	}
	return code
}

func (t *cmapTool) find(key string) (api.CmapEntry, error) {
	list, err := t.entries(key)
	if err != nil {
		return api.CmapEntry{}, err
	}
	for _, e := range list {
		if e.Key == key {
			return e, nil
		}
	}
	return api.CmapEntry{}, ipc.Errorf(api.CodeNoSuchObject, "there is no key %s", key)
}

func (t *cmapTool) get(keys []string) int {
	code := 0
	for _, k := range keys {
		e, err := t.find(k)
		if err != nil {
			fmt.Fprintf(t.env.Stderr, "Can't get key %s. Error %s\n", k, csError(err))
			code = 1
			continue
		}
		fmt.Fprintln(t.env.Stdout, t.line(e))
	}
	return code
}

func (t *cmapTool) set(args []string) int {
	if len(args) < 3 {
		fmt.Fprintln(t.env.Stderr, "Expected key, type and value after options")
		return 1
	}
	e := api.CmapEntry{Key: args[0], Type: args[1], Value: args[2]}
	if e.Type == "bin" {
		raw, err := t.read(e.Value)
		if err != nil {
			fmt.Fprintln(t.env.Stderr, err)
			return 1
		}
		e.Value = string(raw)
	}
	return t.put(e)
}

func (t *cmapTool) read(name string) ([]byte, error) {
	if name == "-" {
		var b strings.Builder
		_, err := bufio.NewReader(t.env.Stdin).WriteTo(&b)
		return []byte(b.String()), err
	}
	return os.ReadFile(name)
}

func (t *cmapTool) put(e api.CmapEntry) int {
	err := call(t.ctx, t.env, http.MethodPut, api.PathCmap, e, nil)
	switch {
	case err == nil:
		return 0
	case csError(err) == "CS_ERR_INVALID_PARAM":
		fmt.Fprintln(t.env.Stderr, err) // already in corosync-cmapctl's words
	default:
		fmt.Fprintf(t.env.Stderr, "Failed to set key %s. Error %s\n", e.Key, csError(err))
	}
	return 1
}

func (t *cmapTool) delete(keys []string, prefix bool) int {
	code := 0
	for _, k := range keys {
		names := []string{k}
		if prefix {
			names = nil
			list, err := t.entries(k)
			if err != nil {
				fmt.Fprintf(t.env.Stderr, "Can't delete keys with prefix %s. Error %s\n", k, csError(err))
				return 1
			}
			for _, e := range list {
				names = append(names, e.Key)
			}
		}
		for _, n := range names {
			if err := call(t.ctx, t.env, http.MethodDelete, api.PathCmap+"?key="+url.QueryEscape(n), nil, nil); err != nil {
				fmt.Fprintf(t.env.Stderr, "Can't delete key %s. Error %s\n", n, csError(err))
				code = 1
			}
		}
	}
	return code
}

// load does what the lines of a file say.
func (t *cmapTool) load() int {
	raw, err := t.read(t.file)
	if err != nil {
		fmt.Fprintln(t.env.Stderr, err)
		return 1
	}
	code := 0
	for line := range strings.Lines(string(raw)) {
		f := strings.Fields(line)
		switch {
		case len(f) == 0:
		case strings.HasPrefix(f[0], "^^"):
			code = max(code, t.delete([]string{f[0][2:]}, true))
		case f[0][0] == '^':
			code = max(code, t.delete([]string{f[0][1:]}, false))
		case len(f) < 3:
			fmt.Fprintf(t.env.Stderr, "%s: key, type and value are needed, not %q\n", t.file, strings.TrimSpace(line))
			code = 1
		default:
			_, value, _ := strings.Cut(strings.TrimSpace(line), f[1]+" ")
			code = max(code, t.put(api.CmapEntry{Key: f[0], Type: f[1], Value: value}))
		}
	}
	return code
}
