package stonith

import (
	"cmp"
	"fmt"
	"html"
	"io"
	"strconv"
	"strings"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/tools/cli"
)

// apiVersion is the version of Pacemaker's result schema that the XML follows.
const apiVersion = "2.25"

// codeTexts are the texts of the exit codes that this command uses.
var codeTexts = map[int]string{
	api.CodeOK: "OK", api.CodeError: "Error occurred", api.CodeInvalidParam: "Invalid parameter",
	api.CodePermission: "Insufficient privileges", api.CodeUsage: "Incorrect usage", api.CodeSoftware: "Internal software bug",
	api.CodeIO: "I/O error occurred", api.CodeNotConnected: "Not connected", api.CodeNoSuchObject: "No such object",
	api.CodeUnsafe: "Operation not safe", api.CodeTimeout: "Timeout occurred",
}

// answer writes what the command has to say, as text at once, as XML or HTML at the end.
type answer struct {
	format  string // text, xml or html
	fancy   bool
	cgi     bool
	request string // the command line
	title   string // of the HTML page; "" is the command line
	out     io.Writer
	err     io.Writer
	xml     []*cibxml.Element
	html    strings.Builder
	errors  []string
}

// item is one line of a list.
type item struct {
	text  string
	xml   *cibxml.Element
	class string // in HTML
}

// list writes items with their number, which one and many name.
func (a *answer) list(title, one, many string, items []item) {
	x := cibxml.New("list", "name", strings.ToLower(title), "count", strconv.Itoa(len(items)))
	if a.format == "text" && a.fancy {
		fmt.Fprintln(a.out, title+":")
	}
	fmt.Fprintf(&a.html, "<h2>%s</h2>\n<ul>\n", html.EscapeString(title))
	for _, it := range items {
		x.Append(it.xml)
		fmt.Fprintf(&a.html, "<li class=%q>%s</li>\n", it.class, html.EscapeString(it.text))
		if a.format == "text" {
			if a.fancy {
				it.text = "  * " + it.text
			}
			fmt.Fprintln(a.out, it.text)
		}
	}
	a.html.WriteString("</ul>\n")
	a.xml = append(a.xml, x)
	if a.format == "text" {
		if len(items) != 1 {
			one = many
		}
		fmt.Fprintf(a.out, "%d %s found\n", len(items), one)
	}
}

// text writes a line; x stands for it in XML, nil for nothing.
func (a *answer) text(x *cibxml.Element, format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	fmt.Fprintf(&a.html, "<div>%s</div>\n", html.EscapeString(line))
	if x != nil {
		a.xml = append(a.xml, x)
	}
	if a.format == "text" {
		fmt.Fprintln(a.out, line)
	}
}

// fail notes an error and returns the exit code.
func (a *answer) fail(code int, format string, args ...any) int {
	line := fmt.Sprintf(format, args...)
	if a.format == "text" {
		fmt.Fprintln(a.err, line)
	} else {
		a.errors = append(a.errors, line)
	}
	return code
}

// end completes the answer and returns the exit code.
func (a *answer) end(code int) int {
	switch a.format {
	case "xml":
		root := cibxml.New("pacemaker-result", "api-version", apiVersion, "request", a.request)
		status := cibxml.New("status", "code", strconv.Itoa(code), "message", codeTexts[code])
		if len(a.errors) > 0 {
			errors := cibxml.New("errors")
			for _, e := range a.errors {
				errors.Append(withText(cibxml.New("error"), e))
			}
			status.Append(errors)
		}
		writeXML(a.out, root.Append(a.xml...).Append(status), 0)
	case "html":
		if a.cgi {
			fmt.Fprint(a.out, "Content-Type: text/html\n\n")
		}
		fmt.Fprintf(a.out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<title>%s</title>\n<meta charset=\"utf-8\">\n</head>\n<body>\n%s",
			html.EscapeString(cmp.Or(a.title, a.request)), a.html.String())
		for _, e := range a.errors {
			fmt.Fprintf(a.out, "<div class=\"error\">%s</div>\n", html.EscapeString(e))
		}
		fmt.Fprint(a.out, "</body>\n</html>\n")
	}
	return code
}

func withText(e *cibxml.Element, text string) *cibxml.Element {
	return e.Append(&cibxml.Element{Kind: cibxml.Text, Text: text})
}

// writeXML indents elements and leaves text as it is.
func writeXML(w io.Writer, e *cibxml.Element, depth int) {
	pad := strings.Repeat("  ", depth)
	if len(e.Children) == 0 {
		fmt.Fprintln(w, pad+e.Compact())
		return
	}
	open := (&cibxml.Element{Name: e.Name, Attrs: e.Attrs}).Compact()
	fmt.Fprint(w, pad+strings.TrimSuffix(open, "/>")+">")
	switch first := e.Children[0]; first.Kind {
	case cibxml.Text:
		fmt.Fprint(w, textEscaper.Replace(first.Text))
	case cibxml.CData:
		fmt.Fprint(w, first.Compact())
	default:
		fmt.Fprintln(w)
		for _, c := range e.Children {
			writeXML(w, c, depth+1)
		}
		fmt.Fprint(w, pad)
	}
	fmt.Fprintln(w, "</"+e.Name+">")
}

// textEscaper keeps line breaks, unlike the one for a CIB.
var textEscaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// commandLine is how the answer repeats the question.
func commandLine(env *cli.Env) string {
	return strings.Join(append([]string{env.Name}, env.Args...), " ")
}
