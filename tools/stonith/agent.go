package stonith

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/fenced/driver/catalogue"
	"github.com/holdfast-ha/holdfast/fenced/plan/device"
	"github.com/holdfast-ha/holdfast/internal/cibsecret"
	"github.com/holdfast-ha/holdfast/internal/ocfexec"
)

// agentDirs are where fence agents are, as fenced has it.
func (c *call) agentDirs() []string {
	return filepath.SplitList(cmp.Or(c.env.Getenv("HOLDFAST_FENCE_AGENTS"), "/usr/sbin"))
}

// agentPath is the program of the agent that --agent names, "" when there is none.
func (c *call) agentPath() string {
	if !strings.HasPrefix(c.agent, "fence_") || strings.Contains(c.agent, "/") {
		return ""
	}
	for _, dir := range c.agentDirs() {
		path, err := filepath.Abs(filepath.Join(dir, c.agent))
		if err != nil {
			continue
		}
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path
		}
	}
	return ""
}

// listInstalled lists the agents; that needs no daemon.
func (c *call) listInstalled(context.Context) int {
	found := map[string]bool{}
	for _, dir := range c.agentDirs() {
		paths, _ := filepath.Glob(filepath.Join(dir, "fence_*"))
		for _, path := range paths {
			if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
				found[filepath.Base(path)] = true
			}
		}
	}
	for _, a := range catalogue.All() {
		found[a.Name] = true // needs no program
	}
	c.listNames("Installed fence devices", slices.Sorted(maps.Keys(found)))
	return api.CodeOK
}

// run runs an agent as fenced would.
func (c *call) run(ctx context.Context, stdin string) (ocfexec.Exit, error) {
	r, err := ocfexec.New(ocfexec.Options{})
	if err != nil {
		return ocfexec.Exit{}, err
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	defer func() { cancel(); <-done }()
	return r.Exec(ctx, ocfexec.Command{Path: c.agentPath(), Env: append(os.Environ(), "PCMK_service=pacemaker-fenced"), Stdin: stdin,
		Timeout: time.Duration(c.timeout) * time.Second, EndGroup: true, Limit: 1 << 20})
}

// metadata shows what an agent says of itself.
func (c *call) metadata(ctx context.Context) int {
	if c.agent == "" {
		return c.needsAgent()
	}
	own := catalogue.Find(c.agent)
	var x ocfexec.Exit
	var err error
	text := ""
	switch {
	case c.agentPath() != "":
		x, err = c.run(ctx, "action=metadata\n")
		text = string(x.Stdout)
	case own != nil:
		text = own.Metadata()
	default:
		return c.fail(api.CodeNoSuchObject, "Can't get fence agent meta-data: No such device")
	}
	if err == nil && (x.TimedOut || !strings.Contains(text, "<resource-agent")) {
		err = fmt.Errorf("%s exited with status %d: %s", c.agent, x.Code, strings.TrimSpace(string(x.Stderr)))
	}
	if err != nil {
		return c.fail(api.CodeError, "Can't get fence agent meta-data: %v", err)
	}
	e := cibxml.New("metadata").Append(&cibxml.Element{Kind: cibxml.CData, Text: text})
	c.text(e, "%s", strings.TrimSuffix(text, "\n"))
	return api.CodeOK
}

// Codes of a validation that did not succeed, as Pacemaker has them.
const (
	codeInvalid  = "-201"
	codeNotFound = "-2"
)

// validate has an agent check its parameters.
func (c *call) validate(ctx context.Context) int {
	if c.agent == "" {
		return c.needsAgent()
	}
	if own := catalogue.Find(c.agent); own != nil && c.agentPath() == "" {
		var list []device.Param
		for _, name := range slices.Sorted(maps.Keys(c.params)) {
			list = append(list, device.Param{Name: name, Value: c.params[name]})
		}
		if _, err := own.Parse(list); err != nil {
			return c.validated(api.CodeError, codeInvalid, "", err.Error())
		}
		return c.validated(api.CodeOK, "0", "", "")
	}
	if c.agentPath() == "" {
		return c.validated(api.CodeNoSuchObject, codeNotFound, "", "Agent "+c.agent+" not found")
	}
	var in strings.Builder
	in.WriteString("action=validate-all\nnodename=node1\nport=node1\n")
	for _, name := range slices.Sorted(maps.Keys(c.params)) {
		v := c.params[name]
		if v == cibsecret.Mark && len(c.devices) > 0 {
			secret, err := cibsecret.Read(cibsecret.Dir, c.devices[0], name)
			if err != nil {
				return c.validated(api.CodeError, codeInvalid, "", err.Error())
			}
			v = secret
		}
		if strings.ContainsAny(name+v, "\n\x00") {
			return c.validated(api.CodeError, codeInvalid, "", "parameter "+name+" contains a line break")
		}
		in.WriteString(name + "=" + v + "\n")
	}
	x, err := c.run(ctx, in.String())
	switch {
	case err != nil:
		return c.validated(api.CodeError, codeInvalid, "", err.Error())
	case x.TimedOut:
		return c.validated(api.CodeTimeout, codeInvalid, string(x.Stdout), fmt.Sprintf("%s did not answer within %d s", c.agent, c.timeout))
	case x.Code != 0:
		return c.validated(api.CodeError, codeInvalid, string(x.Stdout), string(x.Stderr))
	}
	return c.validated(api.CodeOK, "0", string(x.Stdout), string(x.Stderr))
}

// validated answers with the outcome of a validation.
func (c *call) validated(code int, agentCode, stdout, stderr string) int {
	word, valid := "succeeded", "true"
	if code != api.CodeOK {
		word, valid = "failed", "false"
	}
	command := cibxml.New("command", "code", agentCode)
	text := "Validation of " + c.agent + " " + word
	for _, o := range []struct{ source, text string }{{"stdout", stdout}, {"stderr", stderr}} {
		if o.text != "" {
			command.Append(withText(cibxml.New("output", "source", o.source), o.text))
			text += "\n" + o.text
		}
	}
	x := cibxml.New("validate", "agent", c.agent, "valid", valid).Append(command)
	if c.quiet {
		if c.format == "xml" {
			c.xml = append(c.xml, x)
		}
		return code
	}
	c.text(x, "%s", text)
	return code
}
