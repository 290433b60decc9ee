package clusterfile

import (
	"strconv"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/api"
)

// Device is section [quorum.device], with the names of corosync-qdevice(8): an arbiter outside of the cluster.
type Device struct {
	Votes      int
	MasterWins bool
	// Timeout is the base of the other times; SyncTimeout bounds how long a new view waits for the device.
	Timeout, SyncTimeout time.Duration
	Net                  DeviceNet
	Heuristics           Heuristics
}

// DeviceNet is section [quorum.device.net].
type DeviceNet struct {
	Host      string
	Port      int
	TLS       string // on, off or required
	Algorithm string // ffsplit, lms, 2nodelms or test
	// TieBreaker is lowest, highest or the id in TieBreakerNode.
	TieBreaker     string
	TieBreakerNode api.NodeID
	ConnectTimeout time.Duration
	ForceIP        int // 0, 4 or 6
	KeepActive     bool
	// ServerName is the name in the server's certificate.
	ServerName string
}

// Heuristics is section [quorum.device.heuristics].
type Heuristics struct {
	Mode                           string // off, on or sync
	Timeout, SyncTimeout, Interval time.Duration
	// Commands are the programs that all must succeed, each with its arguments.
	Commands [][]string
}

// Limits of corosync-qdevice.
const (
	minDeviceTimer = time.Second
	maxDeviceTimer = 2 * time.Minute
	maxCommands    = 32
)

// AlgorithmFFSplit is the one algorithm that counts nodes and not votes.
const AlgorithmFFSplit = "ffsplit"

// readDevice reads the quorum device, nil when there is none.
func readDevice(quorum *Section, nodes []Node) *Device {
	if !quorum.Has("device") {
		return nil
	}
	s := quorum.Table("device")
	d := &Device{
		MasterWins:  s.Bool("master_wins", false),
		Timeout:     s.Millis("timeout", 10*time.Second, minDeviceTimer, maxDeviceTimer),
		SyncTimeout: s.Millis("sync_timeout", 30*time.Second, minDeviceTimer, maxDeviceTimer),
	}
	switch model := s.Str("model", ""); model {
	case "net":
	case "":
		s.Problem("model", "is missing; the only one is \"net\"")
	default:
		s.Problem("model", "is %q, the only one is \"net\"", model)
	}
	d.Net = readDeviceNet(s, d.Timeout, nodes)
	d.Heuristics = readHeuristics(s, d)
	d.Votes = deviceVotes(s, d, nodes)
	s.Done()
	return d
}

// deviceVotes are the device's votes: one with ffsplit, else one less than there are nodes, so that with the device
// any single node is enough.
func deviceVotes(s *Section, d *Device, nodes []Node) int {
	even := true
	for _, n := range nodes {
		even = even && n.Votes == 1
	}
	fallback := max(1, len(nodes)-1)
	if d.Net.Algorithm == AlgorithmFFSplit {
		fallback = 1
	}
	votes := s.Int("votes", fallback, 1, maxExpected)
	switch {
	case d.Net.Algorithm == AlgorithmFFSplit && votes != 1:
		s.Problem("votes", "is %d, must be 1 with the algorithm ffsplit", votes)
	case d.Net.Algorithm == AlgorithmFFSplit && !even:
		s.Problem("", "the algorithm ffsplit needs nodes with one vote each")
	case !s.Has("votes") && !even:
		s.Problem("votes", "must be said when not all nodes have one vote")
	}
	return votes
}

func readDeviceNet(device *Section, timeout time.Duration, nodes []Node) DeviceNet {
	s := device.Table("net")
	n := DeviceNet{
		Host:           s.Str("host", ""),
		Port:           s.Int("port", 5403, 1, 65535),
		TLS:            s.Word("tls", "on", "on", "off", "required"),
		Algorithm:      s.Word("algorithm", AlgorithmFFSplit, AlgorithmFFSplit, "lms", "2nodelms", "test"),
		ConnectTimeout: s.Millis("connect_timeout", max(timeout*8/10, minDeviceTimer), minDeviceTimer, maxDeviceTimer),
		ForceIP:        s.Int("force_ip_version", 0, 0, 6),
		KeepActive:     s.Bool("keep_active_partition_tie_breaker", true),
		ServerName:     s.Str("server_name", "Qnetd Server"),
	}
	if n.Host == "" {
		s.Problem("host", "is missing; write the name or address of the machine on which corosync-qnetd or `hcs qdevice serve` runs")
	}
	if n.ForceIP != 0 && n.ForceIP != 4 && n.ForceIP != 6 {
		s.Problem("force_ip_version", "is %d, must be 0, 4 or 6", n.ForceIP)
	}
	if n.Algorithm == "2nodelms" && len(nodes) != 2 {
		s.Problem("algorithm", "2nodelms is for a cluster of two nodes, the file has %d", len(nodes))
	}
	if n.Algorithm == "test" && !s.Bool("test_algorithm_enabled", false) {
		s.Problem("algorithm", "\"test\" lets every part of a cluster win; who wants that on a cluster for tests says test_algorithm_enabled = true")
	}
	s.use("test_algorithm_enabled")
	n.TieBreaker, n.TieBreakerNode = readDeviceTieBreaker(s, nodes)
	s.Done()
	return n
}

