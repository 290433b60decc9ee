package look

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/spf13/pflag"

	"github.com/holdfast-ha/holdfast/hcs/session"
)

// defaultEvery is how often --watch without a time looks again.
const defaultEvery = 2 * time.Second

// Watch adds the option --watch.
func Watch(f *pflag.FlagSet, every *time.Duration) {
	f.DurationVar(every, "watch", 0, "show it again and again, every so often")
	f.Lookup("watch").NoOptDefVal = defaultEvery.String()
}

// Repeat draws once, or with an interval again and again until the context ends. On a terminal each picture takes
// the place of the one before. An error of a later picture is shown and does not end it: a cluster that is being
// restarted comes back.
func Repeat(ctx context.Context, s *session.Session, every time.Duration, draw func(s *session.Session) error) error {
	if every <= 0 {
		return draw(s)
	}
	for {
		var picture bytes.Buffer
		view := *s
		view.Out = &picture
		if err := draw(&view); err != nil {
			fmt.Fprintf(&picture, "%v\n", err)
		}
		if s.Terminal {
			// Home, the picture line by line with the rest of each cleared, then what is below.
			out := bytes.ReplaceAll(picture.Bytes(), []byte("\n"), []byte("\x1b[K\n"))
			fmt.Fprintf(s.Out, "\x1b[H%s\x1b[J", out)
		} else {
			_, _ = s.Out.Write(picture.Bytes()) // whoever reads this has gone when it fails; the context ends then
			if !s.JSON {
				fmt.Fprintln(s.Out)
			}
		}
		select {
		case <-time.After(every):
		case <-ctx.Done():
			return nil
		}
	}
}
