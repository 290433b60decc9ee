package node

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/tools/cli"
	"github.com/holdfast-ha/holdfast/tools/output"
	"github.com/holdfast-ha/holdfast/tools/program"
)

// errorCall is a crm_error call.
type errorCall struct{ names, list, exit, rc bool }

// crmError is crm_error: what exit codes and error numbers mean.
func crmError(ctx context.Context, env *cli.Env) int {
	c := &errorCall{}
	p := &program.Program{
		Summary:  "What an exit code or an error number means",
		Operands: "[-- CODE...]",
		More: []cli.Option{
			{Long: "name", Short: 'n', Do: cli.Flag(&c.names), Help: "Show the name of the code too"},
			{Long: "list", Short: 'l', Do: cli.Flag(&c.list), Help: "Show all codes"},
			{Long: "exit", Short: 'X', Do: cli.Flag(&c.exit), Help: "The codes are exit codes"},
			{Long: "rc", Short: 'r', Do: cli.Flag(&c.rc), Help: "The codes are return codes"},
		},
		Formats: []output.Format{output.XML},
	}
	return p.Main(ctx, env, func(_ context.Context, out *output.Out, operands []string) error {
		if c.list || len(operands) == 0 {
			c.all(out)
			return nil
		}
		for _, o := range operands {
			n, err := strconv.Atoi(o)
			if err != nil {
				n = -1001
			}
			c.show(out, n, c.lookup(n), 0)
		}
		return nil
	})
}

// table is what the codes are looked up in.
func (c *errorCall) table() []coded {
	switch {
	case c.exit:
		var rows []coded
		for _, e := range output.ExitCodes {
			rows = append(rows, coded{e.Code, e.Name, e.Text})
		}
		return rows
	case c.rc:
		return slices.Concat(returnCodes, []coded{{0, "pcmk_rc_ok", "OK"}}, systemErrors)
	}
	return slices.Concat([]coded{{0, "pcmk_rc_ok", "OK"}}, systemErrors, legacyErrors)
}

func (c *errorCall) lookup(n int) coded {
	switch {
	case c.exit:
		row := coded{n, "CRM_EX_UNKNOWN", output.ExitText(n)}
		for _, r := range c.table() {
			if r.code == n {
				row = r
			}
		}
		return row
	case !c.rc && n < 0:
		n = -n
	}
	for _, r := range c.table() {
		if r.code == n {
			return r
		}
	}
	if c.rc && n < 0 {
		return coded{n, "Unknown", "Error"}
	}
	return coded{n, "Unknown", fmt.Sprintf("Unknown error %d", n)}
}

// nameWidth is the column in which the descriptions of a list begin.
const nameWidth = 27

func (c *errorCall) all(out *output.Out) {
	for _, r := range c.table() {
		c.show(out, r.code, r, nameWidth)
	}
}

// show writes one code; in a list (width > 0) with its number.
func (c *errorCall) show(out *output.Out, n int, row coded, width int) {
	if out.IsXML() {
		e := cibxml.New("result-code", "code", strconv.Itoa(n))
		if c.names {
			e.Set("name", row.name)
		}
		e.Set("description", row.text)
		out.Add(e)
		return
	}
	text := row.text
	switch {
	case width > 0 && c.names:
		text = fmt.Sprintf("%5d: %-*s %s", n, width, row.name, text)
	case width > 0:
		text = fmt.Sprintf("%5d: %s", n, text)
	case c.names:
		text = row.name + " - " + text
	}
	out.Printf("%s\n", strings.TrimRight(text, " "))
}
