package story

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/hcs/session"
	"github.com/holdfast-ha/holdfast/hcs/verb"
)

// maxBundled bounds the incidents in a bundle.
const maxBundled = 100

// Bundle is "incidents bundle".
func Bundle(s *session.Session) *cobra.Command {
	to, since := "", 24*time.Hour
	return verb.New(verb.Verb{
		Use: "bundle [ID]", Short: "Pack what support needs into a tar file", Min: 0, Max: 1,
		Long: `The incident, or all of the last day, as JSON and as a story; what the scheduler was given, for crm_simulate; the CIB, this
node's state, links, vitals, alarms and timeline. Passwords in the CIB are replaced.`,
		Examples: `  hcs incidents bundle --to /tmp/shop.tar.gz
  hcs incidents bundle 20241017-103838-n2-1`,
		Flags: func(f *pflag.FlagSet) {
			f.StringVar(&to, "to", "", "the `file` to write; holdfast-TIME.tar.gz here without it, - for the output")
			f.DurationVar(&since, "since", since, "how far back to look")
		},
		Run: func(ctx context.Context, args []string) error {
			var picked []api.Incident
			if len(args) == 1 {
				in, err := Get(ctx, s, args[0])
				if err != nil {
					return err
				}
				picked = append(picked, *in)
			} else {
				list, err := List(ctx, s, Query{Since: s.Now().Add(-since)})
				if err != nil {
					return err
				}
				picked = list[:min(len(list), maxBundled)]
			}
			return write(ctx, s, to, picked)
		},
	})
}

// write makes the file. One that cannot be finished is removed.
func write(ctx context.Context, s *session.Session, to string, list []api.Incident) (err error) {
	if to == "-" {
		return pack(ctx, s, s.Out, list)
	}
	if to == "" {
		to = "holdfast-" + s.Now().UTC().Format("20060102-150405") + ".tar.gz"
	}
	f, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if e := f.Close(); err == nil {
			err = e
		}
		if err != nil {
			os.Remove(to)
			return
		}
		s.Say("%s holds %d incidents.", to, len(list))
	}()
	return pack(ctx, s, f, list)
}

// bundle is a tar file that is being written. The first error stays.
type bundle struct {
	tar *tar.Writer
	now time.Time
	err error
}

func (b *bundle) add(name string, data []byte) {
	if b.err != nil {
		return
	}
	b.err = b.tar.WriteHeader(&tar.Header{Name: filepath.Join("holdfast", name), Mode: 0o600, Size: int64(len(data)), ModTime: b.now})
	if b.err == nil {
		_, b.err = b.tar.Write(data)
	}
}

func (b *bundle) json(name string, v any) {
	raw, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		raw = []byte(err.Error())
	}
	b.add(name, append(raw, '\n'))
}

// input adds what the scheduler was given, without passwords.
func (b *bundle) input(ctx context.Context, s *session.Session, id string, transition int) {
	name := fmt.Sprintf("incidents/%s.%d", id, transition)
	text, err := planInput(ctx, s, id, transition)
	var doc *cibxml.Element
	if err == nil {
		doc, err = cibxml.Parse(text)
	}
	if err != nil {
		b.add(name+".error", []byte(err.Error()+"\n"))
		return
	}
	b.add(name+".xml", []byte(masked(doc).String()))
}

// secret are the words that the names of secret parameters contain.
var secret = regexp.MustCompile(`(?i)passw|secret|^pass$|token|community|credential|private`)

// masked is a CIB in which the values of secret parameters are replaced.
func masked(e *cibxml.Element) *cibxml.Element {
	if secret.MatchString(e.Get("name")) && e.Get("value") != "" {
		return e.WithAttr("value", "****")
	}
	children := make([]*cibxml.Element, 0, len(e.Children))
	for _, c := range e.Children {
		children = append(children, masked(c))
	}
	return e.WithChildren(children)
}

// told is an incident as a story.
func told(s *session.Session, in *api.Incident) []byte {
	var text bytes.Buffer
	quiet := *s
	quiet.Out, quiet.Terminal = &text, false
	Tell(&quiet, in)
	return text.Bytes()
}

// pack writes the files. What cannot be had is said in its place, because a bundle is made when something is broken.
func pack(ctx context.Context, s *session.Session, w io.Writer, list []api.Incident) error {
	z := gzip.NewWriter(w)
	b := &bundle{tar: tar.NewWriter(z), now: s.Now()}
	for _, head := range list {
		in, err := Get(ctx, s, head.ID)
		if err != nil {
			b.add("incidents/"+head.ID+".error", []byte(err.Error()+"\n"))
			continue
		}
		b.json("incidents/"+in.ID+".json", in)
		b.add("incidents/"+in.ID+".txt", told(s, in))
		for _, d := range in.Decision {
			b.input(ctx, s, in.ID, d.Transition)
		}
	}
	doc, err := s.Document(ctx)
	if err != nil {
		b.add("cib.error", []byte(err.Error()+"\n"))
	} else {
		b.add("cib.xml", []byte(masked(doc).String()))
	}
	for name, path := range map[string]string{"status": api.PathCRMStatus, "vitals": api.PathVitals, "alarms": api.PathAlarms, "throttle": api.PathThrottle,
		"timeline": api.PathTimeline, "supervision": api.PathSupervise} {
		var v json.RawMessage
		if err := get(ctx, s, path, &v); err != nil {
			b.add(name+".error", []byte(err.Error()+"\n"))
		} else {
			b.json(name+".json", v)
		}
	}
	var links json.RawMessage
	corosync := s.Corosync()
	defer corosync.Close()
	if err := corosync.Call(ctx, "GET", api.PathLinks, nil, &links); err != nil {
		b.add("links.error", []byte(err.Error()+"\n"))
	} else {
		b.json("links.json", links)
	}
	if b.err == nil {
		b.err = b.tar.Close()
	}
	if err := z.Close(); b.err == nil {
		b.err = err
	}
	if b.err != nil {
		return fmt.Errorf("write the bundle: %w", b.err)
	}
	return nil
}
