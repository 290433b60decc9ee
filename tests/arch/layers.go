// Package arch holds the rules of the architecture as tables; its tests enforce them.
package arch

// pure lists the packages that decide: no I/O, no clock, no goroutine. Their tests need nothing but values.
var pure = []string{
	"api",
	"cib",
	"cib/cibxml",
	"cib/lrm",
	"cib/schema",
	"cib/upgrade",
	"clusterfile",
	"corosyncd/cmap",
	"corosyncd/detector",
	"corosyncd/engine",
	"corosyncd/frame",
	"corosyncd/member",
	"corosyncd/quorum",
	"crmd/alert",
	"crmd/attrs",
	"crmd/confirm",
	"crmd/controller",
	"crmd/detect",
	"crmd/devices",
	"crmd/executor/metadata",
	"crmd/executor/opqueue",
	"crmd/history",
	"crmd/incident",
	"crmd/metrics",
	"crmd/sched",
	"crmd/status",
	"crmd/store/content",
	"crmd/supervise",
	"crmd/throttle",
	"crmd/timing",
	"crmd/transition",
	"crmd/vitals/proctext",
	"crmd/vitals/series",
	"crmd/worker",
	"fenced/budget",
	"fenced/driver/catalogue",
	"fenced/driver/param",
	"fenced/petting",
	"fenced/plan",
	"fenced/sbdconf",
	"fenced/sbdformat",
	"hcs/checkup",
	"hcs/edit",
	"hcs/state",
	"hcs/supervisor/policy",
	"tests/peers/simfuzz/gen",
	"internal/exposition",
	"qdevice/arbiter",
	"qdevice/client",
	"qdevice/wire",
}

// forbidden are imports that a pure package may not have, with the reason.
var forbidden = map[string]string{
	"os": "files and processes belong to the shells", "os/exec": "processes belong to the shells",
	"os/signal": "signals belong to cmd", "net": "sockets belong to the shells", "net/http": "sockets belong to the shells",
	"log": "the core returns notes", "log/slog": "the core returns notes", "sync": "one goroutine owns a machine",
	"sync/atomic": "one goroutine owns a machine", "context": "the core never blocks", "math/rand": "decisions are reproducible",
	"math/rand/v2": "decisions are reproducible", "crypto/rand": "decisions are reproducible", "syscall": "no I/O in the core",
	"runtime": "no dependence on the machine", "golang.org/x/sys/unix": "no I/O in the core",
}

// clock are calls of package time that read or wait for the real clock.
var clock = []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "NewTimer", "NewTicker", "Tick"}

// rule says what a tree of packages may import of this module.
type rule struct {
	tree   string   // package path below the module, matches itself and everything below
	may    []string // trees that it may import besides its own subtree
	reason string
}

