package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/tests/lab/power"
)

const fenceMetadata = `<?xml version="1.0" ?>
<resource-agent name="fence_lab" shortdesc="Power switch of the lab">
 <longdesc>Switches a node of the lab on and off, which is a set of namespaces. The switch is outside of all nodes.</longdesc>
 <vendor-url>https://github.com/holdfast-ha/holdfast</vendor-url>
 <parameters>
  <parameter name="action" unique="0" required="1"><getopt mixed="-o, --action=[action]"/><content type="string" default="reboot"/><shortdesc lang="en">Fencing action</shortdesc></parameter>
  <parameter name="plug" unique="0" required="1" obsoletes="port"><getopt mixed="-n, --plug=[id]"/><content type="string"/><shortdesc lang="en">Name of the node</shortdesc></parameter>
  <parameter name="port" unique="0" required="0" deprecated="1"><getopt mixed="-n, --plug=[id]"/><content type="string"/><shortdesc lang="en">Name of the node</shortdesc></parameter>
  <parameter name="nodename" unique="0" required="0"><getopt mixed="-N, --nodename=[id]"/><content type="string"/><shortdesc lang="en">Name of the node when plug is not given</shortdesc></parameter>
  <parameter name="socket" unique="0" required="0"><getopt mixed="--socket=[path]"/><content type="string" default="` + power.Socket + `"/><shortdesc lang="en">The power switch's unix socket</shortdesc></parameter>
 </parameters>
 <actions>
  <action name="on" automatic="0"/>
  <action name="off"/>
  <action name="reboot"/>
  <action name="status"/>
  <action name="monitor"/>
  <action name="list"/>
  <action name="list-status"/>
  <action name="metadata"/>
  <action name="validate-all"/>
 </actions>
</resource-agent>
`

// fenceMain is a fence agent for the lab's power switch. Under the name fence_peerlab it serves the peer
// lab: the same agent for both clusters that the benchmarks compare.
func fenceMain(args []string) int {
	began := time.Now()
	o := fenceOptions(args)
	f := fenceCall{options: o, socket: o["socket"], host: hostname()}
	if peerlab := os.Getenv("PEERLAB_DIR"); f.socket == "" && filepath.Base(os.Args[0]) == "fence_peerlab" {
		if peerlab == "" {
			peerlab = "/var/tmp/peerlab"
		}
		f.socket, f.events = filepath.Join(peerlab, "power.sock"), filepath.Join(peerlab, "events")
	}
	if f.socket == "" {
		f.socket = power.Socket
	}
	code, err := f.run(o["action"], began)
	if err != nil {
		fmt.Fprintf(os.Stderr, "fence_lab: %s %s: %v\n", o["action"], f.plug(), err)
	}
	return code
}

// fenceOptions reads options as fenced passes them, one name=value to a line on standard input, or from the
// command line.
func fenceOptions(args []string) map[string]string {
	o := map[string]string{"action": "reboot"}
	if len(args) > 0 {
		alias := map[string]string{"o": "action", "n": "plug", "N": "nodename"}
		for i := 0; i < len(args); i++ {
			name, value, hasValue := strings.Cut(strings.TrimLeft(args[i], "-"), "=")
			if long, ok := alias[name]; ok {
				name = long
			}
			if !hasValue && i+1 < len(args) {
				i++
				value = args[i]
			}
			o[name] = value
		}
		return o
	}
	in := bufio.NewScanner(io.LimitReader(os.Stdin, 1<<16))
	for in.Scan() {
		if name, value, ok := strings.Cut(in.Text(), "="); ok {
			o[strings.TrimSpace(name)] = strings.TrimSpace(value)
		}
	}
	return o
}

type fenceCall struct {
	options map[string]string
	socket  string
	events  string // a file that takes a line for begin and end of an action, "" for none
	host    string
}

func (f *fenceCall) plug() string {
	for _, name := range []string{"plug", "port", "nodename"} {
		if v := f.options[name]; v != "" {
			return v
		}
	}
	return ""
}

func (f *fenceCall) run(action string, began time.Time) (int, error) {
	switch action {
	case "metadata":
		fmt.Print(fenceMetadata)
		return 0, nil
	case "validate-all":
		return 0, nil
	case "on", "off", "reboot":
		if f.plug() == "" {
			return 1, fmt.Errorf("no plug was given")
		}
		f.note("start", action, began)
		answer, err := f.ask(action, f.plug(), f.host)
		f.note("end", action, time.Now())
		return f.expect(answer, err, power.OK)
	case "status":
		answer, err := f.ask(action, f.plug())
		if err == nil && answer == power.Off {
			return 2, nil
		}
		return f.expect(answer, err, power.On)
	case "monitor":
		answer, err := f.ask("ping")
		return f.expect(answer, err, power.OK)
	case "list", "list-status":
		answer, err := f.ask(action)
		if err != nil || strings.HasPrefix(answer, "error") {
			return f.expect(answer, err, power.OK)
		}
		fmt.Println(answer)
		return 0, nil
	}
	return 1, fmt.Errorf("this agent has no such action")
}

func (f *fenceCall) expect(answer string, err error, want string) (int, error) {
	if err == nil && answer != want {
		err = fmt.Errorf("the switch answers %q", answer)
	}
	if err != nil {
		return 1, err
	}
	return 0, nil
}

// ask sends one line and reads the answer to its end. It waits as long as the switch does: fenced has the
// timeout.
func (f *fenceCall) ask(words ...string) (string, error) {
	conn, err := net.Dial("unix", f.socket)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if _, err := fmt.Fprintln(conn, strings.Join(words, " ")); err != nil {
		return "", err
	}
	raw, err := io.ReadAll(conn)
	return strings.TrimSpace(string(raw)), err
}

// note writes an event in the form of the peer lab's own agent.
func (f *fenceCall) note(what, action string, at time.Time) {
	if f.events == "" {
		return
	}
	w, err := os.OpenFile(f.events, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return
	}
	defer w.Close()
	fmt.Fprintf(w, "%d.%06d agent-%s action=%s target=%s by=%s\n", at.Unix(), at.Nanosecond()/1000, what, action, f.plug(), f.host)
}

func hostname() string {
	name, _ := os.Hostname()
	return name
}
