package observe

import (
	"fmt"
	"strings"

	"github.com/holdfast-ha/holdfast/tests/lab"
)

// explained asks hcs on a node and fails unless the answer holds these words.
func (w *world) explained(n *lab.Node, args string, want ...string) {
	w.t.Helper()
	var text string
	w.until("hcs explain "+args+" has the whole story", func(ctx contextT) (bool, error) {
		var err error
		text, err = n.Exec(ctx, "sh", "-c", "hcs explain "+args)
		for _, x := range want {
			if err == nil && !strings.Contains(text, x) {
				err = fmt.Errorf("hcs explain %s lacks %q:\n%s", args, x, text)
			}
		}
		return err == nil, err
	})
	w.t.Logf("hcs explain %s\n%s", args, text)
}
