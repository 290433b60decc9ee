package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/tests/lab/journal"
)

// shared is the directory outside of the nodes that they all see.
const shared = "/run/lab"

// OCF exit codes.
const (
	ocfSuccess         = 0
	ocfGeneric         = 1
	ocfUnimplemented   = 3
	ocfNotRunning      = 7
	ocfRunningPromoted = 8
)

const journalMetadata = `<?xml version="1.0"?>
<resource-agent name="journal" version="1.0">
 <version>1.1</version>
 <longdesc lang="en">Keeps a state file and writes every operation, with the monotonic clock, to a journal outside of the nodes. A file FAULTS/RESOURCE.OP or FAULTS/RESOURCE.OP.NODE makes the operation fail ("fail RC"), hang ("hang") or take longer ("delay MS").</longdesc>
 <shortdesc lang="en">The lab's witness</shortdesc>
 <parameters>
  <parameter name="start_delay" unique="0" required="0"><longdesc lang="en">Milliseconds that a start takes</longdesc><shortdesc lang="en">Start delay</shortdesc><content type="integer" default="0"/></parameter>
  <parameter name="stop_delay" unique="0" required="0"><longdesc lang="en">Milliseconds that a stop takes</longdesc><shortdesc lang="en">Stop delay</shortdesc><content type="integer" default="0"/></parameter>
  <parameter name="promotion_score" unique="0" required="0"><longdesc lang="en">Promotion score that a start sets by crm_attribute</longdesc><shortdesc lang="en">Promotion score</shortdesc><content type="integer"/></parameter>
 </parameters>
 <actions>
  <action name="start" timeout="20s"/>
  <action name="stop" timeout="20s"/>
  <action name="promote" timeout="20s"/>
  <action name="demote" timeout="20s"/>
  <action name="notify" timeout="20s"/>
  <action name="monitor" timeout="20s" interval="10s" depth="0"/>
  <action name="monitor" timeout="20s" interval="11s" depth="0" role="Promoted"/>
  <action name="meta-data" timeout="5s"/>
  <action name="validate-all" timeout="5s"/>
 </actions>
</resource-agent>
`

// witness is one call of the journal agent.
type witness struct {
	op       string
	resource string
	state    string // file that says "started" or "promoted"; it ends with the node's power
	entry    journal.Entry
}

// journalMain is ocf:lab:journal.
func journalMain(args []string) int {
	w := witness{resource: os.Getenv("OCF_RESOURCE_INSTANCE")}
	if len(args) > 0 {
		w.op = args[0]
	}
	if w.resource == "" {
		w.resource = "unnamed"
	}
	switch w.op {
	case "meta-data":
		fmt.Print(journalMetadata)
		return ocfSuccess
	case "validate-all":
		return ocfSuccess
	case "start", "stop", "monitor", "promote", "demote", "notify":
	default:
		return ocfUnimplemented
	}
	w.state = filepath.Join("/run/lab-state", strings.ReplaceAll(w.resource, "/", "_"))
	w.entry = journal.Entry{
		Node: hostname(), Boot: bootNumber(), Resource: w.resource, Op: w.op, PID: os.Getpid(),
		MaxActive: metaNumber("clone_max"), MaxPromoted: max(metaNumber("promoted_max"), metaNumber("master_max")),
	}
	if err := w.write(journal.Begin, 0); err != nil {
		// Without a witness nothing may run.
		fmt.Fprintf(os.Stderr, "ocf:lab:journal: %v\n", err)
		return ocfGeneric
	}
	rc, known := w.fault()
	if !known {
		rc = w.perform()
	}
	if err := w.write(journal.End, rc); err != nil {
		fmt.Fprintf(os.Stderr, "ocf:lab:journal: %v\n", err)
		return ocfGeneric
	}
	return rc
}

func (w *witness) write(phase journal.Phase, rc int) error {
	f, err := os.OpenFile(filepath.Join(shared, "journal"), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	w.entry.At, w.entry.Wall, w.entry.Phase, w.entry.RC = journal.Now(), time.Now(), phase, rc
	_, err = f.WriteString(w.entry.String())
	return err
}

// fault does what a test has asked for; known tells that rc is the result.
func (w *witness) fault() (rc int, known bool) {
	path := filepath.Join(shared, "faults", w.resource+"."+w.op)
	raw, err := os.ReadFile(path + "." + w.entry.Node)
	if err != nil {
		raw, err = os.ReadFile(path)
	}
	words := append(strings.Fields(string(raw)), "", "")
	if err != nil {
		return 0, false
	}
	number, _ := strconv.Atoi(words[1])
	switch words[0] {
	case "fail":
		return max(number, ocfGeneric), true
	case "hang":
		for {
			time.Sleep(time.Hour)
		}
	case "delay":
		time.Sleep(time.Duration(number) * time.Millisecond)
	}
	return 0, false
}

func (w *witness) perform() int {
	now, _ := os.ReadFile(w.state)
	switch w.op {
	case "monitor":
		switch string(now) {
		case "started":
			return ocfSuccess
		case "promoted":
			return ocfRunningPromoted
		}
		return ocfNotRunning
	case "start":
		sleepFor("start_delay")
		if len(now) > 0 {
			return ocfSuccess
		}
		if rc := w.become("started"); rc != ocfSuccess {
			return rc
		}
		return announceScore()
	case "stop":
		sleepFor("stop_delay")
		os.Remove(w.state)
		return ocfSuccess
	case "promote", "demote":
		if len(now) == 0 {
			return ocfNotRunning
		}
		return w.become(map[string]string{"promote": "promoted", "demote": "started"}[w.op])
	}
	return ocfSuccess
}

func (w *witness) become(state string) int {
	if err := os.MkdirAll(filepath.Dir(w.state), 0o755); err == nil {
		err = os.WriteFile(w.state, []byte(state), 0o644)
		if err == nil {
			return ocfSuccess
		}
	}
	return ocfGeneric
}

// announceScore sets the promotion score as real agents do.
func announceScore() int {
	score := os.Getenv("OCF_RESKEY_promotion_score")
	if score == "" {
		return ocfSuccess
	}
	out, err := exec.Command("crm_attribute", "--promotion", "-l", "reboot", "-v", score).CombinedOutput()
	if err != nil {
		fmt.Fprintf(os.Stderr, "crm_attribute --promotion: %v: %s\n", err, out)
		return ocfGeneric
	}
	return ocfSuccess
}

func sleepFor(parameter string) {
	n, _ := strconv.Atoi(os.Getenv("OCF_RESKEY_" + parameter))
	time.Sleep(time.Duration(n) * time.Millisecond)
}

// metaNumber is a clone's meta attribute, 1 when the resource is not a clone.
func metaNumber(name string) int {
	n, err := strconv.Atoi(os.Getenv("OCF_RESKEY_CRM_meta_" + name))
	if err != nil {
		return 1
	}
	return n
}

// bootNumber is how often this node has been switched on; process 1 of the node leaves it there.
func bootNumber() int {
	raw, _ := os.ReadFile("/run/lab-boot")
	n, _ := strconv.Atoi(strings.TrimSpace(string(raw)))
	return n
}