func readDeviceTieBreaker(s *Section, nodes []Node) (string, api.NodeID) {
	const key = "tie_breaker"
	text := "lowest"
	switch v := s.Raw(key).(type) {
	case nil:
	case string:
		text = v
	case int64:
		text = strconv.FormatInt(v, 10)
	default:
		s.Problem(key, `is %s, must be "lowest", "highest" or the id of a node`, kind(v))
		return "lowest", 0
	}
	if text == "lowest" || text == "highest" {
		return text, 0
	}
	id, err := strconv.ParseUint(text, 10, 16)
	for _, n := range nodes {
		if err == nil && n.ID == api.NodeID(id) {
			return "node", n.ID
		}
	}
	s.Problem(key, `%q is neither "lowest", "highest" nor the id of a node`, text)
	return "lowest", 0
}

func readHeuristics(device *Section, d *Device) Heuristics {
	s := device.Table("heuristics")
	h := Heuristics{
		Mode:        s.Word("mode", "off", "off", "on", "sync"),
		Timeout:     s.Millis("timeout", max(d.Timeout/2, minDeviceTimer), minDeviceTimer, maxDeviceTimer),
		SyncTimeout: s.Millis("sync_timeout", max(d.SyncTimeout/2, minDeviceTimer), minDeviceTimer, maxDeviceTimer),
		Interval:    s.Millis("interval", max(d.Timeout*3, minDeviceTimer), minDeviceTimer, maxTimer),
	}
	if h.SyncTimeout >= d.SyncTimeout {
		s.Problem("sync_timeout", "is %d ms, must be less than that of the device, which is %d ms", h.SyncTimeout.Milliseconds(), d.SyncTimeout.Milliseconds())
	}
	for _, key := range s.Keys() {
		name, ok := strings.CutPrefix(key, "exec_")
		if !ok || name == "" {
			continue
		}
		words, why := SplitCommand(s.Str(key, ""))
		switch {
		case why != "":
			s.Problem(key, "%s", why)
		case len(words) == 0 || !strings.HasPrefix(words[0], "/"):
			s.Problem(key, "must be the absolute path of a program with its arguments")
		default:
			h.Commands = append(h.Commands, words)
		}
	}
	switch {
	case len(h.Commands) > maxCommands:
		s.Problem("", "there are %d commands, at most %d are possible", len(h.Commands), maxCommands)
	case h.Mode != "off" && len(h.Commands) == 0:
		s.Problem("mode", "is %q, but there is no command: write exec_NAME = \"/path/of/program arguments\"", h.Mode)
	}
	s.Done()
	return h
}

// SplitCommand cuts a command line into words as corosync-qdevice does: at blanks, with double quotes and
// backslashes, and without a shell.
func SplitCommand(line string) (words []string, problem string) {
	var word strings.Builder
	inWord, quoted, escaped := false, false, false
	for _, r := range line {
		switch {
		case escaped:
			word.WriteRune(r)
			escaped = false
		case r == '\\':
			escaped, inWord = true, true
		case r == '"':
			quoted, inWord = !quoted, true
		case !quoted && (r == ' ' || r == '\t'):
			if inWord {
				words = append(words, word.String())
				word.Reset()
				inWord = false
			}
		default:
			word.WriteRune(r)
			inWord = true
		}
	}
	if quoted {
		return nil, "a double quote is not closed"
	}
	if escaped {
		return nil, "there is nothing behind the last backslash"
	}
	if inWord {
		words = append(words, word.String())
	}
	return words, ""
}
