package mon

import (
	"fmt"
	"html"
	"io"

	"github.com/holdfast-ha/holdfast/tools/output"
)

// style makes the page readable without a style sheet of the user's.
const style = `body { font-family: sans-serif; margin: 2em } h2 { margin-bottom: 0.2em } ul { margin-top: 0.2em }`

// pageHead begins an HTML page that reloads itself as often as the cluster is looked at.
func (m *monitor) pageHead(out *output.Out) {
	w := out.W()
	if m.cgi {
		io.WriteString(w, "Content-Type: text/html\n\n")
	}
	fmt.Fprintf(w, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<title>%s</title>\n<meta charset=\"utf-8\">\n", html.EscapeString(m.title))
	if sec := int(m.interval.Seconds()); sec > 0 {
		fmt.Fprintf(w, "<meta http-equiv=\"refresh\" content=\"%d\">\n", sec)
	}
	fmt.Fprintf(w, "<style>%s</style>\n", style)
	if m.stylesheet != "" {
		fmt.Fprintf(w, "<link rel=\"stylesheet\" href=\"%s\">\n", html.EscapeString(m.stylesheet))
	}
	io.WriteString(w, "</head>\n<body>\n")
}

func (m *monitor) pageFoot(out *output.Out) { io.WriteString(out.W(), "</body>\n</html>\n") }