// rules are tried in order; the first that matches a package decides.
var rules = []rule{
	{"cib/cibxml", nil, "the XML tree is the bottom"},
	{"cib/xpath", []string{"cib/cibxml"}, "finds elements in a tree"},
	{"cib/lrm", []string{"cib/cibxml"}, "operation history is XML and nothing else"},
	{"cib/schema", []string{"cib/cibxml"}, "a schema looks at XML only"},
	{"cib/upgrade", []string{"cib/cibxml", "cib/schema"}, "old XML to new XML"},
	{"cib/value", nil, "simple types"},
	{"cib", nil, "the vocabulary imports nothing else"},
	{"api", []string{"cib"}, "structs that cross a boundary"},
	{"internal/scrape", []string{"internal/exposition"}, "serves what exposition writes"},
	{"internal", nil, "I/O utilities know nothing of the domain"},
	{"clusterfile", []string{"cib", "api", "crmd/throttle", "crmd/detect", "crmd/confirm", "crmd/supervise", "crmd/executor/metadata", "crmd/devices", "fenced/budget"}, "cluster.toml in terms of the CIB, the numbers of throttle, detectors, confirmation and supervision, what agents say of themselves and the inequalities between timeouts"},

	{"corosyncd/frame", []string{"api"}, "pure"},
	{"corosyncd/member", []string{"api", "corosyncd/frame"}, "pure; speaks the words of the heartbeat"},
	{"corosyncd/detector", []string{"api"}, "pure"},
	{"corosyncd/quorum", []string{"api"}, "pure"},
	{"corosyncd/engine", []string{"api", "corosyncd/frame", "corosyncd/detector", "corosyncd/member", "corosyncd/quorum"}, "the three machines as one, for the daemon and the simulation"},
	{"corosyncd/qdevice", []string{"api", "internal", "qdevice"}, "a shell never imports another; the protocol and its machine are the project's"},
	{"corosyncd/links", []string{"api", "internal", "corosyncd/frame"}, "a shell never imports another"},
	{"corosyncd/gossip", []string{"api", "internal"}, "a shell never imports another"},
	{"corosyncd/keyring", []string{"internal", "corosyncd/frame"}, "the file with the packets' keys"},
	{"corosyncd", []string{"api", "cib", "internal", "clusterfile", "qdevice"}, "daemons know each other only as api structs"},

	{"qdevice/wire", []string{"api"}, "pure: the protocol between clusters and their quorum device server"},
	{"qdevice/client", []string{"api", "qdevice/wire"}, "pure: one end of the protocol"},
	{"qdevice/arbiter", []string{"api", "qdevice/wire"}, "pure: the other end"},
	{"qdevice/credentials", []string{"internal"}, "certificates know nothing of the protocol"},

	{"crmd/sched/graph", []string{"cib"}, "the last stage's output, without its writer's inputs"},
	{"crmd/sched", []string{"cib", "api"}, "the scheduler is a function of the CIB"},
	{"crmd/transition", []string{"cib", "api", "crmd/sched/graph"}, "runs a graph, does not make one"},
	{"crmd/throttle", []string{"api"}, "pure"},
	{"crmd/attrs", []string{"api", "cib"}, "pure"},
	{"crmd/metrics", []string{"api", "cib", "crmd/detect", "crmd/sched", "internal/exposition"}, "pure: what crmd knows, as metrics"},
	{"crmd/alert", []string{"api", "cib"}, "pure"},
	{"crmd/timing", []string{"api", "cib"}, "pure"},
	{"crmd/history", []string{"api", "cib"}, "pure"},
	{"crmd/incident", []string{"api", "cib"}, "pure"},
	{"crmd/status", []string{"api", "cib"}, "pure"},
	{"crmd/devices", []string{"api", "cib"}, "pure"},
	{"crmd/confirm", []string{"api", "cib/lrm", "crmd/worker"}, "pure: between the executor's results and the worker"},
	{"crmd/supervise", nil, "pure"},
	{"crmd/worker", []string{"api", "cib", "crmd/history"}, "the node's side: carries out orders, plans nothing"},
	{"crmd/controller", []string{"api", "cib", "crmd/transition", "crmd/sched/graph", "crmd/throttle", "crmd/attrs", "crmd/status", "crmd/incident"}, "decides, and is fed the scheduler's result"},
	{"crmd/executor/opqueue", []string{"cib/lrm"}, "pure"},
	{"crmd/executor/metadata", []string{"cib/cibxml"}, "agent metadata is XML and nothing else"},
	{"crmd/executor", []string{"api", "cib", "internal"}, "a shell never imports another"},
	{"crmd/store/content", []string{"cib"}, "the replicated state machine is a function of the configuration"},
	{"crmd/store/disk", []string{"internal"}, "files know nothing of what is in them"},
	{"crmd/store", []string{"api", "cib", "internal"}, "a shell never imports another"},
	{"crmd/archive", []string{"api", "internal"}, "a shell never imports another"},
	{"crmd/processes", []string{"internal"}, "a shell never imports another"},
	{"crmd/peer", []string{"api", "cib", "internal"}, "a shell never imports another"},
	{"crmd/admission", []string{"api", "cib", "internal", "clusterfile", "crmd/store/content"}, "a shell never imports another; tokens are part of the replicated content"},
	{"crmd/vitals/proctext", []string{"api"}, "pure: the kernel's texts"},
	{"crmd/vitals/series", []string{"api"}, "pure: samples over time"},
	{"crmd/detect", []string{"api", "crmd/vitals/series"}, "pure: rules over the ring"},
	{"crmd/observer", []string{"api", "crmd/vitals", "crmd/detect", "crmd/throttle"}, "runs the sampler for the machines that look at its samples"},
	{"crmd/vitals", []string{"api", "internal"}, "a shell never imports another"},
	{"crmd", []string{"api", "cib", "internal", "clusterfile"}, "daemons know each other only as api structs"},

	{"fenced/budget", []string{"api", "cib/value"}, "pure; every timeout between a death and the proof of a fence"},
	{"fenced/plan", []string{"api", "cib/lrm", "cib/value"}, "pure: operations above, one node's devices below"},
	{"fenced", []string{"api", "cib", "internal", "clusterfile"}, "daemons know each other only as api structs"},

	{"resource-agents", []string{"internal"}, "agents talk OCF, not to the daemons"},
	{"tools/agent", []string{"api", "cib", "internal", "crmd/sched", "crmd/executor", "tools"}, "runs an agent by hand exactly as the cluster would, so with the cluster's own executor"},
	{"tools/sbd", []string{"internal", "tools/cli", "fenced/sbdconf", "fenced/sbddisk", "fenced/sbdformat", "fenced/guard", "fenced/watchdog"}, "sbd needs no daemon: it is a node's last guard itself"},
	{"tools", []string{"api", "cib", "internal", "crmd/sched", "crmd/transition", "crmd/history", "fenced/plan", "fenced/driver/param", "fenced/driver/catalogue", "clusterfile"}, "commands are clients; they never import a daemon or a shell"},
	{"hcs", []string{"api", "cib", "internal", "crmd/devices", "crmd/sched", "crmd/transition", "fenced/plan", "fenced/budget", "fenced/driver/param", "fenced/driver/catalogue", "clusterfile", "tools", "crmd/admission", "crmd/executor/metadata", "qdevice"}, "commands are clients; they never import a daemon or a shell, except to join, before there is a daemon; what agents say of themselves is pure; an arbiter of ours is a command, not a daemon of the cluster"},

	{"cmd/corosyncd", []string{"corosyncd", "internal"}, "a main is wiring for one daemon"},
	{"cmd/crmd", []string{"crmd", "internal"}, "a main is wiring for one daemon"},
	{"cmd/fenced", []string{"fenced", "internal"}, "a main is wiring for one daemon"},
	{"cmd/hcs", []string{"hcs", "internal"}, "a main is wiring for one command"},
	{"cmd/holdfast-tools", []string{"tools"}, "a main is wiring for one command"},
	{"cmd/holdfast-agents", []string{"resource-agents"}, "a main is wiring for the agents"},
	{"tests", []string{""}, "tests may see everything; nothing imports them"},
}

// maxLines is the longest Go file, tests included. What is longer holds two concepts.
const maxLines = 400

// maxMainLines is the longest main.
const maxMainLines = 60
