package corosyncconf

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/holdfast-ha/holdfast/clusterfile"
)

// two is a usual file, as pcs writes it.
const two = `totem {
    version: 2
    cluster_name: shop
    transport: knet
    crypto_cipher: aes256
    crypto_hash: sha256
    token: 5000
    token_coefficient: 0x10
    consensus: 0
}

nodelist {
    node {
        ring0_addr: 10.0.0.1
        ring1_addr: 10.1.0.1
        name: n1
        nodeid: 1
    }

    node {
        ring0_addr: 10.0.0.2
        ring1_addr: db2.example
        name: n2
        nodeid: 2
        quorum_votes: 3
    }
}

quorum {
    provider: corosync_votequorum
    device {
        model: net
        votes: 1
        net {
            algorithm: LMS
            host: qnetd.example
            tie_breaker: 2
        }
        heuristics {
            mode: on
            exec_ping: /bin/ping -c "1" 10.0.0.254
        }
    }
}

logging {
    to_logfile: yes
    debug: on
}
`

func lineOf(text string) int {
	before, _, _ := strings.Cut(two, text)
	return strings.Count(before, "\n") + 1
}

func TestConvert_WritesWhatIsUsedAndReportsTheRest(t *testing.T) {
	r, err := Convert(Source{Name: "corosync.conf", Text: two, Lookup: func(host string) ([]netip.Addr, error) {
		return []netip.Addr{netip.MustParseAddr("127.0.1.1"), netip.MustParseAddr("10.1.0.2")}, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	want := `[cluster]
name = "shop"

[totem]
token = 5000
token_coefficient = 16

[logging]
level = "debug"

[[node]]
name = "n1"
id = 1
links = ["10.0.0.1", "10.1.0.1"]

[[node]]
name = "n2"
id = 2
links = ["10.0.0.2", "10.1.0.2"]
votes = 3

[quorum.device]
model = "net"
votes = 1

[quorum.device.net]
algorithm = "lms"
host = "qnetd.example"
tie_breaker = 2

[quorum.device.heuristics]
mode = "on"
exec_ping = "/bin/ping -c \"1\" 10.0.0.254"
`
	if d := cmp.Diff(want, r.Text); d != "" {
		t.Error(d)
	}
	fates := map[string]Option{}
	for _, o := range r.Options {
		fates[o.Key] = o
	}
	for key, want := range map[string]Option{
		"totem.token":              {Line: lineOf("token: 5000"), Value: "5000", Fate: Used},
		"totem.crypto_cipher":      {Line: lineOf("crypto_cipher"), Value: "aes256", Fate: NoMeaning, Why: "every packet is encrypted with AES-256-GCM"},
		"totem.consensus":          {Line: lineOf("consensus"), Value: "0", Fate: Mapped, Why: "0 means the default, so it is left out"},
		"totem.cluster_name":       {Line: lineOf("cluster_name"), Value: "shop", Fate: Mapped, Why: "[cluster] name"},
		"logging.debug":            {Line: lineOf("debug: on"), Value: "on", Fate: Mapped, Why: `[logging] level = "debug"`},
		"quorum.device.net.host":   {Line: lineOf("host:"), Value: "qnetd.example", Fate: Used},
		"nodelist.node.ring1_addr": {Line: lineOf("db2.example"), Value: "db2.example", Fate: Mapped, Why: "[[node]] links, place 2"},
	} {
		want.Key = key
		if d := cmp.Diff(want, fates[key]); d != "" {
			t.Errorf("%s: %s", key, d)
		}
	}
	if got, lines := len(r.Options), strings.Count(two, ":"); got != lines {
		t.Errorf("%d fates for %d options", got, lines)
	}
}

// conf is a file with two nodes and something in section quorum.
func conf(quorum, more string) string {
	return "totem {\n version: 2\n}\nnodelist {\n node {\n  nodeid: 1\n  name: a\n  ring0_addr: 10.0.0.1\n }\n node {\n  nodeid: 2\n  name: b\n  ring0_addr: 10.0.0.2\n }\n" +
		more + "}\nquorum {\n provider: corosync_votequorum\n" + quorum + "}\n"
}

const third = " node {\n  nodeid: 3\n  name: c\n  ring0_addr: 10.0.0.3\n }\n"

// What Corosync switches off is left out, and what it does not start with is a problem in the line of the option.
func TestConvert_Combinations(t *testing.T) {
	for _, c := range []struct {
		name, quorum, more string
		want               string // in the text, or in the error
		bad                bool
	}{
		{"two nodes", " two_node: 1\n", "", "two_node = true\n", false},
		{"two_node loses against the tie-breaker", " two_node: 1\n auto_tie_breaker: 1\n", "", "[quorum]\nwait_for_all = true\nauto_tie_breaker = true\n", false},
		{"two_node with three nodes", " two_node: 1\n", third, "10.0.0.3\"]\n", false},
		{"odd votes have no halves", " auto_tie_breaker: 1\n auto_tie_breaker_node: lowest\n", third, "10.0.0.3\"]\n", false},
		{"last man and tie-breaker with odd votes", " auto_tie_breaker: 1\n last_man_standing: 1\n", third, "corosync.conf:23: quorum.auto_tie_breaker: and last_man_standing do not go together", true},
		{"device with two_node", " two_node: 1\n device {\n  model: net\n  net {\n   host: q\n  }\n }\n", "", "corosync.conf:18: quorum.two_node: cannot be combined", true},
		{"device without a host", " device {\n  model: net\n  votes: 1\n  net {\n   algorithm: ffsplit\n  }\n }\n", "", "host: is missing", true},
		{"device with too many votes", " device {\n  model: net\n  votes: 9\n  net {\n   host: q\n   algorithm: lms\n  }\n }\n", "", "corosync.conf:20: quorum.device.votes: the quorum device has 9 votes", true},
		{"not a number", " expected_votes: many\n", "", `corosync.conf:18: quorum.expected_votes: is "many"`, true},
		{"not a truth", " wait_for_all: yes\n", "", `corosync.conf:18: quorum.wait_for_all: is "yes", must be 0 or 1`, true},
	} {
		r, err := Convert(Source{Name: "corosync.conf", Text: conf(c.quorum, c.more)})
		switch {
		case (err != nil) != c.bad:
			t.Errorf("%s: %v", c.name, err)
		case c.bad && !strings.Contains(err.Error(), c.want):
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		case !c.bad && !strings.HasSuffix(r.Text, c.want):
			t.Errorf("%s:\n%s", c.name, r.Text)
		}
	}
}

func TestConvert_ReportsEveryProblemWithItsLine(t *testing.T) {
	_, err := Convert(Source{Name: "c.conf", Text: "totem {\n version: 3\n token: x\n}\nnodelist {\n node {\n  ring0_addr: somewhere\n  nodeid: 0\n }\n}\n"})
	want := []string{"c.conf:2: totem.version:", "c.conf:3: totem.token:", "c.conf:7: nodelist.node.ring0_addr: is the name", "c.conf:8: nodelist.node.nodeid:"}
	for _, w := range want {
		if err == nil || !strings.Contains(err.Error(), w) {
			t.Errorf("%q is not in:\n%v", w, err)
		}
	}
}

func TestConvert_KnowsEveryOptionOfTheManual(t *testing.T) {
	page, err := exec.Command("man", "-P", "cat", "corosync.conf").Output()
	if err != nil {
		t.Skip("corosync.conf(5) is not installed")
	}
	// Options stand at the margin of the page's text; these words there are something else.
	skip := map[string]bool{"subsys": true, "bindnetaddr": true, "controls": true}
	var b strings.Builder
	b.WriteString("totem {\n")
	section := regexp.MustCompile(`Within\s+the\s+(\w+)\s+directive`)
	option := regexp.MustCompile(`^       ([a-z][a-zA-Z_]*[a-z])(  |$| \(udp only\))`)
	in, lines := "totem", 1
	fates := map[string]int{}
	for line := range strings.Lines(string(page)) {
		line = strings.TrimRight(line, "\n")
		if m := section.FindStringSubmatch(line); m != nil && m[1] != in && m[1] != "logger_subsys" {
			in = m[1]
			fmt.Fprintf(&b, "}\n%s {\n", in)
			lines += 2
		}
		if m := option.FindStringSubmatch(line); m != nil && !skip[m[1]] && strings.Contains("totem logging quorum system", in) {
			fmt.Fprintf(&b, "%s: 1\n", m[1])
			lines++
			fates[in+"."+m[1]] = lines
		}
	}
	b.WriteString("}\n")
	root, err := Parse("made", b.String())
	if err != nil {
		t.Fatal(err)
	}
	c := &converter{src: Source{Name: "made"}, root: root}
	c.quorum(c.nodes())
	c.totem()
	c.readLogging()
	c.readSystem()
	c.rest()
	linkOptions := " linknumber knet_link_priority knet_ping_interval knet_ping_timeout knet_ping_precision knet_pong_count knet_transport broadcast mcastaddr mcastport ttl "
	n := 0
	for _, o := range c.options {
		_, key, _ := strings.Cut(o.Key, ".")
		if fates[o.Key] > 0 {
			n++
		}
		if o.Fate == Unknown && !strings.Contains(linkOptions, " "+key+" ") {
			t.Errorf("%s of the manual is not known", o.Key)
		}
	}
	if n < 55 {
		t.Errorf("only %d options were found in the manual", n)
	}
}

func TestTotem_KeepsWhatLinksAreTold(t *testing.T) {
	root, err := Parse("made", `totem {
 token: 1000
 interface {
  linknumber: 1
  knet_link_priority: 7
  knet_ping_timeout: 600
  knet_pong_count: 3
  knet_ping_interval: 100
 }
 interface {
  knet_link_priority: 0
  knet_ping_timeout: 100
  knet_pong_count: 0
 }
}
`)
	if err != nil {
		t.Fatal(err)
	}
	c := &converter{src: Source{Name: "made"}, root: root}
	want := "\n[totem]\ntoken = 1000\n\n[[totem.interface]]\nlinknumber = 1\nknet_link_priority = 7\nknet_ping_timeout = 600\nknet_pong_count = 3\n"
	if got := c.totem(); got != want {
		t.Errorf("got %q", got)
	}
	for _, o := range c.options {
		if strings.HasPrefix(o.Key, "totem.interface.knet_ping_interval") && o.Fate != NoMeaning {
			t.Errorf("%+v", o)
		}
	}
}

func TestParse_StopsWhereCorosyncDoes(t *testing.T) {
	texts := []string{"totem {\n", "a {\nb\n}\n", "{\n}\n", "a { b\n}\n", "a {\n} b\n", "}\n", "a {\n}\n}\n", "totem { version: 2 }\n", "a {\n nokey value\n}\n",
		"a {\nb: " + strings.Repeat("x", 600) + "\n}\n", "a {\n# }\n \t# {\n b: c:d # e\n}\n", ": x\n"}
	for _, text := range texts {
		_, err := Parse("c.conf", text)
		got := "no error"
		var p clusterfile.Problem
		if errors.As(err, &p) {
			got = fmt.Sprintf("%d", p.Line)
		}
		if want, ok := corosyncSays(t, text); ok && got != want && text != ": x\n" { // where Corosync has another error in the same line
			t.Errorf("%q: %s (%v), Corosync says %s", text, got, err, want)
		}
	}
}

// corosyncSays is the line of the error that Corosync's parser has.
func corosyncSays(t *testing.T, text string) (string, bool) {
	path, err := exec.LookPath("corosync")
	if err != nil {
		return "", false
	}
	file := filepath.Join(t.TempDir(), "c.conf")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	out, _ := exec.Command(path, "-t", "-c", file).CombinedOutput() // the exit status is that of the check
	m := regexp.MustCompile(`parser error: .*:(\d+): `).FindSubmatch(out)
	if m == nil {
		return "no error", true
	}
	return string(m[1]), true
}

func FuzzConvert(f *testing.F) {
	f.Add(two)
	f.Add(conf(" two_node: 1\n", third))
	f.Add("a {\n b {\n c: d\n }\n}\nresources {\n system {\n x: y\n }\n}\n")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := Convert(Source{Name: "x", Text: text})
		var list clusterfile.Problems
		switch {
		case err == nil:
			if _, err := clusterfile.Parse("", []byte(r.Text)); err != nil {
				t.Errorf("%v\n%s", err, r.Text)
			}
		case !errors.As(err, &list):
			t.Errorf("%T %v", err, err)
		}
	})
}
